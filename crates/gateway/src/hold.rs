//! The waiting room of CA requests: who is active now, and the wait until somebody is.
//!
//! The supervisor sets the course, requests read it. While no member is active, or the one they tried did not answer,
//! requests wait here instead of failing, up to a limit that each request counts for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Where CA requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Index of the member in the settings.
    pub member: usize,
    /// The epoch in which it is primary; goes with every request.
    pub epoch: u64,
    /// Other front ends through which it is reached, by index in the settings; none when it is reached straight.
    pub through: Vec<usize>,
}

impl Target {
    /// Whether this is another member or another epoch than `before`: what is under way there is over.
    pub fn succeeds(&self, before: &Target) -> bool {
        (self.member, self.epoch) != (before.member, before.epoch)
    }
}

/// What the supervisor last decided.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Course {
    /// Counts decisions, so that a waiter can tell "changed since I looked" from "still the same".
    pub generation: u64,
    /// None while no member may be asked.
    pub target: Option<Target>,
}

/// The supervisor's side: one per front end.
#[derive(Debug)]
pub struct Helm {
    course: watch::Sender<Course>,
    held: Arc<AtomicU64>,
    held_total: AtomicU64,
    timed_out_total: AtomicU64,
}

/// Requests that had to wait, counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waited {
    /// All of them.
    pub held: u64,
    /// Those that nobody took in time.
    pub timed_out: u64,
}

impl Default for Helm {
    fn default() -> Self {
        Self::new()
    }
}

impl Helm {
    /// Begins with no target.
    pub fn new() -> Self {
        Self {
            course: watch::Sender::default(),
            held: Arc::default(),
            held_total: AtomicU64::new(0),
            timed_out_total: AtomicU64::new(0),
        }
    }

    /// Sends CA requests to `target` from now on. Requests under way to another member or in another epoch are
    /// abandoned by their owners and sent again. Says whether anything changed.
    pub fn steer(&self, target: Option<Target>) -> bool {
        self.course.send_if_modified(|course| {
            let changed = course.target != target;
            if changed {
                course.generation += 1;
                course.target = target;
            }
            changed
        })
    }

    /// The course now.
    pub fn course(&self) -> Course {
        self.course.borrow().clone()
    }

    /// A reader for one request.
    pub fn watch(&self) -> watch::Receiver<Course> {
        self.course.subscribe()
    }

    /// Requests waiting now.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Requests that have had to wait since the start.
    pub fn held_total(&self) -> u64 {
        self.held_total.load(Ordering::Relaxed)
    }

    /// What has waited so far.
    pub fn waited(&self) -> Waited {
        let timed_out = self.timed_out_total.load(Ordering::Relaxed);
        Waited { held: self.held_total(), timed_out }
    }

    /// What had waited before those that wait now.
    pub fn waited_before_now(&self) -> Waited {
        let waited = self.waited();
        Waited { held: waited.held.saturating_sub(self.held()), ..waited }
    }

    /// Patience of one request.
    pub fn patience(self: &Arc<Self>, limit: Duration) -> Patience {
        Patience { helm: Arc::clone(self), limit, deadline: None, ticket: None }
    }
}

/// How long one request still waits. The limit begins to count when it first has to wait, not on arrival: a signing
/// that took long before its member died has not used up its patience.
#[derive(Debug)]
pub struct Patience {
    helm: Arc<Helm>,
    limit: Duration,
    deadline: Option<Instant>,
    ticket: Option<Ticket>,
}

/// The limit is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfPatience;

impl Patience {
    /// Waits until the course satisfies `good`, or at most `pause` when one is given (the caller then looks again by
    /// itself), or until the limit.
    pub async fn wait(
        &mut self,
        course: &mut watch::Receiver<Course>,
        pause: Option<Duration>,
        good: impl FnMut(&Course) -> bool,
    ) -> Result<(), OutOfPatience> {
        let deadline = self.begin();
        let until = pause.map_or(deadline, |pause| deadline.min(Instant::now() + pause));
        let waited = tokio::time::timeout_at(until, course.wait_for(good)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            // The front end is shutting down: nobody will steer any more.
            Ok(Err(_)) => Err(OutOfPatience),
            Err(_) if Instant::now() >= deadline => {
                self.helm.timed_out_total.fetch_add(1, Ordering::Relaxed);
                Err(OutOfPatience)
            }
            Err(_) => Ok(()),
        }
    }

    /// The request is on its way again: it no longer counts as held (but its limit goes on counting).
    pub fn on_the_way(&mut self) {
        self.ticket = None;
    }

    fn begin(&mut self) -> Instant {
        let deadline = *self.deadline.get_or_insert_with(|| {
            self.helm.held_total.fetch_add(1, Ordering::Relaxed);
            Instant::now() + self.limit
        });
        self.ticket.get_or_insert_with(|| Ticket::take(&self.helm.held));
        deadline
    }
}

/// Counts one held request while it lives, however it ends (an impatient client drops it half-way).
#[derive(Debug)]
struct Ticket(Arc<AtomicU64>);

impl Ticket {
    fn take(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(member: usize, epoch: u64) -> Option<Target> {
        Some(Target { member, epoch, through: Vec::new() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_request_goes_on_as_soon_as_somebody_is_active() {
        let helm = Arc::new(Helm::new());
        let mut course = helm.watch();
        let waiting = tokio::spawn({
            let helm = Arc::clone(&helm);
            async move {
                let mut patience = helm.patience(Duration::from_secs(30));
                patience.wait(&mut course, None, |course| course.target.is_some()).await
            }
        });
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(helm.held(), 1);
        let before = Instant::now();
        assert!(helm.steer(target(1, 2)));
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert_eq!(before.elapsed(), Duration::ZERO);
        assert_eq!((helm.held(), helm.held_total()), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_counts_all_waits_together() {
        let helm = Arc::new(Helm::new());
        let mut course = helm.watch();
        let mut patience = helm.patience(Duration::from_secs(30));
        let start = Instant::now();
        let mut rounds = 0;
        while patience.wait(&mut course, Some(Duration::from_secs(7)), |_| false).await.is_ok() {
            rounds += 1;
        }
        assert_eq!((rounds, start.elapsed()), (4, Duration::from_secs(30)));
        assert_eq!(helm.waited(), Waited { held: 1, timed_out: 1 });
        drop(patience);
        assert_eq!(helm.held(), 0);
    }

    #[tokio::test]
    async fn the_same_course_again_is_no_news() {
        let helm = Helm::new();
        assert!(helm.steer(target(0, 1)));
        assert!(!helm.steer(target(0, 1)));
        assert!(helm.steer(target(0, 2)));
        assert_eq!(helm.course().generation, 2);
    }
}
