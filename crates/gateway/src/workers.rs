//! The catalog workers as the request path sees them: choose one, count what it has, hear how it fares.
//!
//! Joins the pure parts (`pool`, `health`, `ejection`) under one short lock, so that the choice and what it rests on are
//! never out of step.

mod reshape;
mod usage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use arc_swap::ArcSwap;
use http::StatusCode;
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::protocol::internal::{Usage, WorkerState, WorkerStatus};

use crate::clock::Clock;
use crate::ejection::{Ejection, Rules, Verdict};
use crate::error_log::ErrorLog;
use crate::health::{Change, Event, Health, State, Thresholds};
use crate::pool::{Ask, Balance, Choice, Place, Pool, Standing, Traffic, WorkerIndex};
use crate::settings::{Tuning, WorkerAddress};
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

/// Requests that wait, or have waited, because every worker had as many as it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Now.
    pub waiting: usize,
    /// Since the start.
    pub waited: u64,
    /// Since the start, those that were sent away: the queue was full, or their time was over.
    pub turned_away: u64,
}

/// A request that needs a worker.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// Its kind.
    pub traffic: Traffic,
    /// Who has had it already.
    pub tried: &'a [WorkerIndex],
    /// The node that asks, as far as it is known.
    pub certname: Option<&'a str>,
    /// Differs from request to request.
    pub dice: u64,
}

