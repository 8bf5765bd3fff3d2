//! What a primary knows of one other member.

use crate::frame::Mismatch;
use crate::position::Position;
use crate::role::notice::Silence;
use crate::role::settings::Timings;
use crate::role::tail::Tail;

/// A primary's relation to one member, for the length of a reign. At most one frame is under way at a time: what is
/// proposed meanwhile goes together into the next.
#[derive(Debug)]
pub(crate) struct Session {
    /// Position that the next frame continues from.
    pub(crate) previous: Position,
    /// Everything up to here is on its disk, said in this reign.
    pub(crate) matched: Option<Position>,
    pub(crate) in_flight: Option<InFlight>,
    /// Commit index that it has been told.
    pub(crate) told_commit: u64,
    /// When it last answered, or the reign began.
    pub(crate) answered_at: u64,
    /// When the oldest frame was sent that has had no answer since.
    pub(crate) unanswered_since: Option<u64>,
    /// When its port began to refuse, without an answer since.
    pub(crate) refused_since: Option<u64>,
    /// Nothing is sent before.
    pub(crate) retry_at: u64,
    pub(crate) incarnation: Option<u64>,
    /// What it can apply; none before it has spoken in this reign.
    pub(crate) level: Option<u16>,
    pub(crate) joined: bool,
    pub(crate) feed: Feed,
    /// On its way out of the guarantors, and why.
    pub(crate) dropping: Option<Silence>,
    /// On its way into the in-sync set: it must have everything up to this index first.
    pub(crate) admission: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) ticket: u64,
    pub(crate) since: u64,
    pub(crate) commit: u64,
}

/// Where its entries come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Feed {
    /// The tail in memory.
    Entries,
    /// A snapshot that is being made.
    Preparing,
    /// A snapshot, from `offset` on.
    Snapshot { position: Position, length: u64, offset: u64 },
}

impl Session {
    pub(crate) fn new(previous: Position, now: u64) -> Session {
        Session {
            previous,
            matched: None,
            in_flight: None,
            told_commit: 0,
            answered_at: now,
            unanswered_since: None,
            refused_since: None,
            retry_at: 0,
            incarnation: None,
            level: None,
            joined: false,
            feed: Feed::Entries,
            dropping: None,
            admission: None,
        }
    }

    /// It answered like a member that can do its work.
    pub(crate) fn heard(&mut self, now: u64) {
        self.answered_at = now;
        self.unanswered_since = None;
        self.refused_since = None;
    }

    /// Notes which disk speaks; whether that is another one than before.
    pub(crate) fn note_disk(&mut self, incarnation: u64, joined: bool) -> bool {
        let replaced = self.incarnation.is_some_and(|known| known != incarnation);
        self.incarnation = Some(incarnation);
        self.joined = joined;
        replaced
    }

    /// Whether it has been silent for too long to be counted on.
    pub(crate) fn silence(&self, timings: &Timings, now: u64) -> Option<Silence> {
        let past = |since: Option<u64>, limit: u64| since.is_some_and(|since| now >= since + limit);
        if past(self.refused_since, timings.refused_ms) {
            Some(Silence::Refused)
        } else if past(self.unanswered_since, timings.silence_ms) {
            Some(Silence::NoAnswer)
        } else {
            None
        }
    }

    /// Chooses where to try next after a mismatch; false if only a snapshot helps.
    pub(crate) fn walk_back(&mut self, mismatch: &Mismatch, tail: &Tail) -> bool {
        // A member without anything begins with a snapshot even if the log still reaches back to its first entry:
        // joining hands over more than the log.
        if mismatch.needs_snapshot || (mismatch.hint == Position::ZERO && tail.last() != Position::ZERO) {
            return false;
        }
        let found = if tail.contains(&mismatch.hint) {
            Some(mismatch.hint)
        } else {
            tail.last_not_after(&mismatch.hint)
        };
        match found {
            Some(previous) => {
                self.previous = previous;
                true
            }
            None => false,
        }
    }

    /// When something is due without any event (ms). `counted`: the primary waits for this member's disk.
    pub(crate) fn due(&self, timings: &Timings, committed: u64, counted: bool) -> u64 {
        let silent = [
            self.refused_since.map(|since| since + timings.refused_ms),
            self.unanswered_since.map(|since| since + timings.silence_ms),
        ];
        let silent = silent.into_iter().flatten().min().unwrap_or(u64::MAX);
        let next = match &self.in_flight {
            Some(in_flight) => in_flight.since + timings.silence_ms,
            None if self.feed == Feed::Preparing => u64::MAX,
            None if self.unanswered_since.is_some() => self.retry_at,
            None if self.told_commit < committed => {
                self.retry_at.max(self.answered_at + timings.commit_news_ms)
            }
            None => self.retry_at.max(self.answered_at + timings.heartbeat_ms),
        };
        if counted && self.dropping.is_none() { next.min(silent) } else { next }
    }
}
