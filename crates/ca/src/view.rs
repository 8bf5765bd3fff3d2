//! Reads the log of a CA directory without its lock: what is there is not touched, whoever is writing to it.

use crate::command::{Command, Envelope};
use crate::directory::Layout;
use crate::foreign::explained::Explained;
use crate::state::State;
use crate::store::{self, OpenFault};
use crate::{projection, snapshot};
use replica::log::{Log, LogFault};
use replica::storage::Storage;
use replica::{Entry, Position};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

/// A directory's log as it was at one moment.
#[derive(Debug)]
pub struct View {
    /// What the directory shows, as far as that was noted.
    pub shown: State,
    /// What it may show of entries after that.
    pub explained: Explained,
    /// All that the log still has.
    pub entries: Vec<Entry>,
}

/// Reads it; none in a directory that no Bunraku has ever had, or that has no state yet.
///
/// # Errors
/// [`OpenFault`]; a log that is being shortened at this very moment may look damaged: ask again.
pub fn view(layout: &Layout) -> Result<Option<View>, OpenFault> {
    let Some(SnapshotAndLog { position, state: mut shown, mark, entries }) = log(layout)? else {
        return Ok(None);
    };
    let mut explained = Explained::default();
    let after = entries.iter().filter(|entry| entry.position.index > position.index);
    let (before_mark, after_mark): (Vec<&Entry>, Vec<&Entry>) =
        after.partition(|entry| entry.position.index <= mark);
    for entry in before_mark {
        store::apply(&mut shown, entry)?;
    }
    explained.add(&shown, &[]);
    let mut later = shown.clone();
    for entry in after_mark {
        let effects = store::apply(&mut later, entry)?;
        explained.add(&later, &effects);
    }
    Ok(Some(View { shown, explained, entries }))
}

/// Snapshot and log, as they are.
pub(crate) struct SnapshotAndLog {
    /// Of the snapshot.
    pub position: Position,
    /// The snapshot's.
    pub state: State,
    /// How far the directory follows, as far as that was noted.
    pub mark: u64,
    /// All that the log still has.
    pub entries: Vec<Entry>,
}

/// Reads both.
///
/// # Errors
/// As [`view`].
pub(crate) fn log(layout: &Layout) -> Result<Option<SnapshotAndLog>, OpenFault> {
    let io = |source| OpenFault::Log { path: layout.log(), fault: LogFault::Io(source) };
    let mark = projection::marked(layout);
    let Some((position, state)) =
        snapshot::read(layout).map_err(|fault| OpenFault::Snapshot { path: layout.snapshot(), fault })?
    else {
        return Ok(None);
    };
    let bytes = fs::read(layout.log()).map_err(io)?;
    let (_, entries) =
        Log::open(Frozen(bytes)).map_err(|fault| OpenFault::Log { path: layout.log(), fault })?;
    Ok(Some(SnapshotAndLog { position, state, mark, entries }))
}

/// Bytes of a file that is not ours to change.
#[derive(Debug)]
struct Frozen(Vec<u8>);

impl Storage for Frozen {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.read_from(0)
    }
    fn read_from(&mut self, offset: u64) -> io::Result<Vec<u8>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        Ok(self.0[offset..].to_vec())
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 = bytes.to_vec();
        Ok(())
    }
}

/// The certificates of these names that the log still has.
pub fn certificates_in_log(layout: &Layout, names: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read(layout.log()).ok().and_then(|bytes| Log::open(Frozen(bytes)).ok());
    entries.map(|(_, entries)| certificates_in(&entries, names)).unwrap_or_default()
}

/// The same of entries at hand.
pub fn certificates_in(entries: &[Entry], names: &BTreeSet<String>) -> BTreeMap<String, Vec<u8>> {
    let mut certificates = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.is_marker()) {
        let Ok(envelope) = Envelope::decode(&entry.payload) else { continue };
        for command in envelope.commands {
            match command {
                Command::CertificateIssued { certname, der, .. }
                | Command::CertificateAdopted { certname, der, .. }
                    if names.contains(&certname) =>
                {
                    certificates.insert(certname, der);
                }
                _ => {}
            }
        }
    }
    certificates
}
