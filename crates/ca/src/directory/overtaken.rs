//! Files that somebody else has written since this CA wrote or judged them last: our next write must not take their place
//! unseen. What it costs: one `stat` for each write of a single file; none for those of certificates and requests.
//!
//! And the reverse: files that are still as this CA left them, which a look for changes by others need not read. It
//! would read every certificate once more that was signed since the last look, and all of the inventory.

use super::Layout;
use crate::foreign::stamp::Stamp;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What tells one file from another, however often it is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    inode: u64,
    size: u64,
    modified: i64,
}

impl Mark {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self::from(Stamp::from(metadata))
    }
}

impl From<Stamp> for Mark {
    fn from(stamp: Stamp) -> Self {
        Self { inode: stamp.inode, size: stamp.size, modified: stamp.modified }
    }
}

/// So many certificates and requests are remembered at most; the others are read.
const LATELY_AT_MOST: usize = 32_768;

/// The single files as this CA left them, or as they were when it looked at them last.
#[derive(Debug)]
pub struct Known {
    files: Mutex<BTreeMap<PathBuf, Option<Mark>>>,
    /// Certificates and requests that this CA wrote lately.
    lately: Mutex<HashMap<PathBuf, Mark>>,
    /// The inventory, as long as nobody else has written to it since the start, or since we wrote it anew.
    inventory: Mutex<Option<Mark>>,
    inventory_path: PathBuf,
    noticed: Notify,
}

impl Known {
    /// As they are now.
    pub(super) fn now(layout: &Layout) -> io::Result<Self> {
        let watched = [
            layout.serial(),
            layout.revocation_lists(),
            layout.bundle(),
            layout.infra_serials(),
            layout.infra_lists(),
        ];
        let mut files = BTreeMap::new();
        for path in watched {
            let mark = Stamp::of(&path)?.map(Mark::from);
            files.insert(path, mark);
        }
        let inventory_path = layout.inventory();
        Ok(Self {
            files: Mutex::new(files),
            lately: Mutex::default(),
            inventory: Mutex::new(Stamp::of(&inventory_path)?.map(Mark::from)),
            inventory_path,
            noticed: Notify::new(),
        })
    }

    fn lately(&self) -> MutexGuard<'_, HashMap<PathBuf, Mark>> {
        // Each change is a single insertion or removal.
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inventory(&self) -> MutexGuard<'_, Option<Mark>> {
        // Each change is a single assignment.
        self.inventory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `write` change the inventory in place.
    pub(super) fn write_inventory(
        &self,
        file: &File,
        write: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<()> {
        let is_ours = *self.inventory() == Some(Mark::of(&file.metadata()?));
        // Until it is done nobody knows what is there.
        *self.inventory() = None;
        write(file)?;
        if is_ours {
            *self.inventory() = Some(Mark::of(&file.metadata()?));
        }
        Ok(())
    }

    /// Whether nobody else has written to the inventory since the start, or since we wrote it anew. False also while we
    /// write.
    pub fn is_our_inventory(&self) -> io::Result<bool> {
        let here = Stamp::of(&self.inventory_path)?.map(Mark::from);
        Ok(here.is_some() && here == *self.inventory())
    }

    /// Whether the file of a certificate or a request is one that we wrote lately, and as we wrote it. One that was
    /// written in place, within the same tick of the file system's clock and to the same length, looks like it.
    pub fn is_as_written(&self, path: &Path) -> io::Result<bool> {
        let Some(mark) = self.lately().get(path).copied() else { return Ok(false) };
        Ok(Stamp::of(path)?.map(Mark::from) == Some(mark))
    }

    /// Files that changed before `as_of` (nanoseconds since 1970) will not be asked for again.
    pub fn forget_before(&self, as_of: i64) {
        self.lately().retain(|_, mark| mark.modified >= as_of);
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Mark>>> {
        // Each change is a single assignment.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// We have put this in place.
    pub(super) fn wrote(&self, path: PathBuf, mark: Mark) {
        if let Some(known) = self.files().get_mut(&path) {
            *known = Some(mark);
            return;
        }
        if path == self.inventory_path {
            *self.inventory() = Some(mark);
            return;
        }
        let mut lately = self.lately();
        if lately.len() < LATELY_AT_MOST || lately.contains_key(&path) {
            lately.insert(path, mark);
        }
    }

    /// What is there has been looked at, and kept or taken over: it may be replaced.
    pub fn judged(&self, path: &Path, stamp: Option<Stamp>) {
        if let Some(known) = self.files().get_mut(path) {
            *known = stamp.map(Mark::from);
        }
    }

    /// Whether somebody else has written this file. One that is gone is nobody's work that could be lost.
    pub(super) fn is_overtaken(&self, path: &Path) -> io::Result<bool> {
        let files = self.files();
        let Some(known) = files.get(path) else { return Ok(false) };
        let here = Stamp::of(path)?.map(Mark::from);
        Ok(here.is_some() && here != *known)
    }

    /// Wakes whoever looks at the directory.
    pub(super) fn notice(&self) {
        self.noticed.notify_one();
    }

    /// Waits until somebody else's file has been met.
    pub async fn noticed(&self) {
        self.noticed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::{Batch, Directory};
    use crate::state::DirectoryEffect;
    use std::fs;

    fn append(directory: &Directory, offset: u64, line: &str) {
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::AppendInventory { offset, line: line.into() });
        batch.add(DirectoryEffect::SaveCertificate { certname: "a".into(), der: [1, 2, 3].into() });
        directory.carry_out(&batch).unwrap();
    }

    #[test]
    fn what_others_change_is_not_taken_for_ours() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let (layout, known) = (directory.layout().clone(), directory.known());
        // There was none when the directory was opened.
        append(&directory, 0, "first\n");
        assert!(!known.is_our_inventory().unwrap());

        let directory = Directory::open(root.path()).unwrap();
        let known = directory.known();
        let ours = |what: &str| {
            let certificate = known.is_as_written(&layout.certificate("a")).unwrap();
            assert_eq!(
                (known.is_our_inventory().unwrap(), certificate),
                match what {
                    "both" => (true, true),
                    "inventory" => (true, false),
                    _ => (false, false),
                }
            );
        };
        ours("inventory");
        append(&directory, 6, "second\n");
        ours("both");
        known.forget_before(i64::MAX);
        ours("inventory");
        append(&directory, 13, "third\n");
        ours("both");
        // The clock of a file system may tick every ten milliseconds only.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let text = fs::read_to_string(layout.inventory()).unwrap();
        fs::write(layout.inventory(), text.replace("first", "FIRST")).unwrap();
        fs::write(layout.certificate("a"), "x").unwrap();
        ours("none");
        // Nor does it become ours because we write after it.
        append(&directory, 19, "fourth\n");
        assert!(!known.is_our_inventory().unwrap());
        // What was judged and is written anew does.
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::WriteInventory { offset: 0, text: "other\n".into() });
        directory.carry_out(&batch).unwrap();
        assert!(known.is_our_inventory().unwrap());
    }
}
