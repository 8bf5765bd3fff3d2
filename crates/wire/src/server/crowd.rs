//! The connections of one listener: how many there may be, and who goes when there are as many.
//!
//! A listener that is full of connections that do nothing would turn away those that have something to say. So when
//! there is no room, those are closed that have kept us waiting for longest: in a handshake, between two requests, in
//! the middle of a header or of a body. First those without a certificate, of which a stranger can have any number.
//! One whose request is being answered is never closed.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::framing::{Framing, Owed};
use super::watched::SharedFraming;
use crate::drain::Drain;
use crate::limit_hits::Open;
use crate::{Hit, LimitHits, LiveLimits};

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
    room: Arc<Room>,
    limits: LiveLimits,
    hits: LimitHits,
    pub(super) tasks: TaskTracker,
}

/// Who is there.
#[derive(Default)]
struct Room {
    guests: Mutex<Guests>,
    /// Wakes who waits for a place.
    left: Notify,
}

#[derive(Default)]
struct Guests {
    by_number: HashMap<u64, Arc<Guest>>,
    by_source: HashMap<IpAddr, usize>,
    next: u64,
}

impl Room {
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the connections, until it is dropped.
pub(super) struct Seat {
    pub(super) guest: Arc<Guest>,
    number: u64,
    source: Option<IpAddr>,
    room: Arc<Room>,
    _open: Open,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut guests = self.room.guests();
        guests.by_number.remove(&self.number);
        if let Some(source) = self.source
            && let Some(count) = guests.by_source.get_mut(&source)
        {
            *count -= 1;
            if *count == 0 {
                guests.by_source.remove(&source);
            }
        }
        drop(guests);
        self.room.left.notify_one();
    }
}

/// What counts as one source: whoever has an IPv6 address has a whole /64 of them.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        four => four,
    }
}

impl Crowd {
    pub(super) fn new(limits: LiveLimits) -> Crowd {
        let hits = limits.now().hits.clone();
        Crowd { room: Arc::default(), limits, hits, tasks: TaskTracker::new() }
    }

