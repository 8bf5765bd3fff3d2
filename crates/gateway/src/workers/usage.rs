//! Which workers an operator has taken out of use: kept in a small file, so that a restart of the front end does not
//! send requests to a worker that somebody works on.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use wire::protocol::internal::Usage;

/// The file. Workers that are in use are not in it; neither is it there while all are.
#[derive(Debug)]
pub struct UsageFile {
    path: PathBuf,
}

impl UsageFile {
    /// The file at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is there and cannot be read: nobody knows then who is to be left alone.
    pub fn load(&self) -> io::Result<BTreeMap<String, Usage>> {
        match std::fs::read(&self.path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(fault) => Err(fault),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        }
    }

    /// Replaces it.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub fn store(&self, aside: &BTreeMap<String, Usage>) -> io::Result<()> {
        let bytes = serde_json::to_vec_pretty(aside).map_err(io::Error::other)?;
        replica::storage::replace_file(&self.path, &bytes)
    }
}
