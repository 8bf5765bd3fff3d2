//! Told of every change of a file, in order: for the tests that replay what a crash may leave behind.
//!
//! Without the feature `witness`, which only those tests switch on, each of these functions is empty. Whoever changes
//! files of a CA directory calls them right after the change, so that the tests see what is really done, not what
//! somebody says is done.

use std::fs::File;
use std::path::Path;

/// A file was created, or an existing one opened to be written anew.
#[inline]
pub fn created(path: &Path, file: &File) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Create { path: path.to_owned(), inode: recorder::inode(file) });
    let _ = (path, file);
}

/// Bytes were written.
#[inline]
pub fn wrote(file: &File, offset: u64, bytes: &[u8]) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Write {
        inode: recorder::inode(file),
        offset,
        bytes: bytes.to_vec(),
    });
    let _ = (file, offset, bytes);
}

/// A file was cut.
#[inline]
pub fn cut(file: &File, length: u64) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Cut { inode: recorder::inode(file), length });
    let _ = (file, length);
}

/// A file's content was made durable.
#[inline]
pub fn synced(file: &File) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Sync { inode: recorder::inode(file) });
    let _ = file;
}

/// The content of every file so far was made durable. (Their names, too; nobody counts on that.)
#[inline]
pub fn synced_all() {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::SyncAll);
}

/// A file took another name.
#[inline]
pub fn renamed(from: &Path, to: &Path) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Rename { from: from.to_owned(), to: to.to_owned() });
    let _ = (from, to);
}

/// A file lost its name.
#[inline]
pub fn removed(path: &Path) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::Remove { path: path.to_owned() });
    let _ = path;
}

/// The names in a directory were made durable.
#[inline]
pub fn synced_directory(path: &Path) {
    #[cfg(feature = "witness")]
    recorder::note(recorder::Operation::SyncDirectory { path: path.to_owned() });
    let _ = path;
}

/// What was told, for the tests.
#[cfg(feature = "witness")]
pub mod recorder {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};

    /// One change. Files are told apart by their inodes, names by their paths.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Operation {
        /// See [`super::created`].
        Create { path: PathBuf, inode: u64 },
        /// See [`super::wrote`].
        Write { inode: u64, offset: u64, bytes: Vec<u8> },
        /// See [`super::cut`].
        Cut { inode: u64, length: u64 },
        /// See [`super::synced`].
        Sync { inode: u64 },
        /// See [`super::synced_all`].
        SyncAll,
        /// See [`super::renamed`].
        Rename { from: PathBuf, to: PathBuf },
        /// See [`super::removed`].
        Remove { path: PathBuf },
        /// See [`super::synced_directory`].
        SyncDirectory { path: PathBuf },
        /// Not a change: something that the test says happened at this point.
        Mark(String),
    }

    static RECORD: Mutex<Option<Vec<Operation>>> = Mutex::new(None);

    /// Begins a record, for the whole process.
    pub fn begin() {
        *RECORD.lock().unwrap_or_else(PoisonError::into_inner) = Some(Vec::new());
    }

    /// Ends it and gives it.
    pub fn end() -> Vec<Operation> {
        RECORD.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }

    /// Says something at this point of the record.
    pub fn mark(text: impl Into<String>) {
        note(Operation::Mark(text.into()));
    }

    pub(super) fn note(operation: Operation) {
        if let Some(record) = RECORD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            record.push(operation);
        }
    }

    pub(super) fn inode(file: &File) -> u64 {
        file.metadata().map_or(0, |metadata| metadata.ino())
    }
}
