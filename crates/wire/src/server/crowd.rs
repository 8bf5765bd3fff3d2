//! The connections of one listener: how many there may be, and who goes when there are as many.
//!
//! A listener that is full of connections that do nothing would turn away those that have something to say. So when
//! there is no room, those are closed that have kept us waiting for longest: in a handshake, between two requests, in
//! the middle of a header or of a body. First those without a certificate, of which a stranger can have any number.
//! One whose request is being answered is never closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::framing::{Framing, Owed};
use super::watched::SharedFraming;
use crate::drain::Drain;
use crate::limit_hits::Open;
use crate::{Hit, LimitHits, Limits};

/// Agents use an idle connection again for up to four seconds.
const KEPT_BY_AGENTS: Duration = Duration::from_secs(5);
/// An agent without a certificate has little to say, and comes again.
const KEPT_BY_STRANGERS: Duration = Duration::from_secs(1);
/// Time until it is looked for room again.
const AGAIN: Duration = Duration::from_millis(50);

/// Who is connected, as far as it matters for who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// In the handshake.
    Unknown,
    /// Without a certificate.
    Stranger,
    /// With a certificate, or on this machine.
    Known,
}

/// When a connection was last busy, and with how many requests.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) in_flight: u32,
    pub(super) last: Instant,
    standing: Standing,
}

/// One connection, as others may see it.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) framing: SharedFraming,
    activity: Mutex<Activity>,
    /// Something that is to be written waits for the peer.
    unwritten: AtomicBool,
    leave: Notify,
}

impl Guest {
    pub(super) fn new() -> Arc<Guest> {
        let activity = Activity { in_flight: 0, last: Instant::now(), standing: Standing::Unknown };
        Arc::new(Guest {
            framing: Arc::new(Mutex::new(Framing::default())),
            activity: Mutex::new(activity),
            unwritten: AtomicBool::new(false),
            leave: Notify::new(),
        })
    }

    /// It is known who it is.
    pub(super) fn introduce(&self, standing: Standing) {
        self.with(|activity| (activity.standing, activity.last) = (standing, Instant::now()));
    }

    /// Reads or changes what it does.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Activity) -> T) -> T {
        look(&mut self.activity.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether something that is to be written waits for the peer.
    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.load(Ordering::Relaxed)
    }

    pub(super) fn set_unwritten(&self, waits: bool) {
        self.unwritten.store(waits, Ordering::Relaxed);
    }

    /// Ends when it is to make room.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Since when it has kept us waiting, if it has for long enough to be asked to leave.
    fn waited_for(&self, now: Instant) -> Option<(Standing, Instant)> {
        let (in_flight, last, standing) =
            self.with(|activity| (activity.in_flight, activity.last, activity.standing));
        let owed = self.framing.lock().unwrap_or_else(PoisonError::into_inner).owed();
        let patience = match standing {
            Standing::Unknown => Duration::ZERO,
            Standing::Stranger => KEPT_BY_STRANGERS,
            Standing::Known => KEPT_BY_AGENTS,
        };
        let waits_for_it = in_flight == 0 || owed == Owed::Body;
        (waits_for_it && now.saturating_duration_since(last) >= patience).then_some((standing, last))
    }
}

/// The connections of one listener.
pub(super) struct Crowd {
    slots: Arc<Semaphore>,
    most: usize,
    guests: Arc<Mutex<HashMap<u64, Arc<Guest>>>>,
    next: Mutex<u64>,
    hits: LimitHits,
    pub(super) tasks: TaskTracker,
}

/// A place among the connections, until it is dropped.
pub(super) struct Seat {
    pub(super) guest: Arc<Guest>,
    number: u64,
    guests: Arc<Mutex<HashMap<u64, Arc<Guest>>>>,
    _slot: OwnedSemaphorePermit,
    _open: Open,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Crowd {
    pub(super) fn new(limits: &Limits) -> Crowd {
        let most = limits.max_connections.max(1);
        Crowd {
            slots: Arc::new(Semaphore::new(most)),
            most,
            guests: Arc::default(),
            next: Mutex::new(0),
            hits: limits.hits.clone(),
            tasks: TaskTracker::new(),
        }
    }

    /// A place for one more, which may have to be made; none when the drain begins first.
    pub(super) async fn seat(&self, stop: &mut Drain) -> Option<Seat> {
        if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            return Some(self.take(slot));
        }
        self.hits.count(Hit::Connections);
        loop {
            self.make_room();
            tokio::select! {
                biased;
                () = stop.begun() => return None,
                slot = self.slots.clone().acquire_owned() => return slot.ok().map(|slot| self.take(slot)),
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
    }

    fn take(&self, slot: OwnedSemaphorePermit) -> Seat {
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let guest = Guest::new();
        let guests = Arc::clone(&self.guests);
        guests.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&guest));
        Seat { guest, number, guests, _slot: slot, _open: self.hits.opened() }
    }

    /// Asks those to leave who have kept us waiting longest: several at a time, because looking at all of them for each
    /// newcomer would be the next thing to attack.
    fn make_room(&self) {
        let now = Instant::now();
        let mut idle: Vec<((Standing, Instant), Arc<Guest>)> = {
            let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
            guests.values().filter_map(|guest| Some((guest.waited_for(now)?, Arc::clone(guest)))).collect()
        };
        idle.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, guest) in idle.iter().take((self.most / 64).max(1)) {
            self.hits.count(Hit::MadeRoom);
            guest.leave.notify_one();
        }
    }

    /// Waits for the end of all connections (each knows the deadline of the drain by itself).
    pub(super) async fn finish(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_has_kept_us_waiting_longest_goes_first_and_strangers_before_nodes() {
        let crowd = Crowd::new(&Limits { max_connections: 4, ..Limits::default() });
        let mut stop = Drain::never();
        let mut seats = Vec::new();
        for standing in [Standing::Known, Standing::Stranger, Standing::Stranger, Standing::Stranger] {
            let seat = crowd.seat(&mut stop).await.unwrap();
            seat.guest.introduce(standing);
            seats.push(seat);
            tokio::time::advance(10 * SECOND).await;
        }
        // Busy, and busy with a body that does not come.
        seats[1].guest.with(|activity| activity.in_flight = 1);
        seats[2].guest.with(|activity| activity.in_flight = 1);
        let head = b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
        seats[2].guest.framing.lock().unwrap().feed(head);
        for expected in [2, 3, 0] {
            crowd.make_room();
            let guest = &seats[expected].guest;
            tokio::time::timeout(SECOND, guest.asked_to_leave()).await.expect("another was asked to leave");
            // As if what takes its place were busy.
            guest.with(|activity| activity.in_flight = 1);
            guest.framing.lock().unwrap().feed(b"123456789");
        }
        let nobody = tokio::time::timeout(60 * SECOND, crowd.seat(&mut stop)).await;
        assert!(nobody.is_err(), "a busy connection was asked to leave");
    }
}
