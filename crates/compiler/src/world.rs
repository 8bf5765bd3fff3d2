//! The world outside: every read of a file passes through here, so that a compilation can be repeated exactly.

use std::io;
use std::path::{Path, PathBuf};

/// What the compiler may read.
pub trait World: Send + Sync {
    /// The content of a file.
    ///
    /// # Errors
    /// As the operating system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// As the operating system says; `NotADirectory` for a file.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// What a path is, links followed; `None` when there is nothing.
    fn kind(&self, path: &Path) -> Option<EntryKind>;
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub kind: EntryKind,
}

/// What a name in a directory stands for, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    File,
    Directory,
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl World for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            // A name that isn't UTF-8 can't be named in a manifest either.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if let Some(kind) = self.kind(&entry.path()) {
                entries.push(Entry { name, kind });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn kind(&self, path: &Path) -> Option<EntryKind> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(if metadata.is_dir() { EntryKind::Directory } else { EntryKind::File })
    }
}

/// All files with that extension below a directory, sorted by path.
///
/// # Errors
/// The first directory that can't be read.
pub fn files_below(world: &dyn World, directory: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in world.list(&next)? {
            // Puppet's glob skips hidden names.
            if entry.name.starts_with('.') {
                continue;
            }
            let path = next.join(&entry.name);
            match entry.kind {
                EntryKind::Directory => pending.push(path),
                EntryKind::File if path.extension().is_some_and(|end| end == extension) => found.push(path),
                EntryKind::File => {}
            }
        }
    }
    found.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
    Ok(found)
}
