//! Facts for the operator's log, as sentences.

use thiserror::Error;

use crate::name::{Epoch, MemberName};
use crate::position::Position;
use crate::report::Fault;

/// What happened. `Display` is the line for the log.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Notice {
    /// A new reign was learnt of.
    #[error("epoch {epoch}: {primary} is primary")]
    Epoch {
        /// Which.
        epoch: Epoch,
        /// Whose.
        primary: MemberName,
    },
    /// This member acts as primary.
    #[error("acting as primary of epoch {epoch} from position {position} on")]
    Acting {
        /// Its epoch.
        epoch: Epoch,
        /// The epoch's first entry.
        position: Position,
    },
    /// This member was primary.
    #[error(
        "deposed: {primary} is primary of epoch {epoch}; {outstanding} unacknowledged commands were given up"
    )]
    Deposed {
        /// Newer epoch.
        epoch: Epoch,
        /// Successor.
        primary: MemberName,
        /// Proposals refused.
        outstanding: usize,
    },
    /// Entries that nobody acknowledged were removed.
    #[error("dropped {count} entries after {to} that were never acknowledged")]
    Truncated {
        /// The new end.
        to: Position,
        /// How many.
        count: u64,
    },
    /// A standby has everything and is about to be registered.
    #[error("{member} has caught up and enters the in-sync set")]
    Admitting {
        /// Which.
        member: MemberName,
    },
    /// It is registered.
    #[error("{member} is in the in-sync set")]
    Admitted {
        /// Which.
        member: MemberName,
    },
    /// A standby is to be removed from the in-sync set.
    #[error("{member} {why}; removing it from the in-sync set")]
    Removing {
        /// Which.
        member: MemberName,
        /// Sentence part.
        why: Silence,
    },
    /// It is removed.
    #[error("{member} is not in the in-sync set any more")]
    Removed {
        /// Which.
        member: MemberName,
    },
    /// A standby needs more than the log's tail.
    #[error("sending {member} a snapshot of {length} bytes at position {position}")]
    SendingSnapshot {
        /// To whom.
        member: MemberName,
        /// What it stands for.
        position: Position,
        /// Its size.
        length: u64,
    },
    /// This member received a snapshot.
    #[error("loaded a snapshot at position {position}")]
    SnapshotLoaded {
        /// What it stands for.
        position: Position,
    },
    /// The log cannot be written.
    #[error("{fault}; this member stands aside")]
    Faulted {
        /// Why.
        fault: Fault,
    },
    /// It can again.
    #[error("the log can be written again")]
    Recovered,
    /// This disk is empty although the register counts on it.
    #[error("this member's disk has lost what the register counts on; it will not act as primary")]
    DiskLost,
}

/// Why a standby is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum Silence {
    /// No answer.
    #[error("has not answered in time")]
    NoAnswer,
    /// Port refuses.
    #[error("refuses connections")]
    Refused,
    /// It said that it cannot write.
    #[error("cannot write its log")]
    Faulted,
    /// Another disk under the same name, or one that has lost entries.
    #[error("has lost its disk")]
    DiskLost,
}
