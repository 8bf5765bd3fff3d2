//! Which serial numbers a list has and where its entries stand, so that a list that follows another one need not be
//! read from its beginning.

use std::sync::Arc;

use crate::serial::Serial;

/// The place of every so many-th entry is kept.
const MARK_EVERY: usize = 256;
/// So many new entries wait until they are merged into the long list: until then each list copies these only.
const MOST_RECENT: usize = 1024;

/// The index of one list. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryIndex {
    /// Sorted serial numbers: 20 octets each, and no hashing of what an attacker may choose.
    sorted: Arc<Vec<Serial>>,
    /// Those that came after, sorted.
    recent: Vec<Serial>,
    /// Offsets of the entries 0, [`MARK_EVERY`], 2 × [`MARK_EVERY`] … within the encoded entries.
    marks: Vec<usize>,
}

impl EntryIndex {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.recent.len()
    }

    pub(super) fn contains(&self, serial: &Serial) -> bool {
        self.sorted.binary_search(serial).is_ok() || self.recent.binary_search(serial).is_ok()
    }

    /// An offset at which an entry begins, and how many entries from there on come before the one at `position`.
    pub(super) fn place_before(&self, position: usize) -> (usize, usize) {
        let mark = (position / MARK_EVERY).min(self.marks.len().saturating_sub(1));
        (self.marks.get(mark).copied().unwrap_or(0), position - mark * MARK_EVERY)
    }

    /// Adds entries that follow those that are there, each with its offset.
    pub(super) fn extend(&mut self, entries: &[(Serial, usize)]) {
        let before = self.len();
        for (position, (_, offset)) in entries.iter().enumerate() {
            if (before + position).is_multiple_of(MARK_EVERY) {
                self.marks.push(*offset);
            }
        }
        self.recent.extend(entries.iter().map(|(serial, _)| *serial));
        self.recent.sort_unstable();
        if self.recent.len() > MOST_RECENT {
            let mut all = Vec::with_capacity(self.len());
            all.extend_from_slice(&self.sorted);
            all.append(&mut self.recent);
            // Two sorted halves, which this sort makes use of.
            all.sort();
            self.sorted = Arc::new(all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_the_same_however_the_entries_came() {
        // Not in order, and of different lengths.
        let serial = |n: usize| Serial::from_u64((n as u64 * 7919) % 5003 * 2);
        let entries: Vec<(Serial, usize)> = (0..5003).map(|n| (serial(n), n * 30 + n / 7)).collect();
        for step in [1, 10, 255, 256, 1024, 2000, 5003] {
            let mut index = EntryIndex::default();
            for part in entries.chunks(step) {
                index.extend(part);
            }
            assert_eq!(index.len(), entries.len());
            assert!((0..5003).all(|n| index.contains(&Serial::from_u64(n * 2))));
            assert!((0..5003).all(|n| !index.contains(&Serial::from_u64(n * 2 + 1))));
            for position in [0, 1, 255, 256, 257, 4999, 5002, 5003, 9000] {
                let (offset, skipped) = index.place_before(position);
                let at = entries.iter().position(|(_, one)| *one == offset).unwrap();
                assert_eq!(at + skipped, position);
                assert!(skipped < MARK_EVERY || position >= entries.len());
            }
        }
        assert_eq!(EntryIndex::default().place_before(3), (0, 3));
    }
}
