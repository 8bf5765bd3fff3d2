//! Graceful end of a listener: stop accepting, let what runs finish, close what is idle, and at a deadline cut.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How a drain is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainPlan {
    /// A kept-alive connection is closed once it has been idle this long. Puppet's agent reuses an idle connection
    /// for up to 4 s (`http_keepalive_timeout`) and never retries: closing earlier can lose a request.
    pub idle_grace: Duration,
    /// What is still open so long after the start of the drain is cut.
    pub deadline: Duration,
}

impl Default for DrainPlan {
    /// For a listener that agents reach: 5 s of idleness, 30 s in all.
    fn default() -> Self {
        DrainPlan { idle_grace: Duration::from_secs(5), deadline: Duration::from_secs(30) }
    }
}

impl DrainPlan {
    /// For a listener whose clients are our own (they re-send what provably was not sent): idle connections close at
    /// once.
    pub fn prompt(deadline: Duration) -> Self {
        DrainPlan { idle_grace: Duration::ZERO, deadline }
    }
}

/// A drain that has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draining {
    pub(crate) plan: DrainPlan,
    pub(crate) cut_at: Instant,
}

/// Makes a connected pair: the handle starts the drain, every clone of [`Drain`] learns of it.
pub fn channel() -> (DrainHandle, Drain) {
    let (sender, receiver) = watch::channel(None);
    (DrainHandle { sender }, Drain { receiver })
}

/// Starts the drain. Dropping the handle without starting one leaves the listeners running.
#[derive(Debug)]
pub struct DrainHandle {
    sender: watch::Sender<Option<Draining>>,
}

impl DrainHandle {
    /// Starts the drain; a second call is ignored (the first deadline stands). The `serve_*` futures return when
    /// their connections are closed.
    pub fn begin(&self, plan: DrainPlan) {
        let cut_at = Instant::now() + plan.deadline;
        self.sender.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                *state = Some(Draining { plan, cut_at });
            }
            first
        });
    }

    /// Whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        self.sender.borrow().is_some()
    }
}

/// The side that is drained: pass a clone to each listener.
#[derive(Debug, Clone)]
pub struct Drain {
    receiver: watch::Receiver<Option<Draining>>,
}

impl Drain {
    /// A drain that never begins (tests, one-shot listeners).
    pub fn never() -> Drain {
        channel().1
    }

    /// Whether the drain has begun.
    pub fn has_begun(&self) -> bool {
        self.receiver.borrow().is_some()
    }

    /// Waits until the drain begins; for ever when its handle is gone.
    pub async fn begun(&mut self) {
        let _ = self.wait().await;
    }

    pub(crate) async fn wait(&mut self) -> Draining {
        let state = match self.receiver.wait_for(Option::is_some).await {
            Ok(state) => *state,
            Err(_) => None,
        };
        match state {
            Some(draining) => draining,
            // The handle is gone: nobody can start a drain any more.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_plan_stands() {
        let (handle, mut drain) = channel();
        assert!(!drain.has_begun());
        handle.begin(DrainPlan::prompt(Duration::from_secs(1)));
        handle.begin(DrainPlan::prompt(Duration::from_secs(9)));
        assert_eq!(drain.wait().await.plan, DrainPlan::prompt(Duration::from_secs(1)));
        assert!(drain.has_begun() && handle.has_begun());
    }

    #[tokio::test]
    async fn a_lost_handle_drains_nothing() {
        let mut drain = Drain::never();
        let waited = tokio::time::timeout(Duration::from_millis(20), drain.begun()).await;
        assert!(waited.is_err());
    }
}
