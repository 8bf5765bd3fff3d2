//! The two shapes of file this crate writes, as traits: the real ones below, simulated ones in the tests.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
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

/// Octets of value 0 that are kept after the end of the content. A flush of what only takes their place has nothing to
/// tell the file system: it writes the data and is done, without a commit of the journal that everybody else's changes
/// would share and wait for.
const RESERVE: usize = 256 * 1024;

/// [`Storage`] as one file, mode 0600. While it is being appended to, there may be octets of value 0 after its content;
/// a crash leaves them there, and who opens it finds them.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    file: File,
    /// Where the content ends.
    end: u64,
    /// Where the file does.
    length: u64,
}

impl FileStorage {
    /// Opens the file at `path`, which must exist.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<FileStorage> {
        let path = path.into();
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(FileStorage { path, file, end: length, length })
    }

    /// Makes the file at `path` with `bytes` in it, durable, in place of any older one.
    pub fn create(path: impl Into<PathBuf>, bytes: &[u8]) -> io::Result<FileStorage> {
        let path = path.into();
        replace_file(&path, bytes)?;
        FileStorage::open(path)
    }

    fn write_at_end(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        witness::wrote(&self.file, self.end, bytes);
        self.length = self.length.max(self.end + bytes.len() as u64);
        Ok(())
    }
}

impl Storage for FileStorage {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.read_from(0)
    }

    fn read_from(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        (&self.file).take(self.end.saturating_sub(offset)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.end + bytes.len() as u64;
        if end > self.length {
            let mut with_reserve = Vec::with_capacity(bytes.len() + RESERVE);
            with_reserve.extend_from_slice(bytes);
            with_reserve.resize(bytes.len() + RESERVE, 0);
            if self.write_at_end(&with_reserve).is_err() {
                // A disk that is almost full may still have room for the bytes alone.
                self.truncate(self.end)?;
                self.write_at_end(bytes)?;
            }
        } else {
            self.write_at_end(bytes)?;
        }
        self.end = end;
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        witness::cut(&self.file, length);
        (self.end, self.length) = (length, length);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        witness::synced(&self.file);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        replace_file(&self.path, bytes)?;
        *self = FileStorage::open(self.path.clone())?;
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
        assert_eq!(storage.read().unwrap(), b"newer");
        let mut kept = FileStorage::open(dir.path().join("log")).unwrap().read().unwrap();
        assert_eq!(kept.len(), b"newer".len() + RESERVE, "the next append finds its place made");
        assert!(kept.split_off(b"newer".len()).iter().all(|octet| *octet == 0));
        assert_eq!(kept, b"newer");
    }
}
