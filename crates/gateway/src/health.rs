//! Whether a worker is used: a pure state machine over probes and over what real requests met.
//!
//! Active: one GET of `/status/v1/simple` on a fresh connection per interval, because a kept-alive connection goes on
//! working through a firewall rule that rejects every new one. Passive: a connection that could not be opened, or was
//! reset before an answer. Answers themselves are never counted: a 500 for a catalog is nearly always an error in a
//! manifest, the same on every worker, and would eject good workers because of one bad node.

/// How a worker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// In use.
    Up,
    /// Not in use; probed until it answers again.
    Down,
    /// Gets no new requests because an operator said so; what it has is let finish.
    Draining,
    /// As [`State::Draining`], and nobody asks how it is: somebody works on it.
    Maintenance,
}

/// Settings of the machine; times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// Time between two probes of a healthy worker.
    pub interval_ms: u64,
    /// Successful probes in a row that bring a worker back.
    pub rise: u32,
    /// Failures in a row that take a worker out, unless the first is already conclusive.
    pub fall: u32,
    /// Time to the next probe after a first good or a first bad answer: the second opinion is wanted soon.
    pub second_opinion_ms: u64,
    /// Upper bound of the time between two probes of a dead worker.
    pub longest_interval_ms: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { interval_ms: 250, rise: 2, fall: 2, second_opinion_ms: 50, longest_interval_ms: 400 }
    }
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A probe was answered 200.
    ProbeAnswered,
    /// A probe failed. `conclusive`: the other side said so itself (refused, unreachable), no second look needed.
    ProbeFailed {
        /// One sentence part for the log: "connection refused", "No route to host", …
        cause: String,
        /// True when waiting for a second failure would only cost requests.
        conclusive: bool,
    },
    /// A real request could not open a connection.
    ConnectFailed {
        /// As in [`Event::ProbeFailed`].
        cause: String,
        /// As in [`Event::ProbeFailed`].
        conclusive: bool,
    },
    /// A connection broke before the answer had begun.
    Reset {
        /// As in [`Event::ProbeFailed`].
        cause: String,
    },
    /// An operator takes the worker out.
    Drain,
    /// An operator works on it.
    Maintain,
    /// An operator puts it back; it is used once probes agree.
    Resume,
}

/// A change of use, for the log and the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The state left.
    pub from: State,
    /// The state entered.
    pub to: State,
    /// Why, for the error log.
    pub cause: String,
    /// How long the state left had lasted, in milliseconds.
    pub lasted_ms: u64,
}

/// Health of one worker.
#[derive(Debug, Clone)]
pub struct Health {
    state: State,
    since_ms: u64,
    good_in_a_row: u32,
    bad_in_a_row: u32,
    next_probe_ms: u64,
}

impl Health {
    /// A worker nobody has asked yet: used at once, because refusing the first requests of a fresh front end helps
    /// nobody, and probed at once.
    pub fn new(now_ms: u64) -> Self {
        Self { state: State::Up, since_ms: now_ms, good_in_a_row: 0, bad_in_a_row: 0, next_probe_ms: now_ms }
    }

    /// A worker that joins others who are at work: it is probed before it gets its first request.
    pub fn joining(now_ms: u64) -> Self {
        Self { state: State::Down, ..Self::new(now_ms) }
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.state
    }

    /// When the next probe is due.
    pub fn next_probe_ms(&self) -> u64 {
        self.next_probe_ms
    }

    /// Takes in one observation; answers the change it makes, if any.
    pub fn step(&mut self, thresholds: &Thresholds, event: Event, now_ms: u64) -> Option<Change> {
        let change = self.take(thresholds, event, now_ms);
        if self.state == State::Maintenance {
            // Also when a probe that was under way comes home.
            self.next_probe_ms = u64::MAX;
        }
        change
    }

    fn take(&mut self, thresholds: &Thresholds, event: Event, now_ms: u64) -> Option<Change> {
        match event {
            Event::ProbeAnswered => self.good(thresholds, now_ms),
            Event::ProbeFailed { cause, conclusive } => {
                let change = self.bad(thresholds, cause, conclusive, now_ms);
                self.schedule_after_failure(thresholds, now_ms);
                change
            }
            Event::ConnectFailed { cause, conclusive } => {
                let change = self.bad(thresholds, cause, conclusive, now_ms);
                self.probe_soon(thresholds, now_ms);
                change
            }
            // One broken connection is no proof against a worker (it may have closed an idle one); ask it at once.
            Event::Reset { cause } => {
                let change = self.bad(thresholds, cause, false, now_ms);
                self.probe_soon(thresholds, now_ms);
                change
            }
            Event::Drain => {
                self.next_probe_ms = self.next_probe_ms.min(now_ms + thresholds.interval_ms);
                self.enter(State::Draining, "an operator said so".into(), now_ms)
            }
            Event::Maintain => self.enter(State::Maintenance, "an operator said so".into(), now_ms),
            Event::Resume if matches!(self.state, State::Draining | State::Maintenance) => {
                self.good_in_a_row = 0;
                self.bad_in_a_row = 0;
                self.next_probe_ms = now_ms;
                self.enter(State::Down, "returned by an operator, being probed".into(), now_ms)
            }
            Event::Resume => None,
        }
    }

    fn good(&mut self, thresholds: &Thresholds, now_ms: u64) -> Option<Change> {
        self.bad_in_a_row = 0;
        self.good_in_a_row = self.good_in_a_row.saturating_add(1);
        let risen = self.good_in_a_row >= thresholds.rise;
        let wait = if self.state == State::Down && !risen {
            thresholds.second_opinion_ms
        } else {
            thresholds.interval_ms
        };
        self.next_probe_ms = now_ms + wait;
        if self.state == State::Down && risen {
            return self.enter(State::Up, "answers again".into(), now_ms);
        }
        None
    }

