//! What the monitor has concluded: for routing, for the status page, for the log.

use serde::Serialize;
use thiserror::Error;

use crate::monitor::{Failure, Sight};
use crate::name::{Epoch, MemberName};
use crate::position::Position;
use crate::report::{Fault, Report};

/// State of one member as the front end sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// The primary, answering as such.
    Active,
    /// In the in-sync set, answering.
    Standby,
    /// Answering, not (yet) in the in-sync set; or named primary and not ready yet.
    CatchingUp,
    /// Not answering, or unable to write.
    Down,
}

/// One member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MemberView {
    /// Which.
    pub name: MemberName,
    /// Its state.
    pub state: MemberState,
    /// Whether the register counts on it.
    pub in_sync: bool,
    /// Its last report, if it ever answered.
    pub report: Option<Report>,
    /// Entries that it is behind the primary, as far as both are known.
    pub lag: Option<u64>,
    /// How long the first entry that it lacks has been in the primary's log, ms; 0 when it lacks none.
    pub lag_ms: Option<u64>,
    /// Age of its last report, ms; none when this monitor has never heard it.
    pub silent_ms: Option<u64>,
    /// Held back for maintenance.
    pub maintained: bool,
    /// Why it is down.
    pub cause: Option<String>,
}

/// Everything, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct View {
    /// Epoch in the register; 0 while it is unset.
    pub epoch: Epoch,
    /// Version of the register's value; 0 while it is unset.
    pub version: u64,
    /// Whom the register names.
    pub primary: Option<MemberName>,
    /// The member to send CA requests to, with `epoch`; none: hold them.
    pub active: Option<MemberName>,
    /// Why requests are held, when they are.
    pub hold: Option<Hold>,
    /// Front ends that reach the primary while this one does not: CA requests go through one of them. Usually none.
    pub through: Vec<MemberName>,
    /// All members, the preferred one first.
    pub members: Vec<MemberView>,
    /// What would happen if the primary died now: the member that would take over.
    pub successor: Option<MemberName>,
    /// The last change of primary.
    pub last_change: Option<LastChange>,
    /// Since when the shared register does not answer (ms of the monitor's clock): all this is as it was then, or as
    /// members tell, and nothing can change.
    pub unreadable_since: Option<u64>,
    /// What each live front end sees, this one among them, when the register is shared.
    pub front_ends: Vec<Sight>,
}

/// When the primary changed, and how long nobody was active.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LastChange {
    /// What happened, as a sentence.
    pub what: String,
    /// What kind of thing, in a word.
    pub kind: &'static str,
    /// The epoch that began with it.
    pub epoch: Epoch,
    /// When the monitor decided (ms of its clock).
    pub decided_ms: u64,
    /// When the new primary was ready; none while it is not.
    pub ready_ms: Option<u64>,
}

/// Why CA requests are held.
#[derive(Clone, PartialEq, Eq, Debug, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// The register has not been read yet, or cannot be.
    #[error("the register cannot be read")]
    RegisterUnavailable,
    /// The register was never set, and the preferred member has not answered yet.
    #[error("waiting for {0} before the first start")]
    FirstStart(MemberName),
    /// The register is empty although a member has already lived under one.
    #[error(
        "the register was lost: {member} has epoch {epoch} on its disk; restore the register, or force a primary"
    )]
    RegisterLost {
        /// Witness.
        member: MemberName,
        /// Its epoch.
        epoch: Epoch,
    },
    /// A member knows a newer configuration than the register: the register was put back to an older state.
    #[error("the register is older than what {member} has on its disk (version {version})")]
    RegisterBehind {
        /// Witness.
        member: MemberName,
        /// Its version.
        version: u64,
    },
    /// The named primary answers and is getting ready.
    #[error("{0} is starting as primary")]
    Starting(MemberName),
    /// A planned switchover is under way.
    #[error("switching over to {0}")]
    Switching(MemberName),
    /// Another front end has changed the shared register; it is being read.
    #[error("reading the register")]
    Reading,
    /// The primary is not reached from here, and too few other front ends say the same.
    #[error("{primary} {cause} here, but not for {}: it stays, and CA requests that come here go through another front end, or wait", names(.by))]
    Overruled {
        /// The primary.
        primary: MemberName,
        /// Why it is down for this front end.
        cause: Cause,
        /// The front ends that do not find it down.
        by: Vec<MemberName>,
    },
    /// The primary is down while the shared register does not answer.
    #[error("{primary} {cause}, and nobody can take over while the register does not answer")]
    NoRegister {
        /// The primary.
        primary: MemberName,
        /// Why it is down.
        cause: Cause,
    },
    /// The primary is down, and no member of the in-sync set answers.
    #[error("{primary} {cause}; waiting for the answer of another member that has everything")]
    NoSuccessor {
        /// The primary.
        primary: MemberName,
        /// Why it is down.
        cause: Cause,
    },
}

