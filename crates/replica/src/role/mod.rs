//! A member's state machine: primary, standby, or neither yet. Pure: events in, actions out.

mod action;
mod event;
mod notice;
mod settings;

pub use action::{Action, Refusal};
pub use event::{Event, Origin, RegisterOutcome, SendFailure};
pub use notice::Notice;
pub use settings::{Restored, Settings, Timings};

use crate::configuration::Membership;
use crate::position::Position;
use crate::report::{Report, Role};

/// One member of the estate.
#[derive(Debug)]
pub struct Member {
    settings: Settings,
    membership: Membership,
    last: Position,
}

impl Member {
    /// A member that has just started, with what its disk held.
    pub fn new(settings: Settings, restored: Restored, _now: u64) -> Member {
        let last = restored.entries.last().map_or(restored.base, |entry| entry.position);
        Member { settings, membership: restored.membership, last }
    }

    /// Lets `event` happen at `now` (ms of a monotonic clock); gives what is to be done.
    pub fn step(&mut self, _event: Event, _now: u64) -> Vec<Action> {
        Vec::new()
    }

    /// When the next `Event::Tick` is wanted at the latest (ms).
    pub fn wake_at(&self) -> u64 {
        0
    }

    /// What it is doing.
    pub fn role(&self) -> Role {
        Role::Joining
    }

    /// Newest configuration known.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Whether clients may read here (CA certificate, CRL, certificates): it acts as primary, or follows one as a
    /// member of the in-sync set and has heard from it within `Timings::silence_ms`.
    pub fn may_serve_reads(&self, _now: u64) -> bool {
        false
    }

    /// Its account of itself.
    pub fn report(&self, _now: u64) -> Report {
        Report {
            name: self.settings.name.clone(),
            role: self.role(),
            configuration: self.membership.configuration.clone(),
            position: self.last,
            committed: 0,
            joined: false,
            fault: None,
            stalled_ms: 0,
            matched: Default::default(),
        }
    }
}
