//! Which worker a request gets, the wait for one, and what the worker is held to have made of it.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Inner, Workers};
use crate::ejection::{Ejection, Verdict};
use crate::health::{Health, State};
use crate::pool::{Ask, Choice, Standing, Traffic, WorkerIndex};
use crate::settings::WorkerAddress;

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

    fn free_for(&self, traffic: Traffic) -> &Notify {
        let at = Traffic::ALL.iter().position(|(_, one)| *one == traffic).unwrap_or_default();
        &self.free[at]
    }
}

fn standing(health: &Health, ejection: &Ejection, now_ms: u64) -> Standing {
    match health.state() {
        State::Up if ejection.admits(now_ms) => Standing::Usable,
        State::Up => Standing::Ejected,
        State::Down | State::Draining | State::Maintenance => Standing::Out,
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
