//! Files that somebody else has written since this CA wrote or judged them last: our next write must not take their place
//! unseen. What it costs: one `stat` for each write of a single file; none for those of certificates and requests.

use super::Layout;
use crate::foreign::stamp::Stamp;
use std::collections::BTreeMap;
use std::fs::Metadata;
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

/// The single files as this CA left them, or as they were when it looked at them last.
#[derive(Debug)]
pub struct Known {
    files: Mutex<BTreeMap<PathBuf, Option<Mark>>>,
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
        Ok(Self { files: Mutex::new(files), noticed: Notify::new() })
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Mark>>> {
        // Each change is a single assignment.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// We have put this in place.
    pub(super) fn wrote(&self, path: &Path, mark: Mark) {
        if let Some(known) = self.files().get_mut(path) {
            *known = Some(mark);
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
