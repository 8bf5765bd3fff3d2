//! The register: who is primary. One value, changed only by compare-and-set.
//!
//! [`admissible`] is the law; it is the same wherever the value is kept. [`EmbeddedRegister`] keeps it in one durable
//! file of the front end. Another home (a consensus store for several front ends) implements [`Register`] with its own
//! compare-and-set and calls [`admissible`] on the value it read before it writes.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::configuration::Configuration;
use crate::name::{ClusterId, Epoch, MemberName};
use crate::storage::{Cell, FileCell};

/// Who asks for a change. The caller knows it from the peer's certificate, never from the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Author {
    /// The front end itself (its monitor, or an operator through it).
    FrontEnd,
    /// A CA member.
    Member(MemberName),
}

/// Body of a compare-and-set over HTTP (JSON).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegisterRequest {
    /// Version the author has seen; 0 = the register is unset.
    pub expected_version: u64,
    /// The new value; its version is `expected_version + 1`.
    pub configuration: Configuration,
}

/// Answer to a [`RegisterRequest`] or to a read, over HTTP (JSON).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RegisterAnswer {
    /// What the register holds now.
    pub current: Option<Configuration>,
    /// Why the change was not made; none when it was (or for a read).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RegisterRefusal>,
}

/// Why a change was not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RegisterRefusal {
    /// Somebody else changed it meanwhile.
    #[error("the register has changed meanwhile")]
    Conflict,
    /// The value belongs to another estate.
    #[error("the register belongs to another cluster")]
    OtherCluster,
    /// Version, epoch or in-sync set contradict themselves or each other.
    #[error("the proposed configuration is malformed")]
    Malformed,
    /// Within an epoch the primary never changes; a member changes only its own reign.
    #[error("the author may not make this change")]
    NotAllowed,
    /// The proposed primary, or part of the in-sync set, is not known to hold everything acknowledged.
    #[error("the proposed primary is not in the in-sync set")]
    NotInSync,
}

