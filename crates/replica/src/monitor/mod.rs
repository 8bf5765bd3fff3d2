//! The front end's brain.
mod event;
mod settings;
mod view;
pub use event::{Action, Event, Failure};
pub use settings::{Failback, Settings, Timings};
pub use view::{Cause, Change, Hold, LastChange, MemberState, MemberView, View};

/// The front end's view of the CA members.
#[derive(Debug)]
pub struct Monitor {
    settings: Settings,
}

impl Monitor {
    /// A monitor that knows nothing yet.
    pub fn new(settings: Settings, _now: u64) -> Monitor {
        Monitor { settings }
    }

    /// Lets `event` happen at `now` (ms of a monotonic clock); gives what is to be done.
    pub fn step(&mut self, _event: Event, _now: u64) -> Vec<Action> {
        Vec::new()
    }

    /// When the next `Event::Tick` is wanted at the latest (ms).
    pub fn wake_at(&self) -> u64 {
        0
    }

    /// What it has concluded.
    pub fn view(&self) -> View {
        let members = self.settings.members.iter();
        View {
            epoch: Default::default(),
            primary: None,
            active: None,
            hold: Some(Hold::RegisterUnavailable),
            members: members
                .map(|name| MemberView {
                    name: name.clone(),
                    state: MemberState::Down,
                    in_sync: false,
                    report: None,
                    lag: None,
                    cause: None,
                })
                .collect(),
            successor: None,
            last_change: None,
        }
    }
}