impl Hold {
    /// It without what may change from probe to probe: how a member fails to answer, and to whom.
    pub(crate) fn gist(&self) -> Hold {
        let silent = Cause::Failure(Failure::TimedOut);
        let gist = |cause: &Cause| if matches!(cause, Cause::Failure(_)) { silent } else { *cause };
        match self.clone() {
            Hold::NoSuccessor { primary, cause } => Hold::NoSuccessor { primary, cause: gist(&cause) },
            Hold::NoRegister { primary, cause } => Hold::NoRegister { primary, cause: gist(&cause) },
            Hold::Overruled { primary, cause, .. } => {
                Hold::Overruled { primary, cause: gist(&cause), by: Vec::new() }
            }
            other => other,
        }
    }
}

fn names(list: &[MemberName]) -> String {
    list.iter().map(MemberName::as_str).collect::<Vec<_>>().join(", ")
}

/// Why a member counts as down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It does not answer.
    #[error("does not answer ({0})")]
    #[serde(serialize_with = "as_text")]
    Failure(Failure),
    /// It says that it cannot write.
    #[error("stands aside: {0}")]
    Fault(Fault),
    /// It came back without its disk.
    #[error("has lost its disk")]
    DiskLost,
    /// It answers but acknowledges nothing.
    #[error("acknowledges nothing")]
    Stalled,
}

fn as_text<S: serde::Serializer>(failure: &Failure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(failure)
}

impl Cause {
    /// In a word, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Cause::Failure(Failure::Refused) => "refused",
            Cause::Failure(Failure::Unreachable) => "unreachable",
            Cause::Failure(Failure::TimedOut) => "silent",
            Cause::Failure(Failure::Reset) => "reset",
            Cause::Failure(Failure::Unusable) => "unusable",
            Cause::Fault(Fault::DiskFull) => "disk-full",
            Cause::Fault(Fault::Disk) => "disk",
            Cause::DiskLost => "disk-lost",
            Cause::Stalled => "stalled",
        }
    }
}

impl Change {
    /// What kind of thing, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Change::FirstStart { .. } => "first-start",
            Change::FailOver { cause, .. } => cause.kind(),
            Change::Forced { .. } => "forced",
            _ => "switchover",
        }
    }
}

/// A change worth a line in the log.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Change {
    /// The register is set for the first time.
    #[error("first start: {primary} is primary of epoch 1")]
    FirstStart {
        /// Whom it names.
        primary: MemberName,
    },
    /// The primary is replaced.
    #[error("{from} {cause}: failing over to {to} in epoch {epoch}")]
    FailOver {
        /// Old primary.
        from: MemberName,
        /// Why.
        cause: Cause,
        /// New primary.
        to: MemberName,
        /// New epoch.
        epoch: Epoch,
    },
    /// A planned switchover begins.
    #[error("switching over from {from} to {to}")]
    SwitchoverBegins {
        /// Primary.
        from: MemberName,
        /// Next primary.
        to: MemberName,
    },
    /// It is registered.
    #[error("{from} handed over at position {position}: {to} is primary of epoch {epoch}")]
    Switchover {
        /// Old primary.
        from: MemberName,
        /// New primary.
        to: MemberName,
        /// New epoch.
        epoch: Epoch,
        /// Last entry of the old epoch.
        position: Position,
    },
    /// It did not come about; the old primary goes on.
    #[error("switchover to {to} given up: {why}")]
    SwitchoverFailed {
        /// Next primary that was not to be.
        to: MemberName,
        /// Why.
        why: String,
    },
    /// An operator forced it.
    #[error("forced by the operator: {to} is primary of epoch {epoch}")]
    Forced {
        /// New primary.
        to: MemberName,
        /// New epoch.
        epoch: Epoch,
    },
    /// What an operator asked for cannot be done.
    #[error("cannot make {to} primary: {why}")]
    Declined {
        /// Whom.
        to: MemberName,
        /// Why.
        why: String,
    },
    /// The primary acts.
    #[error("{primary} is active in epoch {epoch}")]
    Active {
        /// Which.
        primary: MemberName,
        /// Epoch.
        epoch: Epoch,
    },
    /// A member is down.
    #[error("{member} disabled: {cause}")]
    Down {
        /// Which.
        member: MemberName,
        /// Why.
        cause: Cause,
    },
    /// A member answers again.
    #[error("{member} enabled")]
    Up {
        /// Which.
        member: MemberName,
    },
    /// Requests are held.
    #[error("CA requests are held: {0}")]
    Holding(Hold),
}
