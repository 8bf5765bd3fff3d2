//! How long ago the primary's log passed a place: what a standby's lag is in time.

use std::collections::VecDeque;

/// Observations kept; with more, every other one is forgotten, so that old ones get coarser.
const KEPT: usize = 512;

/// Index of the primary's last entry, as it was seen to grow.
#[derive(Debug, Default)]
pub(crate) struct Advance {
    /// When (ms), and what, in ascending order of both.
    seen: VecDeque<(u64, u64)>,
}

impl Advance {
    /// The primary's log ends at `index`.
    pub(crate) fn note(&mut self, now: u64, index: u64) {
        match self.seen.back() {
            Some((_, last)) if *last == index => return,
            // Another primary, whose log is shorter: what was seen of the longer one tells nothing.
            Some((_, last)) if *last > index => self.seen.clear(),
            _ => {}
        }
        self.seen.push_back((now, index));
        if self.seen.len() > KEPT {
            let mut keep = true;
            self.seen.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }

    /// How long (ms) an end at `index` has been behind; 0 when it is not.
    pub(crate) fn since(&self, index: u64, now: u64) -> u64 {
        let first_beyond = self.seen.partition_point(|(_, seen)| *seen <= index);
        self.seen.get(first_beyond).map_or(0, |(at, _)| now.saturating_sub(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_that_is_missing_counts() {
        let mut advance = Advance::default();
        for (at, index) in [(100, 5), (200, 5), (300, 8), (400, 9)] {
            advance.note(at, index);
        }
        assert_eq!(advance.since(9, 1_000), 0);
        assert_eq!(advance.since(8, 1_000), 600);
        assert_eq!(advance.since(6, 1_000), 700);
        assert_eq!(advance.since(0, 1_000), 900);
        advance.note(500, 7);
        assert_eq!(advance.since(7, 1_000), 0, "a new primary's log may be shorter");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_stays() {
        let mut advance = Advance::default();
        for at in 0..10_000 {
            advance.note(at, at);
        }
        assert!(advance.seen.len() <= KEPT);
        assert_eq!(advance.since(9_998, 10_000), 1);
    }
}
