//! What the monitor hears, and what it wants done.

use std::collections::BTreeSet;

use crate::configuration::Configuration;
use crate::frame::Frame;
use crate::monitor::{Change, Sight};
use crate::name::{Epoch, MemberName};

/// Why a member did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// The port refuses connections.
    #[error("connection refused")]
    Refused,
    /// The network says that there is no way (ICMP host/network unreachable or prohibited).
    #[error("no route to host")]
    Unreachable,
    /// Nothing came back in time.
    #[error("timed out")]
    TimedOut,
    /// The connection broke, or TLS failed.
    #[error("connection reset")]
    Reset,
    /// It answered something that is no frame, or an HTTP error.
    #[error("unusable answer")]
    Unusable,
}

/// Input of [`crate::monitor::Monitor::step`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time has passed: at the latest when [`crate::monitor::Monitor::wake_at`] says so.
    Tick,
    /// What the register holds: after any change by anyone (also by a member), and as the outcome of every
    /// `Action::CompareAndSet`, made or refused.
    Register(Option<Configuration>),
    /// The register cannot be read or written now. Nothing can change until it can.
    RegisterUnavailable,
    /// The sights of all live front ends, this one's as it stands there; together with each `Event::Register` of a
    /// shared register, before it.
    Sights(Vec<Sight>),
    /// What an earlier life of this front end last read from a shared register that does not answer now.
    Remembered(Configuration),
    /// An `Action::Probe` was answered, or was not.
    Probed {
        /// As in the action.
        member: MemberName,
        /// As in the action.
        ticket: u64,
        /// The answer's frame.
        result: Result<Frame, Failure>,
    },
    /// A client's request could not be delivered because the connection to this member could not be opened.
    ConnectFailed {
        /// Which.
        member: MemberName,
        /// How.
        failure: Failure,
    },
    /// The network said, on an open connection to this member, that there is no way to it (an ICMP error). That may pass;
    /// it is asked at once, and has [`crate::monitor::Timings::warned_ms`] to answer.
    Warned {
        /// Which.
        member: MemberName,
    },
    /// A client's request was sent to the active member with this epoch, and it answered that it is not the primary
    /// of that epoch. It is not sent anything before it has been asked again.
    Disowned {
        /// Which.
        member: MemberName,
        /// The epoch that the request carried.
        epoch: Epoch,
    },
    /// An `Action::Handoff` was answered, or was not.
    HandoffAnswered {
        /// As in the action.
        member: MemberName,
        /// As in the action.
        ticket: u64,
        /// The answer's frame.
        result: Result<Frame, Failure>,
    },
    /// An operator asks for a planned switchover.
    Switchover {
        /// The member that shall be primary.
        to: MemberName,
    },
    /// An operator names the members that are under maintenance: the reign is not given back to them.
    Maintain {
        /// All of them.
        members: BTreeSet<MemberName>,
    },
    /// An operator asks for this member to be made primary at any price, and has been told the price.
    Force {
        /// The member that shall be primary.
        to: MemberName,
    },
}

/// Output of [`crate::monitor::Monitor::step`], to be carried out in the order given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Send this frame (it pushes the configuration and probes health) over a *fresh* connection; answer with
    /// `Event::Probed` after at most `Timings::probe_timeout_ms`.
    Probe {
        /// To whom.
        member: MemberName,
        /// Given back in the event.
        ticket: u64,
        /// What to send.
        frame: Frame,
    },
    /// Send this frame; answer with `Event::HandoffAnswered` after at most `Timings::handoff_ms`.
    Handoff {
        /// The primary.
        member: MemberName,
        /// Given back in the event.
        ticket: u64,
        /// What to send.
        frame: Frame,
    },
    /// Change the register as `register::Author::FrontEnd`; answer with `Event::Register` (or `RegisterUnavailable`).
    CompareAndSet {
        /// Version that must still be there.
        expected_version: u64,
        /// The new value.
        configuration: Configuration,
    },
    /// Keep this under the front end's own name in the shared register, for as long as the front end lives; then
    /// `Event::Sights` and `Event::Register` as they are after it.
    Publish(Sight),
    /// Read the shared register now; then `Event::Sights` and `Event::Register`.
    ReadRegister,
    /// Something changed that the error log and the status page should say. `Display` is the sentence.
    Tell(Change),
}
