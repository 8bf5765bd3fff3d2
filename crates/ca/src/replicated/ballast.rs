//! A little room on the disk, kept for when there is none: a member whose log cannot be written must still be able to
//! note that another one is primary now, and to say so.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tracing::warn;

/// How much is kept. Less than what has to fit before the disk counts as usable again (the log's probe writes 64 KiB),
/// so that giving this up is not taken for room.
const KEPT: u64 = 56 * 1024;
/// How much is given up at a time: the file that is to be written, twice over.
const STEP: u64 = 8 * 1024;

/// The file that takes the room.
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// Takes the room, in `folder`, if there is some.
    pub(super) fn take(folder: &Path) -> Self {
        let ballast = Self { path: folder.join("ballast") };
        ballast.refill();
        ballast
    }

    /// Takes what was given up, now that there is room.
    pub(super) fn refill(&self) {
        if let Err(fault) = self.fill() {
            warn!(%fault, "no room could be kept for a full disk");
        }
    }

    fn fill(&self) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        let missing = KEPT.saturating_sub(file.metadata()?.len());
        // Written, not only measured off: a hole takes no room.
        file.write_all(&vec![0x5A; usize::try_from(missing).map_err(io::Error::other)?])
    }

    /// Gives some of it up; false when nothing is left.
    pub(super) fn give_up_some(&self) -> bool {
        let shorten = || -> io::Result<bool> {
            let file: File = OpenOptions::new().write(true).open(&self.path)?;
            let length = file.metadata()?.len();
            file.set_len(length.saturating_sub(STEP))?;
            Ok(length > 0)
        };
        shorten().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_given_up_step_by_step_and_taken_again() {
        let dir = tempfile::tempdir().unwrap();
        let length = || std::fs::metadata(dir.path().join("ballast")).unwrap().len();
        let ballast = Ballast::take(dir.path());
        assert_eq!(length(), KEPT);
        assert!(ballast.give_up_some());
        assert_eq!(length(), KEPT - STEP);
        while ballast.give_up_some() {}
        assert_eq!(length(), 0);
        ballast.refill();
        assert_eq!(length(), KEPT);
    }
}
