//! What this front end last read from etcd, on its own disk; and the embedded register that came before etcd.
//!
//! With it a front end that starts while etcd is down serves in the last configuration. That is safe however old it is:
//! a front end's word alone changes nothing. A member that is named in an epoch older than the one on its disk answers
//! "stale"; one that is named in its own epoch after a restart must have the register name it anew before it acts; and
//! what a primary confirms, every member that could have followed it has on its disk, or has refused.

use std::path::{Path, PathBuf};

use replica::configuration::Configuration;
use replica::name::ClusterId;
use replica::register::{self, RegisterFault};
use replica::storage::{Cell, FileCell};

pub struct Memory {
    cell: FileCell,
    embedded: PathBuf,
    cluster: ClusterId,
    last: Option<Configuration>,
}

impl Memory {
    /// Beside `register_path`, where the embedded register is or was.
    pub fn open(register_path: &Path, cluster: ClusterId) -> Result<Memory, RegisterFault> {
        let cell = FileCell::new(register_path.with_extension("seen.json"));
        let last = load(&cell, &cluster)?;
        Ok(Memory { cell, embedded: register_path.to_owned(), cluster, last })
    }

    pub fn last(&self) -> Option<&Configuration> {
        self.last.as_ref()
    }

    /// Keeps what was read. A disk that is full is no reason to stop: then the next start knows less.
    pub fn keep(&mut self, value: &Configuration) -> Result<(), RegisterFault> {
        if self.last.as_ref() != Some(value) {
            self.last = Some(value.clone());
            self.cell.store(&register::encode(value)?)?;
        }
        Ok(())
    }

    /// The embedded register of the time before etcd, if there is one.
    pub fn embedded(&self) -> Result<Option<Configuration>, RegisterFault> {
        load(&FileCell::new(&self.embedded), &self.cluster)
    }

    /// The embedded register has been taken over: nobody may take it for the truth again.
    pub fn retire_embedded(&self) -> std::io::Result<PathBuf> {
        let aside = self.embedded.with_extension("moved-to-etcd.json");
        std::fs::rename(&self.embedded, &aside)?;
        Ok(aside)
    }
}

fn load(cell: &FileCell, cluster: &ClusterId) -> Result<Option<Configuration>, RegisterFault> {
    match cell.load()? {
        None => Ok(None),
        Some(bytes) => {
            let value = register::decode(&bytes)?;
            if value.cluster != *cluster {
                return Err(RegisterFault::OtherCluster(value.cluster));
            }
            Ok(Some(value))
        }
    }
}
