//! What a request goes through, noted on the way by whoever handles it, for its line in the log.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Request, Response};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// With the whole answer of whoever was asked.
    #[default]
    Complete,
    /// The client went away before it had the whole answer.
    ClientClosed,
    /// Its body did not come whole, or was malformed.
    BodyBroken,
    /// A body longer than its route allows.
    BodyTooLong,
    /// The listener, or the front end by its target, refused it.
    Refused,
    /// Its certificate was revoked after the connection was made.
    Revoked,
    /// It is not allowed.
    Forbidden,
    /// The worker broke off: before its answer, or in the middle of it.
    WorkerReset,
    /// The worker took too long.
    WorkerTimedOut,
    /// No worker could be reached.
    NoWorker,
    /// Every worker had as many requests as it may, and so had the queue.
    QueueFull,
    /// Every worker had as many requests as it may, for as long as a request waits.
    QueueTimedOut,
    /// It was held, and no CA took it in time.
    HeldTimedOut,
    /// The CA took it, and nobody could be asked in time what became of it.
    InDoubt,
}

impl End {
    /// How a request ended that the listener itself refused with this answer.
    pub fn of_refusal(answer: &Response) -> End {
        answer.extensions().get::<End>().copied().unwrap_or(End::Refused)
    }

    /// All of them.
    pub const ALL: [End; 14] = [
        End::Complete,
        End::ClientClosed,
        End::BodyBroken,
        End::BodyTooLong,
        End::Refused,
        End::Revoked,
        End::Forbidden,
        End::WorkerReset,
        End::WorkerTimedOut,
        End::NoWorker,
        End::QueueFull,
        End::QueueTimedOut,
        End::HeldTimedOut,
        End::InDoubt,
    ];

    /// As the log writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::ClientClosed => "client-closed",
            End::BodyBroken => "body-broken",
            End::BodyTooLong => "body-too-long",
            End::Refused => "refused",
            End::Revoked => "revoked",
            End::Forbidden => "forbidden",
            End::WorkerReset => "worker-reset",
            End::WorkerTimedOut => "worker-timed-out",
            End::NoWorker => "no-worker",
            End::QueueFull => "queue-full",
            End::QueueTimedOut => "queue-timed-out",
            End::HeldTimedOut => "held-timed-out",
            End::InDoubt => "in-doubt",
        }
    }
}

/// What was noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    /// Who answered, or had it last; none: the logging process itself.
    pub worker: Option<Arc<str>>,
    /// How often it was sent to a worker, or tried to be.
    pub attempts: u32,
    /// Its kind.
    pub route: Option<&'static str>,
    /// How it ended, as far as that is known already.
    pub end: End,
}

/// A place for the notes: in the extensions of each request that is logged. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Notes>);

#[derive(Debug, Default)]
struct Notes {
    received: AtomicU64,
    way: Mutex<Way>,
}

impl Trail {
    /// That of a request; one that nobody reads when it is not logged.
    pub fn of(request: &Request) -> Trail {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// The kind of the request.
    pub fn route(&self, route: &'static str) {
        self.way().route = Some(route);
    }

    /// It is sent to this worker now.
    pub fn sent_to(&self, worker: &Arc<str>) {
        let mut way = self.way();
        way.attempts += 1;
        way.worker = Some(Arc::clone(worker));
    }

    /// What is answered is the answer of this worker.
    pub fn answered_by(&self, worker: &Arc<str>) {
        self.way().worker = Some(Arc::clone(worker));
    }

    /// What is answered is our own: of those who had it none has answered.
    pub fn answered_here(&self) {
        self.way().worker = None;
    }

    /// How it ended; the first to say so knows.
    pub fn ended(&self, end: End) {
        let mut way = self.way();
        if way.end == End::Complete {
            way.end = end;
        }
    }

    /// What has been noted so far.
    pub fn so_far(&self) -> Way {
        self.way().clone()
    }

    pub(super) fn received(&self) -> u64 {
        self.0.received.load(Ordering::Relaxed)
    }

    pub(super) fn receive(&self, bytes: u64) {
        self.0.received.fetch_add(bytes, Ordering::Relaxed);
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        // Each change is a plain assignment.
        self.0.way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_end_stands_and_clones_share_the_notes() {
        let trail = Trail::default();
        let other = trail.clone();
        other.sent_to(&"a".into());
        other.sent_to(&"b".into());
        other.ended(End::WorkerReset);
        trail.ended(End::ClientClosed);
        let way = trail.so_far();
        assert_eq!((way.worker.as_deref(), way.attempts, way.end), (Some("b"), 2, End::WorkerReset));
    }
}
