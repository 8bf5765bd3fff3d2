//! The two shapes of file this crate writes, as traits: the real ones below, simulated ones in the tests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::witness;

/// A file that grows at its end. Nothing is durable before [`Storage::sync`] returned `Ok`.
pub trait Storage {
    /// The whole content.
    fn read(&mut self) -> io::Result<Vec<u8>>;
    /// The content from `offset` on.
    fn read_from(&mut self, offset: u64) -> io::Result<Vec<u8>>;
    /// Writes at the end. After an error the end may hold a part of `bytes`.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    /// Makes everything so far durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Puts `bytes` in place of the whole content: atomically, and durable on return.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A small value that is replaced as a whole: atomically, and durable on return.
pub trait Cell {
    /// The value; none if it was never stored.
    fn load(&self) -> io::Result<Option<Vec<u8>>>;
    /// Replaces the value.
    fn store(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// Writes `bytes` to `path` so that after a crash there is the old content or the new, and after `Ok` the new:
/// a temporary file beside it, fsync, rename, fsync of the directory.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or_else(|| io::Error::other("path names no file"))?.to_os_string();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = private().create(true).truncate(true).write(true).open(&temporary)?;
    witness::created(&temporary, &file);
    file.write_all(bytes)?;
    witness::wrote(&file, 0, bytes);
    file.sync_all()?;
    witness::synced(&file);
    fs::rename(&temporary, path)?;
    witness::renamed(&temporary, path);
    sync_parent(path)
}

fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()?;
    witness::synced_directory(parent);
    Ok(())
}

/// [`Cell`] as one file, mode 0600.
#[derive(Debug)]
pub struct FileCell {
    path: PathBuf,
}

impl FileCell {
    /// The cell kept at `path`; nothing is read or made yet.
    pub fn new(path: impl Into<PathBuf>) -> FileCell {
        FileCell { path: path.into() }
    }
}

impl Cell for FileCell {
    fn load(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        replace_file(&self.path, bytes)
    }
}

/// [`Storage`] as one file, mode 0600.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    file: File,
}

impl FileStorage {
    /// Opens the file at `path`, which must exist.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<FileStorage> {
        let path = path.into();
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(FileStorage { path, file })
    }

    /// Makes the file at `path` with `bytes` in it, durable, in place of any older one.
    pub fn create(path: impl Into<PathBuf>, bytes: &[u8]) -> io::Result<FileStorage> {
        let path = path.into();
        replace_file(&path, bytes)?;
        FileStorage::open(path)
    }
}

impl Storage for FileStorage {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.read_from(0)
    }

    fn read_from(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(bytes)?;
        witness::wrote(&self.file, end, bytes);
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        witness::cut(&self.file, length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        witness::synced(&self.file);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        replace_file(&self.path, bytes)?;
        self.file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_keeps_the_last_value() {
        let dir = tempfile::tempdir().unwrap();
        let mut cell = FileCell::new(dir.path().join("cell"));
        assert_eq!(cell.load().unwrap(), None);
        cell.store(b"one").unwrap();
        cell.store(b"2").unwrap();
        assert_eq!(cell.load().unwrap().as_deref(), Some(&b"2"[..]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn storage_appends_after_truncation_and_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let mut storage = FileStorage::create(dir.path().join("log"), b"head").unwrap();
        storage.append(b"-tail").unwrap();
        storage.truncate(5).unwrap();
        storage.append(b"x").unwrap();
        storage.sync().unwrap();
        assert_eq!(storage.read().unwrap(), b"head-x");
        storage.replace(b"new").unwrap();
        storage.append(b"er").unwrap();
        assert_eq!(FileStorage::open(dir.path().join("log")).unwrap().read().unwrap(), b"newer");
    }
}
