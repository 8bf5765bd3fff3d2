//! The last facts of each node: a catalog that is asked for without facts is compiled with them.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// A directory with one JSON file a node.
#[derive(Debug)]
pub struct FactsStore {
    dir: PathBuf,
}

impl FactsStore {
    /// The store in `dir`, which is made when it is missing.
    pub fn open(dir: &Path) -> io::Result<FactsStore> {
        std::fs::create_dir_all(dir)?;
        Ok(FactsStore { dir: dir.to_path_buf() })
    }

    /// Keeps `facts` as the last ones of `certname`. A reader sees the old or the new ones, never a mixture.
    pub fn save(&self, certname: &str, facts: &Map<String, Value>) -> io::Result<()> {
        let temporary = self.dir.join(format!(".{certname}.{}", uuid::Uuid::new_v4()));
        std::fs::write(&temporary, serde_json::to_vec(facts)?)?;
        std::fs::rename(&temporary, self.path(certname))
    }

    /// The last facts of `certname`; none when it never sent any.
    pub fn load(&self, certname: &str) -> io::Result<Map<String, Value>> {
        match std::fs::read(self.path(certname)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
            Err(e) => Err(e),
        }
    }

    fn path(&self, certname: &str) -> PathBuf {
        self.dir.join(format!("{certname}.json"))
    }
}
