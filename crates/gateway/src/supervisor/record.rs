//! What must be known after a restart of the front end: the last changes of the active CA, how often each kind
//! happened, who is held back for maintenance, and since when a member is out of the in-sync set.
//!
//! One small file of JSON beside the register. It decides nothing: when it is lost, or cannot be read, the past is
//! unknown and that is all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::error_log::ErrorLog;
use crate::status::LastFailover;

/// Changes kept.
const KEPT: usize = 20;

/// The content of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// The last changes of the active CA, oldest first.
    pub failovers: VecDeque<LastFailover>,
    /// How many there have been of each kind.
    pub totals: BTreeMap<String, u64>,
    /// Members held back for maintenance.
    pub held_back: BTreeSet<String>,
    /// When each member left the in-sync set that is not in it; RFC 3339, UTC.
    pub left_in_sync: BTreeMap<String, String>,
}

impl Record {
    /// Reads the file; a new record when there is none. One that cannot be read is told of and begun anew.
    pub fn load(path: &Path, error_log: &ErrorLog) -> Record {
        let read = match std::fs::read(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Record::default(),
            Err(fault) => Err(fault),
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        };
        read.unwrap_or_else(|fault| {
            error_log.say(format!(
                "{} cannot be read ({fault}): earlier failovers are forgotten, and no member is held back",
                path.display()
            ));
            Record::default()
        })
    }

    /// Adds a change.
    pub fn add(&mut self, failover: LastFailover) {
        *self.totals.entry(failover.kind.clone()).or_default() += 1;
        self.failovers.push_back(failover);
        while self.failovers.len() > KEPT {
            self.failovers.pop_front();
        }
    }
}

/// Writes each new record, the newest last; off the way of those who change it.
pub async fn keep(path: PathBuf, mut records: watch::Receiver<Record>, error_log: std::sync::Arc<ErrorLog>) {
    while records.changed().await.is_ok() {
        let record = records.borrow_and_update().clone();
        let target = path.clone();
        let write = move || {
            let bytes = serde_json::to_vec_pretty(&record).map_err(io::Error::other)?;
            replica::storage::replace_file(&target, &bytes)
        };
        let written =
            tokio::task::spawn_blocking(write).await.map_err(io::Error::other).and_then(|done| done);
        if let Err(fault) = written {
            error_log.say(format!(
                "{} cannot be written ({fault}): after a restart the last failover is not known, nor who is held back",
                path.display()
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(epoch: u64) -> LastFailover {
        LastFailover { kind: "refused".into(), epoch, ..LastFailover::default() }
    }

    #[tokio::test]
    async fn what_is_kept_is_read_again_and_a_damaged_file_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let log = std::sync::Arc::new(ErrorLog::open(&dir.path().join("error.log")).unwrap());
        let path = dir.path().join("failovers.json");
        assert_eq!(Record::load(&path, &log), Record::default());
        let mut record = Record::default();
        (1..=25).for_each(|epoch| record.add(change(epoch)));
        assert_eq!((record.failovers.len(), record.totals["refused"]), (KEPT, 25));
        let (sender, receiver) = watch::channel(Record::default());
        let keeper = tokio::spawn(keep(path.clone(), receiver, log.clone()));
        sender.send_replace(record.clone());
        drop(sender);
        keeper.await.unwrap();
        assert_eq!(Record::load(&path, &log), record);
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Record::load(&path, &log), Record::default());
        let said = std::fs::read_to_string(dir.path().join("error.log")).unwrap();
        assert!(said.contains("failovers.json cannot be read"), "{said}");
    }
}