/// Why a request gets no worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unassigned {
    /// All have been tried, or none takes this kind of traffic.
    Nobody,
    /// All are full, and so is the queue.
    QueueFull,
    /// All stayed full for as long as a request waits.
    Waited,
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

    /// Chooses a worker that is not in `want.tried`: one that may be chosen, or as last resort one that is down (never
    /// one that an operator has taken out). Waits while all of them have as many requests as they may.
    ///
    /// # Errors
    /// [`Unassigned`].
    pub async fn assign(self: &Arc<Self>, want: Want<'_>) -> Result<Assignment, Unassigned> {
        // Most find one at once, and need nobody to tell them of those who become free.
        if let Some(settled) = self.try_assign(want) {
            return settled;
        }
        let deadline = Instant::now() + self.policy.load().queue_time;
        let mut place_in_queue = None;
        loop {
            let free = self.free_for(want.traffic).notified();
            tokio::pin!(free);
            // From here on nobody who becomes free is missed.
            free.as_mut().enable();
            if let Some(settled) = self.try_assign(want) {
                return settled;
            }
            if place_in_queue.is_none() {
                place_in_queue = Some(PlaceInQueue::take(self)?);
            }
            if tokio::time::timeout_at(deadline, free).await.is_err() {
                self.lock().queue.turned_away += 1;
                return Err(Unassigned::Waited);
            }
        }
    }

    /// None: all of them are full.
    fn try_assign(self: &Arc<Self>, want: Want<'_>) -> Option<Result<Assignment, Unassigned>> {
        match self.assign_now(want) {
            Choice::Given(index) => {
                Some(Ok(Assignment { workers: Arc::clone(self), index, failed: false, judged: false }))
            }
            Choice::Nobody => Some(Err(Unassigned::Nobody)),
            Choice::Full => None,
        }
    }

    fn assign_now(&self, want: Want<'_>) -> Choice {
        let now_ms = self.clock.now_ms();
        let mut inner = self.lock();
        let Inner { pool, health, ejection, .. } = &mut *inner;
        for (index, (health, ejection)) in health.iter().zip(ejection.iter()).enumerate() {
            pool.set_standing(index, standing(health, ejection, now_ms), now_ms);
        }
        let Want { traffic, tried, certname, dice } = want;
        let ask = Ask { traffic, tried, certname, dice, now_ms };
        let choice = match pool.begin(ask) {
            Choice::Nobody => {
                pool.begin_desperate(ask, |index| matches!(health[index].state(), State::Down | State::Up))
            }
            choice => choice,
        };
        if let Choice::Given(index) = choice {
            ejection[index].given(now_ms);
        }
        choice
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

    /// What a request that was given to a worker came to.
    fn judge(&self, index: WorkerIndex, failure: Option<&str>) {
        let verdict = {
            let mut inner = self.lock();
            match failure {
                None => inner.ejection[index].answered(),
                // All that it had breaks off at once when it dies, which is noticed otherwise.
                Some(_) if inner.health[index].state() != State::Up => None,
                Some(_) => inner.ejection[index].failed(&self.policy.load().ejection, self.clock.now_ms()),
            }
        };
        let Some(verdict) = verdict else { return };
        let worker = self.address(index);
        let WorkerAddress { name, address, .. } = worker.as_ref();
        self.error_log.say(match verdict {
            Verdict::Ejected { for_ms, failures } => format!(
                "Catalog worker {name} ({address}) ejected for {:.0} s: {failures} failures in a row, the last: {}",
                for_ms as f64 / 1000.0,
                failure.unwrap_or_default()
            ),
            Verdict::Returned => {
                format!("Catalog worker {name} ({address}) has passed its probation and is used again")
            }
        });
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

    fn free_for(&self, traffic: Traffic) -> &Notify {
        let at = Traffic::ALL.iter().position(|(_, one)| *one == traffic).unwrap_or_default();
        &self.free[at]
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The bookkeeping is valid after every statement, so a panic elsewhere in a holder leaves nothing half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn standing(health: &Health, ejection: &Ejection, now_ms: u64) -> Standing {
    match health.state() {
        State::Up if ejection.admits(now_ms) => Standing::Usable,
        State::Up => Standing::Ejected,
        State::Down | State::Draining | State::Maintenance => Standing::Out,
    }
}

fn event_of(usage: Usage) -> Event {
    match usage {
        Usage::InUse => Event::Resume,
        Usage::Draining => Event::Drain,
        Usage::Maintenance => Event::Maintain,
    }
}

/// A request waits as long as this lives.
struct PlaceInQueue<'a>(&'a Workers);

impl<'a> PlaceInQueue<'a> {
    fn take(workers: &'a Workers) -> Result<Self, Unassigned> {
        let mut inner = workers.lock();
        if inner.queue.waiting >= workers.policy.load().queue {
            inner.queue.turned_away += 1;
            return Err(Unassigned::QueueFull);
        }
        inner.queue.waiting += 1;
        inner.queue.waited += 1;
        Ok(Self(workers))
    }
}

impl Drop for PlaceInQueue<'_> {
    fn drop(&mut self) {
        self.0.lock().queue.waiting -= 1;
    }
}

/// One request given to one worker. Lives as long as the answer's body, so that a slow download counts as load.
pub struct Assignment {
    workers: Arc<Workers>,
    index: WorkerIndex,
    failed: bool,
    judged: bool,
}

impl Assignment {
    /// The worker it was given to.
    pub fn index(&self) -> WorkerIndex {
        self.index
    }

    /// The head of its answer is there.
    pub fn answered(&mut self, status: StatusCode) {
        let says_not_me = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        self.judge(says_not_me.then(|| status.as_str().to_owned()).as_deref());
    }

    /// The worker did not give a whole answer.
    pub fn fail(&mut self, cause: &str) {
        self.failed = true;
        self.judge(Some(cause));
    }

    fn judge(&mut self, failure: Option<&str>) {
        // An answer that breaks off has been judged by its head: it is the worker's failure, and not one more.
        if !std::mem::replace(&mut self.judged, true) {
            self.workers.judge(self.index, failure);
        }
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        let serves = {
            let mut inner = self.workers.lock();
            inner.pool.end(self.index, self.failed);
            if !self.judged {
                inner.ejection[self.index].abandoned();
            }
            let serves = &inner.pool.place(self.index).serves;
            Traffic::ALL.map(|(_, traffic)| serves.contains(&traffic))
        };
        for (waiting, _) in self.workers.free.iter().zip(serves).filter(|(_, serves)| *serves) {
            waiting.notify_one();
        }
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
