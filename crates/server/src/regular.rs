//! Opening a file that somebody else may have replaced by anything: never waits, reads only regular files.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens the file at `path`, following links as Puppet does. Opening a fifo would wait for a writer and a device may
/// do anything: neither is opened for reading, whatever was there when the path was looked at.
pub fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// As [`open`]; anything but a regular file is an error.
pub fn open_file(path: &Path) -> io::Result<File> {
    let (file, metadata) = open(path)?;
    if metadata.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifo_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(open_file(&fifo).is_err());
        assert!(open_file(dir.path()).is_err());
        std::fs::write(dir.path().join("file"), "x").unwrap();
        assert!(open_file(&dir.path().join("file")).is_ok());
    }
}