    /// Whether one more may come from there.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        let Some(most) = self.limits.now().max_per_source else { return true };
        let there = self.room.guests().by_source.get(&source_of(address)).copied().unwrap_or_default();
        if there >= most {
            self.hits.count(Hit::Source);
        }
        there < most
    }

    /// A place for one more, which may have to be made; none when the drain begins first.
    pub(super) async fn seat(&self, from: Option<IpAddr>, stop: &mut Drain) -> Option<Seat> {
        let source = from.map(source_of);
        if let Some(seat) = self.take(source) {
            return Some(seat);
        }
        self.hits.count(Hit::Connections);
        let mut make_room = true;
        loop {
            let left = self.room.left.notified();
            tokio::pin!(left);
            // From here on nobody who leaves is missed.
            left.as_mut().enable();
            if let Some(seat) = self.take(source) {
                return Some(seat);
            }
            if make_room {
                self.make_room();
            }
            make_room = tokio::select! {
                biased;
                () = stop.begun() => return None,
                () = left => false,
                () = tokio::time::sleep(AGAIN) => true,
            };
        }
    }

    fn take(&self, source: Option<IpAddr>) -> Option<Seat> {
        let mut guests = self.room.guests();
        if guests.by_number.len() >= self.most() {
            return None;
        }
        guests.next += 1;
        let (number, guest) = (guests.next, Guest::new());
        guests.by_number.insert(number, Arc::clone(&guest));
        if let Some(source) = source {
            *guests.by_source.entry(source).or_default() += 1;
        }
        drop(guests);
        Some(Seat { guest, number, source, room: Arc::clone(&self.room), _open: self.hits.opened() })
    }

    fn most(&self) -> usize {
        self.limits.now().max_connections.max(1)
    }

    /// Asks those to leave who have kept us waiting longest: several at a time, because looking at all of them for each
    /// newcomer would be the next thing to attack.
    fn make_room(&self) {
        let now = Instant::now();
        let mut idle: Vec<((Standing, Instant), Arc<Guest>)> = {
            let guests = self.room.guests();
            guests
                .by_number
                .values()
                .filter_map(|guest| Some((guest.waited_for(now)?, Arc::clone(guest))))
                .collect()
        };
        idle.sort_unstable_by_key(|(rank, _)| *rank);
        for (_, guest) in idle.iter().take((self.most() / 64).max(1)) {
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
    use crate::Limits;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_has_kept_us_waiting_longest_goes_first_and_strangers_before_nodes() {
        let crowd = Crowd::new(Limits { max_connections: 4, ..Limits::default() }.into());
        let mut stop = Drain::never();
        let mut seats = Vec::new();
        for standing in [Standing::Known, Standing::Stranger, Standing::Stranger, Standing::Stranger] {
            let seat = crowd.seat(None, &mut stop).await.unwrap();
            seat.guest.introduce(standing);
            seats.push(seat);
            tokio::time::advance(10 * SECOND).await;
        }
        // Busy, and busy with a body that does not come.
        seats[1].guest.with(|activity| activity.in_flight = 1);
        seats[2].guest.with(|activity| activity.in_flight = 1);
        let head = b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
        assert!(seats[2].guest.framing.lock().unwrap().feed(head));
        for expected in [2, 3, 0] {
            crowd.make_room();
            let guest = &seats[expected].guest;
            tokio::time::timeout(SECOND, guest.asked_to_leave()).await.expect("another was asked to leave");
            // As if what takes its place were busy.
            guest.with(|activity| activity.in_flight = 1);
            assert!(guest.framing.lock().unwrap().feed(b"123456789"));
        }
        let nobody = tokio::time::timeout(60 * SECOND, crowd.seat(None, &mut stop)).await;
        assert!(nobody.is_err(), "a busy connection was asked to leave");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_has_its_share_and_others_theirs_whatever_that_is_by_now() {
        let limits = LiveLimits::from(Limits { max_per_source: Some(2), ..Limits::default() });
        let crowd = Crowd::new(limits.clone());
        let mut stop = Drain::never();
        let (four, mapped): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "::ffff:192.0.2.1".parse().unwrap());
        let (six, neighbour): (IpAddr, IpAddr) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        let mut seats = Vec::new();
        for from in [four, mapped, six, neighbour] {
            assert!(crowd.admits(from), "{from}");
            seats.push(crowd.seat(Some(from), &mut stop).await.unwrap());
        }
        assert!([four, mapped, six, neighbour].iter().all(|from| !crowd.admits(*from)));
        assert!(crowd.admits("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(limits.now().hits.of(Hit::Source), 4);
        seats.remove(0);
        assert!(crowd.admits(mapped) && !crowd.admits(six));
        limits.replace(Limits { max_per_source: Some(3), ..Limits::default() });
        assert!(crowd.admits(six));
        seats.clear();
        assert!(crowd.room.guests().by_source.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn another_number_holds_for_the_next_one() {
        let limits = LiveLimits::from(Limits { max_connections: 1, ..Limits::default() });
        let crowd = Crowd::new(limits.clone());
        let mut stop = Drain::never();
        let first = crowd.seat(None, &mut stop).await.unwrap();
        first.guest.with(|activity| activity.in_flight = 1);
        assert!(tokio::time::timeout(SECOND, crowd.seat(None, &mut stop)).await.is_err());
        limits.replace(Limits { max_connections: 2, ..Limits::default() });
        let second = tokio::time::timeout(SECOND, crowd.seat(None, &mut stop)).await.unwrap().unwrap();
        limits.replace(Limits { max_connections: 1, ..Limits::default() });
        drop(first);
        assert!(tokio::time::timeout(SECOND, crowd.seat(None, &mut stop)).await.is_err());
        drop(second);
        assert!(tokio::time::timeout(SECOND, crowd.seat(None, &mut stop)).await.is_ok());
    }
}
