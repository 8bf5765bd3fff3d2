//! The catalog workers as the request path sees them: choose one, count what it has, hear how it fares.
//!
//! Joins the two pure parts (`pool`, `health`) under one short lock, so that the choice and the health it rests on
//! are never out of step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wire::protocol::internal::{WorkerState, WorkerStatus};

use crate::clock::Clock;
use crate::error_log::ErrorLog;
use crate::health::{Change, Event, Health, State, Thresholds};
use crate::pool::{Pool, WorkerIndex};
use crate::settings::WorkerAddress;

/// All workers of the catalog pool.
#[derive(Debug)]
pub struct Workers {
    addresses: Vec<WorkerAddress>,
    thresholds: Thresholds,
    clock: Clock,
    error_log: Arc<ErrorLog>,
    inner: Mutex<Inner>,
    /// Wakes a worker's prober when its next probe was moved forward.
    wake: Vec<Notify>,
}

#[derive(Debug)]
struct Inner {
    pool: Pool,
    health: Vec<Health>,
}

impl Workers {
    /// Workers in configured order, all taken for healthy.
    pub fn new(
        addresses: Vec<WorkerAddress>,
        thresholds: Thresholds,
        clock: Clock,
        error_log: Arc<ErrorLog>,
    ) -> Self {
        let now = clock.now_ms();
        let inner = Inner {
            pool: Pool::new(addresses.len()),
            health: addresses.iter().map(|_| Health::new(now)).collect(),
        };
        let wake = addresses.iter().map(|_| Notify::new()).collect();
        Self { addresses, thresholds, clock, error_log, inner: Mutex::new(inner), wake }
    }

    /// Chooses a worker that is not in `tried`: a usable one, or as last resort one that is down (never a draining
    /// one). None when all have been tried.
    pub fn assign(self: &Arc<Self>, tried: &[WorkerIndex]) -> Option<Assignment> {
        let mut inner = self.lock();
        let Inner { pool, health } = &mut *inner;
        let index = pool
            .begin(tried)
            .or_else(|| pool.begin_desperate(tried, |index| health[index].state() == State::Down))?;
        Some(Assignment { workers: Arc::clone(self), index, failed: false })
    }

    /// Takes in what was seen of a worker; logs and acts when that changes its use.
    pub fn observe(&self, index: WorkerIndex, event: Event) {
        let change = {
            let mut inner = self.lock();
            let change = inner.health[index].step(&self.thresholds, event, self.clock.now_ms());
            if let Some(change) = &change {
                inner.pool.set_usable(index, change.to == State::Up);
            }
            change
        };
        self.wake[index].notify_one();
        if let Some(change) = change {
            self.error_log.say(sentence(&self.addresses[index], &change));
        }
    }

    /// Takes a worker out (what it has is let finish), or puts it back. False when there is no such worker.
    pub fn set_draining(&self, name: &str, draining: bool) -> bool {
        let Some(index) = self.addresses.iter().position(|worker| worker.name == name) else {
            return false;
        };
        self.observe(index, if draining { Event::Drain } else { Event::Resume });
        true
    }

    /// Waits until the next probe of a worker is due.
    pub async fn probe_due(&self, index: WorkerIndex) {
        loop {
            let due = self.lock().health[index].next_probe_ms();
            let wait = due.saturating_sub(self.clock.now_ms());
            if wait == 0 {
                return;
            }
            let sleep = tokio::time::sleep(std::time::Duration::from_millis(wait));
            tokio::select! {
                () = sleep => return,
                () = self.wake[index].notified() => {}
            }
        }
    }

    /// Where a worker is.
    pub fn address(&self, index: WorkerIndex) -> &WorkerAddress {
        &self.addresses[index]
    }

    /// For the status endpoint.
    pub fn status(&self) -> Vec<WorkerStatus> {
        let inner = self.lock();
        self.addresses
            .iter()
            .enumerate()
            .map(|(index, worker)| {
                let load = inner.pool.load(index);
                WorkerStatus {
                    name: worker.name.clone(),
                    address: worker.address.clone(),
                    state: match inner.health[index].state() {
                        State::Up => WorkerState::Up,
                        State::Down => WorkerState::Down,
                        State::Draining => WorkerState::Draining,
                    },
                    in_flight: load.in_flight,
                    requests: load.requests,
                    failures: load.failures,
                }
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The bookkeeping is valid after every statement, so a panic elsewhere in a holder leaves nothing half-done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request given to one worker. Lives as long as the answer's body, so that a slow download counts as load.
#[derive(Debug)]
pub struct Assignment {
    workers: Arc<Workers>,
    index: WorkerIndex,
    failed: bool,
}

impl Assignment {
    /// The worker it was given to.
    pub fn index(&self) -> WorkerIndex {
        self.index
    }

    /// The worker did not give a whole answer.
    pub fn fail(&mut self) {
        self.failed = true;
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.workers.lock().pool.end(self.index, self.failed);
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers(log: &std::path::Path) -> Arc<Workers> {
        let address = |name: &str| WorkerAddress {
            name: name.into(),
            address: "127.0.0.1:1".into(),
            certname: name.into(),
        };
        let log = Arc::new(ErrorLog::open(log).unwrap());
        Arc::new(Workers::new(vec![address("w1"), address("w2")], Thresholds::default(), Clock::start(), log))
    }

    #[test]
    fn a_failing_worker_leaves_the_pool_and_the_log_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("error.log");
        let workers = workers(&path);
        workers.observe(0, Event::ConnectFailed { cause: "connection refused".into(), conclusive: true });
        for _ in 0..4 {
            assert_eq!(workers.assign(&[]).unwrap().index(), 1);
        }
        assert_eq!(workers.assign(&[1]).unwrap().index(), 0, "the last resort");
        assert!(workers.assign(&[0, 1]).is_none());
        workers.observe(0, Event::ProbeAnswered);
        workers.observe(0, Event::ProbeAnswered);
        assert!(workers.set_draining("w2", true));
        assert!(workers.assign(&[0]).is_none(), "a draining worker is not even the last resort");
        assert!(!workers.set_draining("w3", true));
        let log = std::fs::read_to_string(&path).unwrap();
        assert!(log.contains("Catalog worker w1 (127.0.0.1:1) disabled: connection refused"), "{log}");
        assert!(log.contains("Catalog worker w1 (127.0.0.1:1) enabled: answers again"), "{log}");
    }

    #[test]
    fn an_assignment_counts_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let workers = workers(&dir.path().join("error.log"));
        let first = workers.assign(&[]).unwrap();
        let mut second = workers.assign(&[]).unwrap();
        assert_eq!(workers.status().iter().map(|w| w.in_flight).collect::<Vec<_>>(), [1, 1]);
        second.fail();
        drop((first, second));
        let status = workers.status();
        assert_eq!(
            status.iter().map(|w| (w.in_flight, w.requests, w.failures)).collect::<Vec<_>>(),
            [(0, 1, 0), (0, 1, 1)]
        );
    }
}
