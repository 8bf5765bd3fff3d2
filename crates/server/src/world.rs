//! The disk as the compiler sees it, remembering what was looked at: an environment is as fresh as that.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use compiler::world::{Disk, Entry, EntryKind, World};

/// The file system of this machine, with a note of every file and directory that was asked for.
#[derive(Debug, Default)]
pub struct DiskWorld {
    seen: Mutex<BTreeMap<PathBuf, Mark>>,
}

/// What tells one state of a file or directory from another: inode, size, modification and change time (ns).
/// `None` when there was nothing.
type Mark = Option<(u64, u64, i64, i64, i64, i64)>;

impl DiskWorld {
    /// Whether everything that was looked at is still as it was.
    pub fn is_fresh(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        seen.iter().all(|(path, then)| mark(path) == *then)
    }

    fn note(&self, path: &Path) {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !seen.contains_key(path) {
            // Taken before the read: a change during the read is then a change since.
            seen.insert(path.to_path_buf(), mark(path));
        }
    }
}

impl World for DiskWorld {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.note(path);
        Disk.read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.note(path);
        Disk.list(path)
    }

    fn kind(&self, path: &Path) -> Option<EntryKind> {
        self.note(path);
        Disk.kind(path)
    }
}

fn mark(path: &Path) -> Mark {
    let m = std::fs::metadata(path).ok()?;
    Some((m.ino(), m.size(), m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_anything_looked_at_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (file, missing) = (dir.path().join("site.pp"), dir.path().join("later"));
        std::fs::write(&file, "one").unwrap();
        let looked_at = |path: &Path| {
            let world = DiskWorld::default();
            let _ = world.read(path);
            world
        };
        let (world, absent) = (looked_at(&file), looked_at(&missing));
        assert!(world.is_fresh() && absent.is_fresh());
        std::fs::write(&file, "three").unwrap();
        std::fs::create_dir(&missing).unwrap();
        assert!(!world.is_fresh() && !absent.is_fresh());
    }
}
