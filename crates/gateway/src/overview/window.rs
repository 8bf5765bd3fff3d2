//! The last minute of counts, and what follows from it. Pure.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::metrics::{Cells, quantile_ms};

/// Samples kept: a minute, one a second, and the one before it.
const KEPT: usize = 61;
/// Rates and quantiles are over so long.
const SPAN_MS: u64 = 10_000;

/// How busy somebody has been in the last ten seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Requests answered per second.
    pub per_second: f64,
    /// Of those: answered 5xx.
    pub failed_per_second: f64,
    /// Half of the answers began within so many milliseconds; none: there were none.
    pub p50_ms: Option<f64>,
    /// 99 of 100 did.
    pub p99_ms: Option<f64>,
}

/// Samples of the last minute: of the front end itself and of each worker.
#[derive(Debug, Default)]
pub struct Window {
    samples: VecDeque<(u64, Vec<Cells>)>,
}

impl Window {
    /// Takes the next sample in.
    pub fn push(&mut self, now_ms: u64, sample: Vec<Cells>) {
        self.samples.push_back((now_ms, sample));
        while self.samples.len() > KEPT {
            self.samples.pop_front();
        }
    }

    /// The pace of each, in the order of the samples, and of all together.
    pub fn paces(&self) -> (Vec<Pace>, Pace) {
        let Some((now, last)) = self.samples.back() else { return (Vec::new(), Pace::default()) };
        let young = |(at, _): &&(u64, Vec<Cells>)| at + SPAN_MS >= *now;
        let Some((then, first)) = self.samples.iter().find(young) else {
            return (Vec::new(), Pace::default());
        };
        let seconds = (now - then) as f64 / 1000.0;
        let each: Vec<Cells> = last.iter().zip(first).map(|(last, first)| last.since(first)).collect();
        let mut all = Cells::default();
        each.iter().for_each(|one| all.add(one));
        (each.iter().map(|one| pace(one, seconds)).collect(), pace(&all, seconds))
    }

    /// Requests per second, of all together, second by second; the last is the newest.
    pub fn history(&self) -> Vec<f64> {
        let total = |cells: &[Cells]| cells.iter().map(|one| one.requests).sum::<u64>();
        let pairs = self.samples.iter().zip(self.samples.iter().skip(1));
        pairs
            .map(|((then, before), (now, after))| {
                let seconds = (now - then).max(1) as f64 / 1000.0;
                round(total(after).saturating_sub(total(before)) as f64 / seconds)
            })
            .collect()
    }
}

fn pace(cells: &Cells, seconds: f64) -> Pace {
    // One sample alone tells nothing.
    let rate = |count: u64| if seconds > 0.0 { round(count as f64 / seconds) } else { 0.0 };
    Pace {
        per_second: rate(cells.requests),
        failed_per_second: rate(cells.failed),
        p50_ms: quantile_ms(cells, 0.5).map(round),
        p99_ms: quantile_ms(cells, 0.99).map(round),
    }
}

/// To a hundredth: more is noise.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(requests: u64, failed: u64) -> Vec<Cells> {
        let mut cells = Cells { requests, failed, ..Cells::default() };
        cells.buckets[2] = requests;
        vec![Cells::default(), cells]
    }

    #[test]
    fn rates_are_of_the_last_ten_seconds() {
        let mut window = Window::default();
        assert_eq!(window.paces().1, Pace::default());
        window.push(0, sample(0, 0));
        assert_eq!(window.paces().1, Pace::default());
        for second in 1..=20u64 {
            // 100 a second at first, then 10.
            let requests = second.min(10) * 100 + second.saturating_sub(10) * 10;
            window.push(second * 1000, sample(requests, second.saturating_sub(10)));
        }
        let (each, all) = window.paces();
        assert_eq!((all.per_second, all.failed_per_second), (10.0, 1.0));
        assert_eq!((each[0].per_second, each[0].p50_ms), (0.0, None));
        assert_eq!(each[1], all);
        assert_eq!(window.history().first(), Some(&100.0));
        assert_eq!(window.history().last(), Some(&10.0));
        for second in 21..200u64 {
            window.push(second * 1000, sample(1100, 10));
        }
        assert_eq!(window.history().len(), 60);
        assert_eq!(window.paces().1.p99_ms, None);
    }
}
