//! A worker that answers probes and fails requests: out of use for a while, then on probation. Pure.
//!
//! Failures are what says "not me": a connection that could not be made or broke, no answer in time, 502, 503, 504. A
//! 500 is nearly always an error in a manifest, the same on every worker, and counts as an answer.

/// When a worker is ejected, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Failures in a row that eject it.
    pub after: u32,
    /// Time out of use after the first ejection, milliseconds; doubled with each further one.
    pub first_ms: u64,
    /// Longest time out of use, milliseconds.
    pub longest_ms: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { after: 5, first_ms: 5_000, longest_ms: 300_000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    In,
    Out {
        until_ms: u64,
    },
    /// One request at a time shows whether it is well again.
    Probation {
        under_way: bool,
    },
}

/// How one worker fares.
#[derive(Debug, Clone)]
pub struct Ejection {
    state: State,
    failures_in_a_row: u32,
    /// Ejections since it was last well for long.
    times: u32,
    /// Answers since the last ejection.
    answers: u32,
}

/// Answers after which an old ejection is forgotten.
const FORGIVEN_AFTER: u32 = 100;

/// What an observation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Out of use for so many milliseconds, after so many failures in a row.
    Ejected { for_ms: u64, failures: u32 },
    /// It has passed its probation.
    Returned,
}

impl Default for Ejection {
    fn default() -> Self {
        Self { state: State::In, failures_in_a_row: 0, times: 0, answers: 0 }
    }
}

impl Ejection {
    /// Whether a request may be given to it now, as far as this is concerned.
    pub fn admits(&self, now_ms: u64) -> bool {
        match self.state {
            State::In => true,
            State::Out { until_ms } => now_ms >= until_ms,
            State::Probation { under_way } => !under_way,
        }
    }

    /// Whether it is ejected, or on probation.
    pub fn is_out(&self) -> bool {
        self.state != State::In
    }

    /// A request was given to it.
    pub fn given(&mut self, now_ms: u64) {
        match self.state {
            State::Out { until_ms } if now_ms >= until_ms => {
                self.state = State::Probation { under_way: true };
            }
            State::Probation { .. } => self.state = State::Probation { under_way: true },
            _ => {}
        }
    }

    /// A request that was given to it ended without telling anything: the client went away.
    pub fn abandoned(&mut self) {
        if let State::Probation { under_way } = &mut self.state {
            *under_way = false;
        }
    }

    /// It answered.
    pub fn answered(&mut self) -> Option<Verdict> {
        self.failures_in_a_row = 0;
        self.answers = self.answers.saturating_add(1);
        if self.answers >= FORGIVEN_AFTER {
            self.times = 0;
        }
        if let State::Probation { .. } = self.state {
            self.state = State::In;
            return Some(Verdict::Returned);
        }
        None
    }

    /// It failed a request.
    pub fn failed(&mut self, rules: &Rules, now_ms: u64) -> Option<Verdict> {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let ejects = match self.state {
            State::In => self.failures_in_a_row >= rules.after,
            State::Probation { .. } => true,
            // One that was under way when it was ejected.
            State::Out { .. } => false,
        };
        if !ejects {
            return None;
        }
        let for_ms = (rules.first_ms << self.times.min(20)).min(rules.longest_ms);
        self.times = self.times.saturating_add(1);
        self.answers = 0;
        self.state = State::Out { until_ms: now_ms + for_ms };
        Some(Verdict::Ejected { for_ms, failures: self.failures_in_a_row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules = Rules { after: 3, first_ms: 1000, longest_ms: 5000 };

    #[test]
    fn failures_in_a_row_eject_and_an_answer_between_them_does_not() {
        let mut worker = Ejection::default();
        for _ in 0..10 {
            assert_eq!(worker.failed(&RULES, 0), None);
            assert_eq!(worker.failed(&RULES, 0), None);
            assert_eq!(worker.answered(), None);
        }
        worker.failed(&RULES, 0);
        worker.failed(&RULES, 0);
        assert_eq!(worker.failed(&RULES, 0), Some(Verdict::Ejected { for_ms: 1000, failures: 3 }));
        assert!(!worker.admits(999) && worker.admits(1000));
    }

    #[test]
    fn probation_is_one_request_and_each_failure_doubles_the_time() {
        let mut worker = Ejection::default();
        for _ in 0..3 {
            worker.failed(&RULES, 0);
        }
        let mut now = 0;
        for expected in [2000, 4000, 5000, 5000] {
            now += 10_000;
            assert!(worker.admits(now));
            worker.given(now);
            assert!(!worker.admits(now), "one at a time");
            let Some(Verdict::Ejected { for_ms, .. }) = worker.failed(&RULES, now) else { panic!() };
            assert_eq!(for_ms, expected);
        }
        now += 10_000;
        worker.given(now);
        worker.abandoned();
        assert!(worker.admits(now), "a client that went away proves nothing");
        worker.given(now);
        assert_eq!(worker.answered(), Some(Verdict::Returned));
        assert!(!worker.is_out());
        // Long well, the past is forgotten.
        for _ in 0..FORGIVEN_AFTER {
            worker.answered();
        }
        worker.failed(&RULES, now);
        worker.failed(&RULES, now);
        assert_eq!(worker.failed(&RULES, now), Some(Verdict::Ejected { for_ms: 1000, failures: 3 }));
    }

    proptest! {
        #[test]
        fn it_always_comes_back_in_the_end(script in prop::collection::vec(0u8..4, 0..200)) {
            let mut worker = Ejection::default();
            let mut now = 0;
            for step in script {
                now += 300;
                match step {
                    0 => {
                        worker.answered();
                    }
                    1 => {
                        worker.failed(&RULES, now);
                    }
                    2 if worker.admits(now) => worker.given(now),
                    _ => worker.abandoned(),
                }
            }
            now += RULES.longest_ms;
            worker.abandoned();
            prop_assert!(worker.admits(now));
            worker.given(now);
            worker.answered();
            prop_assert!(!worker.is_out());
        }
    }
}
