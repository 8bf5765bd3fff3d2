//! Room for requests that wait. Everybody may send requests, and each takes memory and a file on every member.

use super::{Authority, Caller, Failure};
use crate::source::Source;
use crate::state::State;
use crate::time;
use pki::Certname;
use std::sync::atomic::Ordering;
use tracing::warn;

/// A client that is turned away waits so many seconds, or up to twice as many.
const RETRY_AFTER: u32 = 300;
/// Not each of a flood of requests gets a line in the log: one in so many seconds does.
const COMPLAIN_EVERY: i64 = 60;

/// What there is no more room for.
enum Full {
    For(Source),
    ForAll,
}

impl Authority {
    /// Whether one more request may wait. Those that come in at the very same time are not counted: a few more do no
    /// harm.
    pub(super) fn check_room(&self, caller: &Caller, certname: &Certname) -> Result<(), Failure> {
        if !caller.is_limited {
            return Ok(());
        }
        let full = self.ledger.read(|state| self.full(state, caller.source, certname));
        let Some(full) = full.ok_or(Failure::NoState)? else { return Ok(()) };
        // Spread by the name: agents that are turned away together must not come back together.
        let retry_after = RETRY_AFTER + crc32c::crc32c(certname.as_str().as_bytes()) % RETRY_AFTER;
        let failure = match full {
            Full::For(source) => {
                let limit = self.policy.max_pending_per_source;
                Failure::TooManyPendingFrom { origin: source.to_string(), limit, retry_after }
            }
            Full::ForAll => Failure::TooManyPending { limit: self.policy.max_pending, retry_after },
        };
        let now = time::now();
        if now - self.complained.load(Ordering::Relaxed) >= COMPLAIN_EVERY {
            self.complained.store(now, Ordering::Relaxed);
            warn!(%certname, address = caller.actor.address, "{failure}");
        }
        Err(failure)
    }

    fn full(&self, state: &State, source: Option<Source>, certname: &Certname) -> Option<Full> {
        let pending = state.pending();
        // It takes the place of one that is counted.
        if pending.contains_key(certname.as_str()) {
            return None;
        }
        if pending.len() >= self.policy.max_pending {
            return Some(Full::ForAll);
        }
        // Counted anew each time: some thousand comparisons are nothing beside a signature and a flushed file.
        let theirs = |source| pending.values().filter(|one| one.source == Some(source)).count();
        source.filter(|source| theirs(*source) >= self.policy.max_pending_per_source).map(Full::For)
    }
}
