//! The catalog workers as the request path sees them: choose one, count what it has, hear how it fares.
//!
//! Joins the pure parts (`pool`, `health`, `ejection`) under one short lock, so that the choice and what it rests on are
//! never out of step.

mod assign;
mod reshape;
mod usage;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use wire::protocol::internal::{Usage, WorkerState, WorkerStatus};

use crate::clock::Clock;
use crate::ejection::{Ejection, Rules};
use crate::error_log::ErrorLog;
use crate::health::{Change, Event, Health, State, Thresholds};
use crate::pool::{Balance, Place, Pool, Traffic, WorkerIndex};
use crate::settings::{Tuning, WorkerAddress};
pub use assign::{Assignment, Queue, Unassigned, Want};
pub use usage::UsageFile;

/// How workers are chosen and judged.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Health.
    pub thresholds: Thresholds,
    /// Ejection.
    pub ejection: Rules,
    /// Spreading.
    pub balance: Balance,
    /// Time until a worker that comes back has its full share.
    pub slow_start: Duration,
    /// Most requests that wait for a worker.
    pub queue: usize,
    /// How long.
    pub queue_time: Duration,
}

impl Policy {
    fn slow_start_ms(&self) -> u64 {
        u64::try_from(self.slow_start.as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<&Tuning> for Policy {
    fn from(tuning: &Tuning) -> Self {
        Self {
            thresholds: tuning.thresholds.clone(),
            ejection: tuning.ejection.clone(),
            balance: tuning.balance,
            slow_start: tuning.slow_start,
            queue: tuning.queue,
            queue_time: tuning.queue_time,
        }
    }
}

/// All workers of the catalog pool.
#[derive(Debug)]
pub struct Workers {
    /// In the order of their indices. Changed under the lock of `inner` alone.
    seats: ArcSwap<Vec<Arc<Seat>>>,
    policy: ArcSwap<Policy>,
    clock: Clock,
    error_log: Arc<ErrorLog>,
    file: UsageFile,
    /// What the file says: by name, without those in use. Locked while the file is written, which no request waits for.
    aside: Mutex<BTreeMap<String, Usage>>,
    inner: Mutex<Inner>,
    /// Wakes those who wait for a worker of a kind of traffic, in the order of [`Traffic::ALL`].
    free: [Notify; Traffic::ALL.len()],
}

/// A worker's place among the others.
#[derive(Debug)]
struct Seat {
    address: Arc<WorkerAddress>,
    /// Wakes its prober when its next probe was moved forward.
    wake: Notify,
}

impl Seat {
    fn new(address: WorkerAddress) -> Arc<Self> {
        Arc::new(Self { address: Arc::new(address), wake: Notify::new() })
    }
}

#[derive(Debug)]
struct Inner {
    /// Which are no longer configured: they finish what they have.
    retired: Vec<bool>,
    pool: Pool,
    health: Vec<Health>,
    ejection: Vec<Ejection>,
    queue: Queue,
}

impl Workers {
    /// Workers in configured order, all taken for healthy; those that an operator had taken out of use are.
    ///
    /// # Errors
    /// The file that says which cannot be read.
    pub fn new(
        workers: Vec<(WorkerAddress, Place)>,
        policy: Policy,
        clock: Clock,
        error_log: Arc<ErrorLog>,
        file: UsageFile,
    ) -> io::Result<Self> {
        let now = clock.now_ms();
        let aside = file.load()?;
        let (addresses, places): (Vec<WorkerAddress>, Vec<Place>) = workers.into_iter().unzip();
        let named = addresses.iter().map(|worker| worker.name.clone()).zip(places).collect();
        let inner = Inner {
            retired: vec![false; addresses.len()],
            pool: Pool::new(named, policy.balance, policy.slow_start_ms()),
            health: addresses.iter().map(|_| Health::new(now)).collect(),
            ejection: addresses.iter().map(|_| Ejection::default()).collect(),
            queue: Queue::default(),
        };
        let seats: Vec<Arc<Seat>> = addresses.into_iter().map(Seat::new).collect();
        let free = std::array::from_fn(|_| Notify::new());
        let inner = Mutex::new(inner);
        let kept = Mutex::new(aside.clone());
        let policy = ArcSwap::from_pointee(policy);
        let known = Self {
            seats: ArcSwap::from_pointee(seats),
            policy,
            clock,
            error_log,
            file,
            aside: kept,
            inner,
            free,
        };
        for (index, seat) in known.seats.load().iter().enumerate() {
            if let Some(usage) = aside.get(&seat.address.name) {
                known.observe(index, event_of(*usage));
            }
        }
        Ok(known)
    }

    /// Takes in what was seen of a worker; logs and acts when that changes its use.
    pub fn observe(&self, index: WorkerIndex, event: Event) {
        let change = {
            let mut inner = self.lock();
            let change = inner.health[index].step(&self.policy.load().thresholds, event, self.clock.now_ms());
            if change.as_ref().is_some_and(|change| change.from == State::Down) {
                // What it failed before it went away says nothing of what has come back.
                inner.ejection[index] = Ejection::default();
            }
            change
        };
        let seat = self.seat(index);
        seat.wake.notify_one();
        if let Some(change) = change {
            self.error_log.say(sentence(&seat.address, &change));
            // Those who wait look again: for them this may be somebody new, or nobody at all.
            self.free.iter().for_each(Notify::notify_waiters);
        }
    }

    /// Takes a worker out of use (what it has is let finish), or puts it back; also after a restart. None when there is
    /// no such worker.
    ///
    /// # Errors
    /// It cannot be kept; it holds until the front end is restarted.
    pub fn set_usage(&self, name: &str, usage: Usage) -> io::Result<Option<WorkerStatus>> {
        let Some(index) = self.index(name) else { return Ok(None) };
        // Held to the end: the last to ask is the one who counts, and who is remembered.
        let mut aside = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        match usage {
            Usage::InUse => aside.remove(name),
            _ => aside.insert(name.to_owned(), usage),
        };
        let stored = self.file.store(&aside);
        if usage == Usage::Maintenance || usage == Usage::Draining {
            // From one to the other leads over being in use.
            self.observe(index, Event::Resume);
        }
        self.observe(index, event_of(usage));
        stored?;
        Ok(self.status().into_iter().find(|status| status.name == name))
    }

    /// Waits until the next probe of a worker is due.
    pub async fn probe_due(&self, index: WorkerIndex) {
        let seat = self.seat(index);
        loop {
            let due = self.lock().health[index].next_probe_ms();
            let wait = due.saturating_sub(self.clock.now_ms());
            if wait == 0 {
                return;
            }
            let sleep = tokio::time::sleep(Duration::from_millis(wait));
            tokio::select! {
                () = sleep => return,
                () = seat.wake.notified() => {}
            }
        }
    }

    /// Where a worker is.
    fn address(&self, index: WorkerIndex) -> Arc<WorkerAddress> {
        Arc::clone(&self.seats.load()[index].address)
    }

    fn seat(&self, index: WorkerIndex) -> Arc<Seat> {
        Arc::clone(&self.seats.load()[index])
    }

    /// The configured worker of this name.
    fn index(&self, name: &str) -> Option<WorkerIndex> {
        let inner = self.lock();
        let seats = self.seats.load();
        (0..seats.len()).find(|index| !inner.retired[*index] && seats[*index].address.name == name)
    }

    /// Those that wait.
    pub fn queue(&self) -> Queue {
        self.lock().queue
    }

    /// For the status endpoint: all that are configured, and those that are not and still have something to answer.
    pub fn status(&self) -> Vec<WorkerStatus> {
        let inner = self.lock();
        let seats = self.seats.load();
        seats
            .iter()
            .enumerate()
            .filter(|(index, _)| !inner.retired[*index] || inner.pool.load(*index).in_flight > 0)
            .map(|(index, seat)| {
                let worker = &seat.address;
                let (load, place) = (inner.pool.load(index), inner.pool.place(index));
                let state = match inner.health[index].state() {
                    State::Up if inner.ejection[index].is_out() => WorkerState::Ejected,
                    State::Up => WorkerState::Up,
                    State::Down => WorkerState::Down,
                    State::Draining => WorkerState::Draining,
                    State::Maintenance => WorkerState::Maintenance,
                };
                WorkerStatus {
                    name: worker.name.clone(),
                    address: worker.address.clone(),
                    state,
                    in_flight: load.in_flight,
                    requests: load.requests,
                    failures: load.failures,
                    weight: place.weight,
                    tier: place.tier,
                    max_requests: place.most,
                }
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The bookkeeping is valid after every statement, so a panic elsewhere in a holder leaves nothing half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn event_of(usage: Usage) -> Event {
    match usage {
        Usage::InUse => Event::Resume,
        Usage::Draining => Event::Drain,
        Usage::Maintenance => Event::Maintain,
    }
}

fn sentence(worker: &WorkerAddress, change: &Change) -> String {
    let WorkerAddress { name, address, .. } = worker;
    match change.to {
        State::Down => format!("Catalog worker {name} ({address}) disabled: {}", change.cause),
        State::Up => format!(
            "Catalog worker {name} ({address}) enabled: {}, after {:.1} s",
            change.cause,
            change.lasted_ms as f64 / 1000.0
        ),
        State::Draining => format!("Catalog worker {name} ({address}) draining: {}", change.cause),
        State::Maintenance => format!("Catalog worker {name} ({address}) in maintenance: {}", change.cause),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn workers(dir: &std::path::Path, place: Place) -> Arc<Workers> {
        let address = |name: &str| WorkerAddress {
            name: name.into(),
            address: "127.0.0.1:1".into(),
            certname: name.into(),
        };
        let log = Arc::new(ErrorLog::open(&dir.join("error.log")).unwrap());
        let policy = Policy { queue: 2, slow_start: Duration::ZERO, ..Policy::from(&Tuning::default()) };
        let both = vec![(address("w1"), place.clone()), (address("w2"), place)];
        let file = UsageFile::new(dir.join("workers.json"));
        Arc::new(Workers::new(both, policy, Clock::start(), log, file).unwrap())
    }

    fn want(tried: &[WorkerIndex]) -> Want<'_> {
        Want { traffic: Traffic::Catalog, tried, certname: None, dice: 1 }
    }

    #[tokio::test]
    async fn a_failing_worker_leaves_the_pool_and_the_log_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), Place::default());
        workers.observe(0, Event::ConnectFailed { cause: "connection refused".into(), conclusive: true });
        for _ in 0..4 {
            assert_eq!(workers.assign(want(&[])).await.unwrap().index(), 1);
        }
        assert_eq!(workers.assign(want(&[1])).await.unwrap().index(), 0, "the last resort");
        assert_eq!(workers.assign(want(&[0, 1])).await.unwrap_err(), Unassigned::Nobody);
        workers.observe(0, Event::ProbeAnswered);
        workers.observe(0, Event::ProbeAnswered);
        assert!(workers.set_usage("w2", Usage::Draining).unwrap().is_some());
        let nobody = workers.assign(want(&[0])).await.unwrap_err();
        assert_eq!(nobody, Unassigned::Nobody, "a draining worker is not even the last resort");
        assert!(workers.set_usage("w3", Usage::Draining).unwrap().is_none());
        let log = std::fs::read_to_string(dir.path().join("error.log")).unwrap();
        assert!(log.contains("Catalog worker w1 (127.0.0.1:1) disabled: connection refused"), "{log}");
        assert!(log.contains("Catalog worker w1 (127.0.0.1:1) enabled: answers again"), "{log}");
    }

    #[tokio::test]
    async fn an_assignment_counts_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), Place::default());
        let first = workers.assign(want(&[])).await.unwrap();
        let mut second = workers.assign(want(&[])).await.unwrap();
        assert_eq!(workers.status().iter().map(|w| w.in_flight).collect::<Vec<_>>(), [1, 1]);
        second.fail("reset");
        drop((first, second));
        let status = workers.status();
        assert_eq!(
            status.iter().map(|w| (w.in_flight, w.requests, w.failures)).collect::<Vec<_>>(),
            [(0, 1, 0), (0, 1, 1)]
        );
    }

    #[tokio::test]
    async fn a_worker_that_fails_requests_is_ejected_and_one_answer_brings_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), Place::default());
        let mut policy = Policy::clone(&workers.policy.load());
        policy.ejection.first_ms = 30;
        workers.policy.store(Arc::new(policy));
        for _ in 0..Rules::default().after {
            workers.assign(want(&[1])).await.unwrap().answered(StatusCode::BAD_GATEWAY);
        }
        assert_eq!(workers.status()[0].state, WorkerState::Ejected);
        for _ in 0..4 {
            assert_eq!(workers.assign(want(&[])).await.unwrap().index(), 1);
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
        let mut probation = workers.assign(want(&[1])).await.unwrap();
        assert_eq!(workers.assign(want(&[])).await.unwrap().index(), 1, "one request at a time");
        probation.answered(StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(workers.status()[0].state, WorkerState::Up, "an error in a manifest is an answer");
        let log = std::fs::read_to_string(dir.path().join("error.log")).unwrap();
        assert!(
            log.contains("w1 (127.0.0.1:1) ejected for 0 s: 5 failures in a row, the last: 502"),
            "{log}"
        );
        assert!(log.contains("w1 (127.0.0.1:1) has passed its probation"), "{log}");
    }

    #[tokio::test]
    async fn what_an_operator_took_out_of_use_stays_so_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let first = workers(dir.path(), Place::default());
        first.set_usage("w1", Usage::Draining).unwrap();
        first.set_usage("w1", Usage::Maintenance).unwrap();
        let again = workers(dir.path(), Place::default());
        let state = |workers: &Workers| workers.status()[0].state;
        assert_eq!((state(&first), state(&again)), (WorkerState::Maintenance, WorkerState::Maintenance));
        again.set_usage("w1", Usage::InUse).unwrap();
        assert_eq!(state(&again), WorkerState::Down, "until it answers a probe");
        assert_eq!(state(&workers(dir.path(), Place::default())), WorkerState::Up);
        std::fs::write(dir.path().join("workers.json"), "{").unwrap();
        assert!(again.file.load().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_wait_for_a_full_worker_and_are_turned_away_when_too_many_do() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(dir.path(), Place { most: Some(1), ..Place::default() });
        let first = workers.assign(want(&[])).await.unwrap();
        let _second = workers.assign(want(&[])).await.unwrap();
        let waiting = |_: usize| {
            let workers = Arc::clone(&workers);
            tokio::spawn(async move { workers.assign(want(&[])).await.map(|given| given.index()) })
        };
        let both: Vec<_> = (0..2).map(waiting).collect();
        tokio::task::yield_now().await;
        assert_eq!(workers.queue(), Queue { waiting: 2, waited: 2, turned_away: 0 });
        assert_eq!(workers.assign(want(&[])).await.unwrap_err(), Unassigned::QueueFull);
        drop(first);
        // Each passes the worker on when it is done.
        for waited in both {
            assert_eq!(waited.await.unwrap(), Ok(0));
        }
        let _third = workers.assign(want(&[])).await.unwrap();
        assert_eq!(workers.assign(want(&[])).await.unwrap_err(), Unassigned::Waited);
        assert_eq!(workers.queue(), Queue { waiting: 0, waited: 3, turned_away: 2 });
    }
}
