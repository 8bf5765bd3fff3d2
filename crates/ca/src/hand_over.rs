//! What root leaves in the directory of another user is given to that user: a CA that runs as `puppet` must be able to
//! open the log in which root has recorded something.

use crate::directory::Layout;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use tracing::warn;

/// Does it when dropped, so that it is done however an offline command ends.
#[derive(Debug)]
pub struct HandOver {
    layout: Layout,
}

impl HandOver {
    /// For this directory.
    pub fn of(layout: Layout) -> Self {
        Self { layout }
    }

    fn carry_out(&self) -> io::Result<()> {
        let owner = fs::metadata(self.layout.root())?;
        if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
            return Ok(());
        }
        give(&self.layout.own(), &(owner.uid(), owner.gid()))
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        if let Err(fault) = self.carry_out() {
            let path: PathBuf = self.layout.own();
            warn!(%fault, path = %path.display(), "its owner could not be set");
        }
    }
}

fn give(path: &Path, owner: &(u32, u32)) -> io::Result<()> {
    let about = path.symlink_metadata()?;
    if (about.uid(), about.gid()) != *owner {
        chown(path, Some(owner.0), Some(owner.1))?;
    }
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), owner)?;
        }
    }
    Ok(())
}
