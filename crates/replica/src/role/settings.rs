//! What a member is told once, at its start.

use std::collections::BTreeSet;

use crate::configuration::Membership;
use crate::flaws::Flaws;
use crate::name::{ClusterId, MemberName};
use crate::position::{Entry, Position};

/// Who this is and whom it knows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This member.
    pub name: MemberName,
    /// The estate.
    pub cluster: ClusterId,
    /// The other members of the configuration file; a primary feeds all of them.
    pub peers: BTreeSet<MemberName>,
    /// Newest kind of entry that the state machine of this build can apply. Members tell it to each other; a primary
    /// proposes nothing beyond what all of them can apply ([`crate::role::Member::agreed_level`]).
    pub level: u16,
    /// Limits.
    pub timings: Timings,
    /// Deliberate bugs for the tests of the tests.
    #[doc(hidden)]
    pub flaws: Flaws,
}

/// Limits of a member, times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timings {
    /// Pause between frames to a standby that has everything.
    pub heartbeat_ms: u64,
    /// How soon a standby hears that entries are committed when no other frame carries the news.
    pub commit_news_ms: u64,
    /// Pause before a frame is tried again that failed at once.
    pub retry_ms: u64,
    /// A frame without answer for so long is given up; a member of the in-sync set that has not answered for so long
    /// is taken out of it (in the register, first).
    pub silence_ms: u64,
    /// The same for one whose port refuses: its process is gone, which is known sooner.
    pub refused_ms: u64,
    /// A compare-and-set without answer for so long is tried again.
    pub register_ms: u64,
    /// A proposal not acknowledged for so long is refused with [`crate::role::Refusal::OutcomeUnknown`].
    pub propose_ms: u64,
    /// How long a primary that has handed over waits for its successor before it takes work again.
    pub handoff_ms: u64,
    /// How long the answer to a configuration may be held back while the new primary starts.
    pub start_answer_ms: u64,
    /// Entries per frame.
    pub frame_entries: usize,
    /// Bytes of payload per frame (one entry always fits), and of a snapshot part.
    pub frame_bytes: usize,
    /// Bytes of committed payload kept in memory to feed standbys; one that needs older ones gets a snapshot.
    pub tail_bytes: usize,
}

impl Default for Timings {
    fn default() -> Timings {
        Timings {
            heartbeat_ms: 250,
            commit_news_ms: 20,
            retry_ms: 100,
            silence_ms: 1_000,
            refused_ms: 300,
            register_ms: 1_000,
            propose_ms: 20_000,
            handoff_ms: 2_000,
            start_answer_ms: 300,
            frame_entries: 512,
            frame_bytes: 1 << 20,
            tail_bytes: 16 << 20,
        }
    }
}

/// What the disk held when the process started.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The membership file; [`Membership::blank`] with a fresh random number in a new directory.
    pub membership: Membership,
    /// Position before `entries`.
    pub base: Position,
    /// The log's entries (all of them, or the later part: at least everything after `applied`).
    pub entries: Vec<Entry>,
    /// Index up to which the state machine has applied (so: known committed). At least `base.index`.
    pub applied: u64,
}
