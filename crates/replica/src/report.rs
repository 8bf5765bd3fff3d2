//! What a member says of itself: the answer to the front end's probe, and the source of the status page.

use std::collections::BTreeMap;
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::configuration::Configuration;
use crate::name::MemberName;
use crate::position::Position;

/// What a member is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Role {
    /// No complete log of its own yet (new, or its disk was lost), or no configuration: waits for a primary.
    #[n(0)]
    Joining,
    /// Follows the primary of its epoch.
    #[n(1)]
    Standby,
    /// Named primary, not acting yet: waits for the register (after a restart), or for the in-sync members to have
    /// everything that is in its log.
    #[n(2)]
    Starting,
    /// Primary, acting.
    #[n(3)]
    Primary,
    /// Primary in the middle of a planned switchover: takes no new work.
    #[n(4)]
    HandingOver,
    /// Cannot write its log.
    #[n(5)]
    Faulted,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Joining => "joining",
            Role::Standby => "standby",
            Role::Starting => "starting",
            Role::Primary => "primary",
            Role::HandingOver => "handing over",
            Role::Faulted => "faulted",
        })
    }
}

/// Why a member cannot write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Fault {
    /// No space left on the log's file system.
    #[n(0)]
    DiskFull,
    /// The log could not be written for another reason.
    #[n(1)]
    Disk,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::DiskFull => "its disk is full",
            Fault::Disk => "its log cannot be written",
        })
    }
}

/// A member's account of itself.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Report {
    /// Who speaks.
    #[n(0)]
    pub name: MemberName,
    /// What it is doing.
    #[n(1)]
    pub role: Role,
    /// Newest configuration on its disk.
    #[n(2)]
    pub configuration: Option<Configuration>,
    /// End of its log, flushed.
    #[n(3)]
    pub position: Position,
    /// Index up to which it knows entries to be committed.
    #[n(4)]
    pub committed: u64,
    /// See [`crate::configuration::Membership::joined`].
    #[n(5)]
    pub joined: bool,
    /// Why it cannot write, if it cannot.
    #[n(6)]
    pub fault: Option<Fault>,
    /// Age of its oldest unacknowledged proposal, or of its unfinished start as primary (ms); 0 when none.
    #[n(7)]
    #[cbor(default)]
    pub stalled_ms: u64,
    /// A primary's view of the others: the position each is known to have flushed in this epoch.
    #[n(8)]
    #[cbor(default)]
    pub matched: BTreeMap<MemberName, Position>,
    /// Newest kind of entry that it can apply ([`crate::role::Settings::level`]); 0 from builds before there were
    /// levels.
    #[n(9)]
    #[cbor(default)]
    #[serde(default)]
    pub level: u16,
}

impl Report {
    /// Whether it acts as primary now.
    pub fn is_ready(&self) -> bool {
        matches!(self.role, Role::Primary | Role::HandingOver)
    }
}