/// Why the register could not be asked or written.
#[derive(Debug, Error)]
pub enum RegisterFault {
    /// Its storage failed. Whether the change was made is unknown until the next read.
    #[error("register: {0}")]
    Io(#[from] io::Error),
    /// Its file is not what this build writes. It is never overwritten.
    #[error("register file is damaged: {0}")]
    Damaged(String),
    /// The file belongs to another estate.
    #[error("register file belongs to cluster {0}")]
    OtherCluster(ClusterId),
    /// Its home (a shared one) gave no usable answer. Whether a change was made is unknown until the next read.
    #[error("{0}")]
    Unavailable(String),
}

/// Decides whether `proposed` may take the place of `current`.
///
/// - The first value: epoch 1, version 1, the primary alone, by the front end.
/// - Same epoch: same primary, any in-sync set with the primary in it; by that primary only.
/// - Next epoch: primary and in-sync set come from the current in-sync set; by the front end, or by the current
///   primary for itself (a new life of its process).
/// - `forced` (front end only): any primary, any later epoch and version.
pub fn admissible(
    current: Option<&Configuration>,
    author: &Author,
    expected_version: u64,
    proposed: &Configuration,
) -> Result<(), RegisterRefusal> {
    if current.map_or(0, |current| current.version) != expected_version {
        return Err(RegisterRefusal::Conflict);
    }
    if !proposed.in_sync.contains(&proposed.primary) {
        return Err(RegisterRefusal::Malformed);
    }
    let known = current.map_or(Epoch::NONE, |current| current.epoch);
    if proposed.forced && *author == Author::FrontEnd {
        // May leap: after a loss of the register, past everything that members still have on their disks.
        let grows = proposed.version > expected_version && proposed.epoch > known;
        let same = current.is_none_or(|current| current.cluster == proposed.cluster);
        return if grows && same { Ok(()) } else { Err(RegisterRefusal::Malformed) };
    }
    if proposed.version != expected_version + 1 {
        return Err(RegisterRefusal::Malformed);
    }
    let Some(current) = current else {
        let first = proposed.epoch == Epoch(1) && proposed.in_sync.len() == 1;
        return match author {
            Author::Member(_) => Err(RegisterRefusal::NotAllowed),
            Author::FrontEnd if first => Ok(()),
            Author::FrontEnd => Err(RegisterRefusal::Malformed),
        };
    };
    if proposed.cluster != current.cluster {
        return Err(RegisterRefusal::OtherCluster);
    }
    let own_reign = |member: &MemberName| *member == current.primary && *member == proposed.primary;
    if proposed.epoch == current.epoch {
        return match author {
            Author::Member(member) if own_reign(member) && proposed.forced == current.forced => Ok(()),
            _ => Err(RegisterRefusal::NotAllowed),
        };
    }
    if proposed.epoch != current.epoch.next() {
        return Err(RegisterRefusal::Malformed);
    }
    match author {
        Author::Member(member) if !own_reign(member) || proposed.forced => Err(RegisterRefusal::NotAllowed),
        _ if proposed.in_sync.is_subset(&current.in_sync) => Ok(()),
        _ => Err(RegisterRefusal::NotInSync),
    }
}

/// A home of the register.
pub trait Register {
    /// What it holds; none if it was never set.
    fn read(&self) -> Result<Option<Configuration>, RegisterFault>;
    /// Changes it if [`admissible`]; the change is durable when the answer says so.
    fn compare_and_set(
        &mut self,
        author: &Author,
        request: &RegisterRequest,
    ) -> Result<RegisterAnswer, RegisterFault>;
}

#[derive(Serialize, Deserialize)]
struct RegisterFile {
    format: u32,
    configuration: Configuration,
}

const FORMAT: u32 = 1;

/// The bytes of a value, as a file or a key holds it (JSON, for people to read).
pub fn encode(configuration: &Configuration) -> Result<Vec<u8>, RegisterFault> {
    let file = RegisterFile { format: FORMAT, configuration: configuration.clone() };
    Ok(serde_json::to_vec_pretty(&file).map_err(io::Error::from)?)
}

/// Reads [`encode`].
pub fn decode(bytes: &[u8]) -> Result<Configuration, RegisterFault> {
    let file: RegisterFile =
        serde_json::from_slice(bytes).map_err(|fault| RegisterFault::Damaged(fault.to_string()))?;
    match file.format {
        FORMAT => Ok(file.configuration),
        format => Err(RegisterFault::Damaged(format!("format {format}"))),
    }
}

/// The register as one JSON file of the (only) front end.
#[derive(Debug)]
pub struct EmbeddedRegister<C: Cell = FileCell> {
    cell: C,
    cluster: ClusterId,
    current: Option<Configuration>,
}

impl EmbeddedRegister {
    /// Opens the file at `path`. A missing file is a register that was never set; whether that is the first start or
    /// a loss is for [`crate::monitor`] to find out from the members.
    pub fn open(path: impl Into<PathBuf>, cluster: ClusterId) -> Result<EmbeddedRegister, RegisterFault> {
        EmbeddedRegister::with_cell(FileCell::new(path), cluster)
    }
}

impl<C: Cell> EmbeddedRegister<C> {
    /// Opens the register kept in `cell`.
    pub fn with_cell(cell: C, cluster: ClusterId) -> Result<EmbeddedRegister<C>, RegisterFault> {
        let current = match cell.load()? {
            None => None,
            Some(bytes) => {
                let configuration = decode(&bytes)?;
                if configuration.cluster != cluster {
                    return Err(RegisterFault::OtherCluster(configuration.cluster));
                }
                Some(configuration)
            }
        };
        Ok(EmbeddedRegister { cell, cluster, current })
    }

    /// What it holds; never blocks.
    pub fn current(&self) -> Option<&Configuration> {
        self.current.as_ref()
    }
}

impl<C: Cell> Register for EmbeddedRegister<C> {
    fn read(&self) -> Result<Option<Configuration>, RegisterFault> {
        Ok(self.current.clone())
    }

