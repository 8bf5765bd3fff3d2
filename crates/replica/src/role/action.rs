//! What a member wants done.

use thiserror::Error;

use crate::configuration::{Configuration, Membership};
use crate::frame::Frame;
use crate::name::MemberName;
use crate::position::{Entry, Position};
use crate::report::Role;
use crate::role::Notice;

/// Output of [`crate::role::Member::step`]. To be carried out in the order given (see the crate's documentation for
/// what must be durable before what).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Store this in the membership file; durable before any later action is begun.
    PersistMembership(Membership),
    /// Append to the log. No answer; on failure `Event::LogFailed`.
    Append(Vec<Entry>),
    /// Drop everything after this position from the log.
    Truncate {
        /// The new end.
        to: Position,
    },
    /// Make the log durable up to here, then `Event::Flushed`. Later actions need not wait.
    Flush {
        /// Given back in the event.
        up_to: Position,
    },
    /// Send a frame; exactly one `Event::FrameAnswered` must follow, within about `Timings::silence_ms`.
    Send {
        /// Receiver.
        to: MemberName,
        /// Given back in the event.
        ticket: u64,
        /// What to send.
        frame: Frame,
    },
    /// As `Send`, after filling in the snapshot's bytes `offset..offset + length` with `Frame::fill_snapshot`.
    SendSnapshot {
        /// Receiver, whose snapshot it is.
        to: MemberName,
        /// Given back in the event.
        ticket: u64,
        /// What to send.
        frame: Frame,
        /// Where the part begins.
        offset: u64,
        /// Its length.
        length: u64,
    },
    /// Answer a received frame.
    Reply {
        /// Number of the open request.
        reply: u64,
        /// The answer.
        frame: Frame,
    },
    /// Ask the register; then `Event::RegisterAnswered`.
    CompareAndSet {
        /// Given back in the event.
        ticket: u64,
        /// Version that must still be there.
        expected_version: u64,
        /// The new value.
        configuration: Configuration,
    },
    /// Apply the entries up to here, in order. They are final.
    Commit {
        /// Last committed entry.
        up_to: Position,
    },
    /// The proposal is final; comes after the `Commit` that covers it. Now the client may be told.
    Accepted {
        /// The proposal's number.
        ticket: u64,
        /// Its place.
        position: Position,
    },
    /// The proposal was not acknowledged.
    Refused {
        /// The proposal's number.
        ticket: u64,
        /// Why, and whether it may still come true.
        reason: Refusal,
    },
    /// The role has changed. On `Primary` (only then) decisions may be made: everything before is applied.
    RoleChanged {
        /// The new role.
        role: Role,
    },
    /// Make a snapshot of the applied state for this member; then `Event::SnapshotTaken` or `SnapshotFailed`.
    TakeSnapshot {
        /// For whom.
        to: MemberName,
    },
    /// That snapshot is not needed any more.
    DropSnapshot {
        /// For whom it was made.
        to: MemberName,
    },
    /// Keep a part of a snapshot (begin anew at offset 0). Need not be durable.
    StoreSnapshot {
        /// What it stands for.
        position: Position,
        /// Where the part belongs.
        offset: u64,
        /// Bytes of the whole.
        total: u64,
        /// The part.
        bytes: Vec<u8>,
    },
    /// The snapshot is complete: put it in place of state and log; then `Event::SnapshotLoaded` or `SnapshotUnusable`.
    LoadSnapshot {
        /// What it stands for: the log's new base.
        position: Position,
    },
    /// Something an operator may want to read.
    Tell(Notice),
}

/// Why a proposal was not acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// Nothing was done: this member is not the primary.
    #[error("not the primary (that is {})", primary.as_ref().map_or("unknown", |name| name.as_str()))]
    NotPrimary {
        /// Who is, as far as known.
        primary: Option<MemberName>,
    },
    /// Nothing was done: the primary has only just been named and is not ready.
    #[error("the primary is starting")]
    Starting,
    /// Nothing was done: a planned switchover is under way.
    #[error("handing over to {to}")]
    HandingOver {
        /// The successor.
        to: MemberName,
    },
    /// The payload was empty. Nothing was done.
    #[error("an empty command")]
    Empty,
    /// The command is in this member's log, but another member became primary before it was acknowledged. It may have
    /// reached the new primary. Ask that one, with the same request id.
    #[error("deposed by {} in epoch {}", by.primary, by.epoch)]
    Deposed {
        /// The newer configuration.
        by: Configuration,
    },
    /// The command could not be acknowledged in time and may still come true.
    #[error("not acknowledged in time")]
    OutcomeUnknown,
}

impl Refusal {
    /// Whether the command certainly has not been and will not be carried out.
    pub fn nothing_done(&self) -> bool {
        !matches!(self, Refusal::Deposed { .. } | Refusal::OutcomeUnknown)
    }
}
