//! When requests succeeded.

use serde::Serialize;

use crate::clock::milliseconds;

/// One request that succeeded: when it began and when its answer was complete, in Unix microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Success {
    pub began: u64,
    pub ended: u64,
}

/// All successes of a run between two moments (Unix microseconds).
#[derive(Debug)]
pub struct Timeline {
    pub from: u64,
    pub to: u64,
    pub successes: Vec<Success>,
}

/// The longest time without a success.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    pub ms: f64,
    /// Where it begins, from the start of the run.
    pub at_ms: f64,
    /// The same moment in Unix microseconds.
    pub at_unix_us: u64,
}

impl Timeline {
    /// The longest time without a success. The time before the first one and after the last one counts too: a server
    /// that never answers has a gap as long as the run.
    pub fn longest_gap(&self) -> Gap {
        let mut ends: Vec<u64> = self.successes.iter().map(|s| s.ended.clamp(self.from, self.to)).collect();
        ends.push(self.to);
        ends.sort_unstable();
        let (mut last, mut at, mut longest) = (self.from, self.from, 0);
        for end in ends {
            if end - last > longest {
                (longest, at) = (end - last, last);
            }
            last = end;
        }
        Gap { ms: milliseconds(longest), at_ms: milliseconds(at - self.from), at_unix_us: at }
    }

    /// Successes of each 100 ms of the run.
    pub fn per_tenth(&self) -> Vec<u32> {
        const TENTH: u64 = 100_000;
        let mut counts = vec![0; ((self.to - self.from) / TENTH + 1) as usize];
        for success in &self.successes {
            if let Some(count) = counts.get_mut((success.ended.saturating_sub(self.from) / TENTH) as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// For a person: a line for each second.
    pub fn text(&self) -> String {
        let line = |(second, counts): (usize, &[u32])| {
            let counts: Vec<String> = counts.iter().map(|count| format!("{count:>4}")).collect();
            format!("{second:>4} s {}\n", counts.join(""))
        };
        self.per_tenth().chunks(10).enumerate().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(ends: &[u64]) -> Timeline {
        let successes = ends.iter().map(|&ended| Success { began: ended - 1, ended }).collect();
        Timeline { from: 1_000_000, to: 2_000_000, successes }
    }

    #[test]
    fn the_longest_gap_is_found_wherever_it_lies() {
        let gap = timeline(&[1_900_000, 1_100_000, 1_400_000]).longest_gap();
        assert_eq!(gap, Gap { ms: 500.0, at_ms: 400.0, at_unix_us: 1_400_000 });
        assert_eq!(timeline(&[1_600_000]).longest_gap().at_ms, 0.0);
        assert_eq!(timeline(&[1_300_000]).longest_gap().ms, 700.0);
        assert_eq!(timeline(&[]).longest_gap().ms, 1000.0);
    }

    #[test]
    fn successes_fall_into_their_tenth_of_a_second() {
        let counts = timeline(&[1_000_000, 1_099_999, 1_100_000, 2_000_000]).per_tenth();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
