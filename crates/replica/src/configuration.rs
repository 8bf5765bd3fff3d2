//! Who is primary and who must have everything: the value in the register, and what a member keeps of it on disk.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::name::{ClusterId, Epoch, MemberName};

/// The register's value. It changes only by compare-and-set on `version` (rules: [`crate::register::admissible`]).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Configuration {
    /// The estate it belongs to.
    #[n(0)]
    pub cluster: ClusterId,
    /// Number of this value; each change adds one. The first is 1.
    #[n(1)]
    pub version: u64,
    /// The reign. The first is 1.
    #[n(2)]
    pub epoch: Epoch,
    /// The only member that may acknowledge in `epoch`.
    #[n(3)]
    pub primary: MemberName,
    /// Members that hold everything ever acknowledged; contains `primary`. Only they may become primary.
    #[n(4)]
    pub in_sync: BTreeSet<MemberName>,
    /// This epoch began by an operator's word (`--force`), who accepted that acknowledged changes may be lost.
    #[n(5)]
    #[cbor(default)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forced: bool,
}

impl Configuration {
    /// The first value of a register: `primary` alone, in epoch 1.
    pub fn first(cluster: ClusterId, primary: MemberName) -> Configuration {
        Configuration {
            cluster,
            version: 1,
            epoch: Epoch(1),
            in_sync: BTreeSet::from([primary.clone()]),
            primary,
            forced: false,
        }
    }

    /// The next reign: `primary` with `in_sync`, one epoch and one version on.
    pub fn succeeded_by(&self, primary: MemberName, mut in_sync: BTreeSet<MemberName>) -> Configuration {
        in_sync.insert(primary.clone());
        Configuration {
            cluster: self.cluster.clone(),
            version: self.version + 1,
            epoch: self.epoch.next(),
            primary,
            in_sync,
            forced: false,
        }
    }

    /// The same reign with another in-sync set, one version on.
    pub fn with_in_sync(&self, mut in_sync: BTreeSet<MemberName>) -> Configuration {
        in_sync.insert(self.primary.clone());
        Configuration { version: self.version + 1, in_sync, ..self.clone() }
    }

    /// Whether this value is newer than `other` (which may be none at all).
    pub fn is_newer_than(&self, other: Option<&Configuration>) -> bool {
        other.is_none_or(|other| self.version > other.version)
    }
}

/// What a member keeps on its disk besides the log (see [`crate::membership`] for the file).
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Membership {
    /// Random number drawn when the data directory was made: tells a disk that came back from a new, empty one.
    #[n(0)]
    pub incarnation: u64,
    /// The newest configuration known. For a primary its `in_sync` is a superset of the registered one.
    #[n(1)]
    pub configuration: Option<Configuration>,
    /// Whether this disk has ever been complete: an initial log, or caught up and admitted by a primary. A member
    /// whose disk was lost comes back with `false` and is never promoted on the strength of its old name.
    #[n(2)]
    pub joined: bool,
}

impl Membership {
    /// A new data directory: knows nothing, has joined nothing.
    pub fn blank(incarnation: u64) -> Membership {
        Membership { incarnation, configuration: None, joined: false }
    }

    /// Epoch on disk; 0 before the first.
    pub fn epoch(&self) -> Epoch {
        self.configuration.as_ref().map_or(Epoch::NONE, |configuration| configuration.epoch)
    }

    /// Version on disk; 0 before the first.
    pub fn version(&self) -> u64 {
        self.configuration.as_ref().map_or(0, |configuration| configuration.version)
    }

    /// Whether `name`, owner of this directory, may be written to without asking anyone, its worker being stopped:
    /// either it has never been registered, or it is the primary and alone in the in-sync set. The set on disk is
    /// never smaller than the registered one, so `true` is safe without asking the register.
    pub fn sole_owner(&self, name: &MemberName) -> bool {
        match &self.configuration {
            None => true,
            Some(configuration) => configuration.primary == *name && configuration.in_sync.len() == 1,
        }
    }
}