    fn bad(
        &mut self,
        thresholds: &Thresholds,
        cause: String,
        conclusive: bool,
        now_ms: u64,
    ) -> Option<Change> {
        self.good_in_a_row = 0;
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        if self.state == State::Up && (conclusive || self.bad_in_a_row >= thresholds.fall) {
            return self.enter(State::Down, cause, now_ms);
        }
        None
    }

    fn schedule_after_failure(&mut self, thresholds: &Thresholds, now_ms: u64) {
        let wait = if self.state == State::Up {
            thresholds.second_opinion_ms
        } else {
            // Twice the interval soon, but never longer than the bound: a worker that returns is used within half a
            // second, and one refused connection per worker in that time costs nothing.
            let doublings = self.bad_in_a_row.saturating_sub(2).min(8);
            (thresholds.interval_ms << doublings).min(thresholds.longest_interval_ms)
        };
        self.next_probe_ms = now_ms + wait;
    }

    fn probe_soon(&mut self, thresholds: &Thresholds, now_ms: u64) {
        self.next_probe_ms = self.next_probe_ms.min(now_ms + thresholds.second_opinion_ms);
    }

    fn enter(&mut self, to: State, cause: String, now_ms: u64) -> Option<Change> {
        if self.state == to {
            return None;
        }
        let change = Change { from: self.state, to, cause, lasted_ms: now_ms.saturating_sub(self.since_ms) };
        self.state = to;
        self.since_ms = now_ms;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed(conclusive: bool) -> Event {
        Event::ProbeFailed { cause: "connection refused".into(), conclusive }
    }

    /// Runs the probes of one worker on a virtual clock; `answers(now)` is what the worker would do.
    fn simulate(until: u64, answers: impl Fn(u64) -> Option<Event>) -> Vec<(u64, State)> {
        let thresholds = Thresholds::default();
        let mut health = Health::new(0);
        let mut changes = Vec::new();
        for now in 0..until {
            if now >= health.next_probe_ms() {
                let event = answers(now).unwrap_or(Event::ProbeAnswered);
                if let Some(change) = health.step(&thresholds, event, now) {
                    changes.push((now, change.to));
                }
            }
        }
        changes
    }

    #[test]
    fn a_refused_worker_leaves_at_the_first_probe_and_returns_within_half_a_second() {
        for returns in 5_000..5_800 {
            let changes = simulate(8_000, |now| (1_010..returns).contains(&now).then(|| failed(true)));
            let [(down, State::Down), (up, State::Up)] = changes[..] else { panic!("{changes:?}") };
            assert!(down <= 1_260, "down at {down}");
            assert!(up >= returns && up <= returns + 500, "returned at {returns}, used at {up}");
        }
    }

    #[test]
    fn one_lost_probe_is_forgiven() {
        let changes = simulate(3_000, |now| (now == 1_000).then(|| failed(false)));
        assert_eq!(changes, []);
        let changes = simulate(3_000, |now| (1_000..1_200).contains(&now).then(|| failed(false)));
        assert_eq!(changes, [(1_050, State::Down), (1_350, State::Up)]);
    }

    #[test]
    fn a_drained_worker_stays_out_whatever_its_probes_say() {
        let thresholds = Thresholds::default();
        let mut health = Health::new(0);
        assert_eq!(health.step(&thresholds, Event::Drain, 5).unwrap().to, State::Draining);
        for now in 6..50 {
            assert_eq!(health.step(&thresholds, Event::ProbeAnswered, now), None);
        }
        assert_eq!(health.step(&thresholds, failed(true), 50), None);
        assert_eq!(health.step(&thresholds, Event::Resume, 60).unwrap().to, State::Down);
        assert_eq!(health.step(&thresholds, Event::ProbeAnswered, 61), None);
        assert_eq!(health.step(&thresholds, Event::ProbeAnswered, 62).unwrap().to, State::Up);
        assert_eq!(health.step(&thresholds, Event::Resume, 63), None);
    }

    #[test]
    fn a_request_that_found_the_port_closed_needs_no_probe() {
        let thresholds = Thresholds::default();
        let mut health = Health::new(0);
        let event = Event::ConnectFailed { cause: "No route to host".into(), conclusive: true };
        let change = health.step(&thresholds, event, 17).unwrap();
        assert_eq!(
            (change.to, change.cause.as_str(), change.lasted_ms),
            (State::Down, "No route to host", 17)
        );
    }

    proptest! {
        #[test]
        fn changes_alternate_and_probes_are_always_due_soon(script in prop::collection::vec(0u8..8, 1..300)) {
            let thresholds = Thresholds::default();
            let mut health = Health::new(0);
            let mut state = health.state();
            let mut now = 0;
            for step in script {
                now += 37;
                let cause = "reset".to_owned();
                let event = match step {
                    0 | 1 => Event::ProbeAnswered,
                    2 => failed(false),
                    3 => Event::ConnectFailed { cause, conclusive: true },
                    4 => Event::Reset { cause },
                    5 => Event::Drain,
                    6 => Event::Maintain,
                    _ => Event::Resume,
                };
                if let Some(change) = health.step(&thresholds, event, now) {
                    prop_assert_eq!(change.from, state);
                    prop_assert_ne!(change.to, state);
                    state = change.to;
                }
                prop_assert_eq!(health.state(), state);
                let soon = now + thresholds.longest_interval_ms;
                prop_assert_eq!(health.next_probe_ms() > soon, state == State::Maintenance);
            }
        }
    }
}