    fn compare_and_set(
        &mut self,
        author: &Author,
        request: &RegisterRequest,
    ) -> Result<RegisterAnswer, RegisterFault> {
        let proposed = &request.configuration;
        let verdict = if proposed.cluster == self.cluster {
            admissible(self.current.as_ref(), author, request.expected_version, proposed)
        } else {
            Err(RegisterRefusal::OtherCluster)
        };
        if verdict.is_ok() {
            self.cell.store(&encode(proposed)?)?;
            self.current = Some(proposed.clone());
        }
        Ok(RegisterAnswer { current: self.current.clone(), refused: verdict.err() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn name(text: &str) -> MemberName {
        MemberName::new(text)
    }

    fn set(names: &[&str]) -> BTreeSet<MemberName> {
        names.iter().map(|text| name(text)).collect()
    }

    fn registered() -> Configuration {
        let mut configuration = Configuration::first(ClusterId::new("c"), name("a"));
        configuration.version = 5;
        configuration.epoch = Epoch(3);
        configuration.in_sync = set(&["a", "b"]);
        configuration
    }

    fn verdict(author: Author, proposed: &Configuration) -> Result<(), RegisterRefusal> {
        admissible(Some(&registered()), &author, 5, proposed)
    }

    #[test]
    fn only_the_primary_changes_the_set_of_its_own_reign() {
        let alone = registered().with_in_sync(set(&["a"]));
        assert_eq!(verdict(Author::Member(name("a")), &alone), Ok(()));
        assert_eq!(verdict(Author::Member(name("b")), &alone), Err(RegisterRefusal::NotAllowed));
        assert_eq!(verdict(Author::FrontEnd, &alone), Err(RegisterRefusal::NotAllowed));
        let without_itself = Configuration { in_sync: set(&["b"]), ..alone };
        assert_eq!(verdict(Author::Member(name("a")), &without_itself), Err(RegisterRefusal::Malformed));
    }

    #[test]
    fn the_next_primary_comes_from_the_in_sync_set_unless_forced() {
        let b = registered().succeeded_by(name("b"), set(&["b"]));
        assert_eq!(verdict(Author::FrontEnd, &b), Ok(()));
        assert_eq!(verdict(Author::Member(name("b")), &b), Err(RegisterRefusal::NotAllowed));
        let mut c = registered().succeeded_by(name("c"), set(&["c"]));
        assert_eq!(verdict(Author::FrontEnd, &c), Err(RegisterRefusal::NotInSync));
        c.forced = true;
        assert_eq!(verdict(Author::FrontEnd, &c), Ok(()));
        assert_eq!(verdict(Author::Member(name("a")), &c), Err(RegisterRefusal::NotAllowed));
    }

    #[test]
    fn a_primary_may_renew_its_reign_and_epochs_only_grow_by_one() {
        let again = registered().succeeded_by(name("a"), set(&["a", "b"]));
        assert_eq!(verdict(Author::Member(name("a")), &again), Ok(()));
        let leap = Configuration { epoch: Epoch(9), ..again.clone() };
        assert_eq!(verdict(Author::FrontEnd, &leap), Err(RegisterRefusal::Malformed));
        let back = Configuration { epoch: Epoch(2), ..again.clone() };
        assert_eq!(verdict(Author::FrontEnd, &back), Err(RegisterRefusal::Malformed));
        assert_eq!(
            admissible(Some(&registered()), &Author::FrontEnd, 4, &again),
            Err(RegisterRefusal::Conflict),
            "a late request finds the version moved on"
        );
    }

    #[test]
    fn the_first_value_names_one_member_in_epoch_one() {
        let first = Configuration::first(ClusterId::new("c"), name("a"));
        assert_eq!(admissible(None, &Author::FrontEnd, 0, &first), Ok(()));
        assert_eq!(admissible(None, &Author::Member(name("a")), 0, &first), Err(RegisterRefusal::NotAllowed));
        let two = Configuration { in_sync: set(&["a", "b"]), ..first };
        assert_eq!(admissible(None, &Author::FrontEnd, 0, &two), Err(RegisterRefusal::Malformed));
    }

    #[test]
    fn the_file_survives_reopening_and_refuses_another_estate() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("register.json");
        let mut register = EmbeddedRegister::open(&path, ClusterId::new("c")).unwrap();
        assert_eq!(register.read().unwrap(), None);
        let first = Configuration::first(ClusterId::new("c"), name("a"));
        let request = RegisterRequest { expected_version: 0, configuration: first.clone() };
        let answer = register.compare_and_set(&Author::FrontEnd, &request).unwrap();
        assert_eq!(answer, RegisterAnswer { current: Some(first.clone()), refused: None });
        let answer = register.compare_and_set(&Author::FrontEnd, &request).unwrap();
        assert_eq!(answer.refused, Some(RegisterRefusal::Conflict));
        let reopened = EmbeddedRegister::open(&path, ClusterId::new("c")).unwrap();
        assert_eq!(reopened.current(), Some(&first));
        assert!(matches!(
            EmbeddedRegister::open(&path, ClusterId::new("other")),
            Err(RegisterFault::OtherCluster(_))
        ));
        std::fs::write(&path, b"{}").unwrap();
        assert!(matches!(EmbeddedRegister::open(&path, ClusterId::new("c")), Err(RegisterFault::Damaged(_))));
    }
}
