//! What happens to a member.

use crate::configuration::Configuration;
use crate::frame::Frame;
use crate::name::MemberName;
use crate::position::Position;
use crate::report::Fault;

/// Who sent a frame, from its certificate (never from the frame).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A configured CA member.
    Member(MemberName),
    /// A configured front end.
    FrontEnd,
}

/// A command that wants to enter the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposed {
    /// The caller's number.
    pub ticket: u64,
    /// The command; not empty.
    pub payload: Vec<u8>,
}

/// Input of [`crate::role::Member::step`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time has passed: at the latest when [`crate::role::Member::wake_at`] says so.
    Tick,
    /// Commands want to enter the log, in this order. Each is answered by `Accepted` or `Refused` with its ticket, exactly
    /// once. Those that come together share a flush, and the frame to each standby.
    Propose(Vec<Proposed>),
    /// An `Action::Flush { up_to }` is done.
    Flushed {
        /// As in the action.
        up_to: Position,
    },
    /// Appending failed; the log on disk ends at `kept`.
    LogFailed {
        /// Why.
        fault: Fault,
        /// End of the log on disk.
        kept: Position,
    },
    /// The log can be written again (the IO loop has tried).
    LogRecovered,
    /// A frame arrived. Every one is answered by an `Action::Reply` with the same number, now or later.
    FrameReceived {
        /// The authenticated sender.
        from: Origin,
        /// The frame.
        frame: Frame,
        /// The IO loop's number for the open request.
        reply: u64,
    },
    /// A frame that this member sent was answered, or was not.
    FrameAnswered {
        /// As in `Action::Send`.
        to: MemberName,
        /// As in `Action::Send`.
        ticket: u64,
        /// The answer.
        result: Result<Frame, SendFailure>,
    },
    /// An `Action::CompareAndSet` was answered.
    RegisterAnswered {
        /// As in the action.
        ticket: u64,
        /// The outcome.
        outcome: RegisterOutcome,
    },
    /// The snapshot asked for by `Action::TakeSnapshot` is ready to be read in parts.
    SnapshotTaken {
        /// As in the action.
        to: MemberName,
        /// Position up to which the state machine had applied.
        position: Position,
        /// Bytes of the whole.
        length: u64,
    },
    /// It could not be made.
    SnapshotFailed {
        /// As in the action.
        to: MemberName,
    },
    /// The snapshot of `Action::LoadSnapshot` is in place: durable, the log reset to begin after it.
    SnapshotLoaded {
        /// As in the action.
        position: Position,
    },
    /// It could not be loaded; state and log are as before.
    SnapshotUnusable,
}

/// Why a sent frame has no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendFailure {
    /// The port refused, or the host is unreachable: nothing was sent.
    Refused,
    /// Time-out, reset, or an answer that is no frame: it may have arrived.
    Lost,
}

/// Outcome of a compare-and-set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegisterOutcome {
    /// Done.
    Set,
    /// Not done; the register holds this.
    Refused(Option<Configuration>),
    /// No answer: it may have been done.
    Unknown,
}
