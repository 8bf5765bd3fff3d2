//! Where a log ends, and the entries it is made of.
//!
//! A position names an entry *and everything before it*: its checksum runs over all payloads since the log began.
//! Two logs that hold equal positions are equal up to there. Within one cluster `(epoch, index)` is already unique,
//! because an epoch is one process life of one primary (see [`crate::role`]); the checksum turns that argument into
//! something every member verifies on every frame.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::name::Epoch;

/// Place of an entry in the log. The order is the order of histories: a later epoch beats a longer log.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode, Serialize, Deserialize,
)]
pub struct Position {
    /// Epoch in which the entry was proposed.
    #[n(0)]
    pub epoch: Epoch,
    /// Number of the entry, counted from 1 without gaps; 0 is the empty log.
    #[n(1)]
    pub index: u64,
    /// Running checksum (FNV-1a, 64 bits) over the checksum before, epoch, index and payload.
    #[n(2)]
    pub checksum: u64,
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv(mut state: u64, bytes: &[u8]) -> u64 {
    for byte in bytes {
        state = (state ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    }
    state
}

impl Position {
    /// The empty log.
    pub const ZERO: Position = Position { epoch: Epoch::NONE, index: 0, checksum: FNV_OFFSET };

    /// Position of the entry that follows this one with `payload`, proposed in `epoch`.
    pub fn next(&self, epoch: Epoch, payload: &[u8]) -> Position {
        let index = self.index + 1;
        let mut checksum = fnv(self.checksum, &epoch.0.to_le_bytes());
        checksum = fnv(checksum, &index.to_le_bytes());
        checksum = fnv(checksum, payload);
        Position { epoch, index, checksum }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{:016x}", self.epoch, self.index, self.checksum)
    }
}

/// One entry of the log. The payload is opaque here; an empty one marks the beginning of an epoch.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Entry {
    /// Place, and checksum over everything up to and with this entry.
    #[n(0)]
    pub position: Position,
    /// What the state machine applies.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub payload: Vec<u8>,
}

impl Entry {
    /// The entry that follows `previous`.
    pub fn after(previous: &Position, epoch: Epoch, payload: Vec<u8>) -> Entry {
        Entry { position: previous.next(epoch, &payload), payload }
    }

    /// Whether this only marks the beginning of an epoch: nothing to apply.
    pub fn is_marker(&self) -> bool {
        self.payload.is_empty()
    }

    /// Whether this entry follows `previous`: next index, epoch not older, checksum right.
    pub fn follows(&self, previous: &Position) -> bool {
        self.position.epoch >= previous.epoch
            && self.position == previous.next(self.position.epoch, &self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_payload_changes_every_later_position() {
        let a = Position::ZERO.next(Epoch(1), b"one");
        let b = Position::ZERO.next(Epoch(1), b"two");
        assert_ne!(a, b);
        assert_ne!(a.next(Epoch(1), b"x").checksum, b.next(Epoch(1), b"x").checksum);
        assert_ne!(a.next(Epoch(1), b"x"), a.next(Epoch(2), b"x"));
    }

    #[test]
    fn a_later_epoch_beats_a_longer_log() {
        let long = Position { epoch: Epoch(1), index: 900, checksum: 7 };
        let new = Position { epoch: Epoch(2), index: 3, checksum: 1 };
        assert!(new > long);
    }

    #[test]
    fn an_entry_follows_only_its_predecessor() {
        let first = Entry::after(&Position::ZERO, Epoch(1), b"a".to_vec());
        let second = Entry::after(&first.position, Epoch(1), b"b".to_vec());
        assert!(first.follows(&Position::ZERO));
        assert!(second.follows(&first.position));
        assert!(!second.follows(&Position::ZERO));
        let mut damaged = second.clone();
        damaged.payload = b"c".to_vec();
        assert!(!damaged.follows(&first.position));
    }
}
