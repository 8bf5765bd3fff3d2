//! The later part of the log, in memory: everything that may still be sent to a standby or cut off.

use std::collections::VecDeque;

use crate::position::{Entry, Position};

/// Entries after `base`, without a gap. Positions ascend, so they can be searched.
#[derive(Debug)]
pub(crate) struct Tail {
    base: Position,
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Tail {
    pub(crate) fn new(base: Position, entries: Vec<Entry>) -> Tail {
        let bytes = entries.iter().map(|entry| entry.payload.len()).sum();
        Tail { base, entries: entries.into(), bytes }
    }

    pub(crate) fn base(&self) -> Position {
        self.base
    }

    pub(crate) fn last(&self) -> Position {
        self.entries.back().map_or(self.base, |entry| entry.position)
    }

    /// Position of the entry numbered `index`; the base counts as one.
    pub(crate) fn position(&self, index: u64) -> Option<Position> {
        if index == self.base.index {
            return Some(self.base);
        }
        self.entry(index).map(|entry| entry.position)
    }

    pub(crate) fn entry(&self, index: u64) -> Option<&Entry> {
        let place = index.checked_sub(self.base.index)?.checked_sub(1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    pub(crate) fn contains(&self, position: &Position) -> bool {
        self.position(position.index) == Some(*position)
    }

    /// The last position here that `limit`'s log may have too: not after it, by epoch and by index, and not the same
    /// place with another content. None if only what lies before the base could be.
    pub(crate) fn last_not_after(&self, limit: &Position) -> Option<Position> {
        if (self.base.epoch, self.base.index) > (limit.epoch, limit.index) {
            return None;
        }
        let count = self.entries.partition_point(|entry| {
            (entry.position.epoch, entry.position.index) <= (limit.epoch, limit.index)
                && entry.position.index <= limit.index
        });
        let mut index = self.base.index + count as u64;
        let found = self.position(index)?;
        if (found.epoch, found.index) == (limit.epoch, limit.index) && found != *limit {
            index = index.checked_sub(1)?;
        }
        self.position(index)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.bytes += entry.payload.len();
        self.entries.push_back(entry);
    }

    /// The entries after `previous`, at most so many, and at most so many bytes unless the first alone is larger.
    pub(crate) fn after(&self, previous: &Position, max_entries: usize, max_bytes: usize) -> Vec<Entry> {
        let skip = previous.index.saturating_sub(self.base.index) as usize;
        let mut bytes = 0;
        let mut entries: Vec<Entry> = Vec::new();
        for entry in self.entries.iter().skip(skip).take(max_entries) {
            bytes += entry.payload.len();
            if bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry.clone());
        }
        entries
    }

    /// Drops everything after `to`; says how many.
    pub(crate) fn truncate(&mut self, to: &Position) -> u64 {
        let mut dropped = 0;
        while self.last().index > to.index {
            if let Some(entry) = self.entries.pop_back() {
                self.bytes -= entry.payload.len();
                dropped += 1;
            }
        }
        dropped
    }

    pub(crate) fn reset(&mut self, base: Position) {
        *self = Tail::new(base, Vec::new());
    }

    /// Forgets the oldest entries up to `floor` while there are more than `max_bytes`.
    pub(crate) fn trim(&mut self, max_bytes: usize, floor: u64) {
        while self.bytes > max_bytes && self.base.index < floor {
            let Some(entry) = self.entries.pop_front() else { return };
            self.bytes -= entry.payload.len();
            self.base = entry.position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Epoch;

    /// A tail whose entry number i was proposed in `epochs[i - 1]`.
    fn tail(epochs: &[u64]) -> Tail {
        let mut tail = Tail::new(Position::ZERO, Vec::new());
        for epoch in epochs {
            tail.push(Entry::after(&tail.last(), Epoch(*epoch), b"payload".to_vec()));
        }
        tail
    }

    #[test]
    fn the_walk_back_finds_the_last_common_entry() {
        let ours = tail(&[1, 1, 2, 2, 2, 5]);
        let theirs = tail(&[1, 1, 2, 2, 3, 3, 3]);
        // Theirs ends in epoch 3 at 7; ours has nothing of 3, so the last of epoch 2 at or before is asked for.
        let asked = ours.last_not_after(&theirs.last()).unwrap();
        assert_eq!((asked.epoch.0, asked.index), (2, 5));
        assert!(!theirs.contains(&asked));
        let hint = theirs.last_not_after(&asked).unwrap();
        assert_eq!((hint.epoch.0, hint.index), (2, 4));
        assert!(ours.contains(&hint));
    }

    #[test]
    fn the_same_place_with_other_content_is_stepped_over() {
        let ours = tail(&[1, 1, 1]);
        let mut limit = ours.last();
        limit.checksum ^= 1;
        assert_eq!(ours.last_not_after(&limit).unwrap().index, 2);
    }

    #[test]
    fn trimming_moves_the_base_but_never_past_the_floor() {
        let mut tail = tail(&[1; 10]);
        tail.trim(14, 5);
        assert_eq!(tail.base().index, 5);
        tail.trim(14, 10);
        assert_eq!(tail.base().index, 8);
        assert_eq!(tail.position(7), None);
        assert_eq!(tail.last_not_after(&Position { epoch: Epoch(1), index: 7, checksum: 0 }), None);
        assert_eq!(tail.after(&tail.base(), 10, 1).len(), 1, "one entry always fits");
    }
}
