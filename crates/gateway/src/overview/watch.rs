//! Takes a sample of the counts every second, and asks the active CA every few for what it has to tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode, Uri};
use wire::protocol::internal::{CaSummary, SUMMARY_PATH, X_BUNRAKU_EPOCH};
use wire::{Request, body};

use super::window::{Pace, Window};
use crate::clock::Clock;
use crate::hold::{Helm, Target};
use crate::metrics::Metrics;
use crate::upstream::Upstream;

/// Between two questions to the CA.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// How long an answer may take, and how long it may be.
const ANSWER_TIME: Duration = Duration::from_secs(2);
const MAX_ANSWER: usize = 1024 * 1024;

/// What is watched.
pub struct Watch {
    metrics: Arc<Metrics>,
    clock: Clock,
    window: Mutex<Window>,
    summary: Mutex<Option<CaSummary>>,
}

impl Watch {
    /// Nothing has been seen yet; [`Watch::count`] and [`Watch::ask`] are to be run beside each other.
    pub fn new(metrics: Arc<Metrics>, clock: Clock) -> Arc<Watch> {
        Arc::new(Watch { metrics, clock, window: Mutex::default(), summary: Mutex::default() })
    }

    /// Samples, for ever.
    pub async fn count(self: Arc<Self>) {
        let mut every = tokio::time::interval(Duration::from_secs(1));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            every.tick().await;
            self.window().push(self.clock.now_ms(), self.metrics.sample());
        }
    }

    /// Asks, for ever.
    pub async fn ask(self: Arc<Self>, upstreams: Vec<Arc<Upstream>>, helm: Arc<Helm>) {
        loop {
            let target = helm.course().target;
            let told = match &target {
                Some(target) => ask(&upstreams[target.member], target).await,
                None => None,
            };
            // An old count would be taken for a present one.
            *self.told() = told;
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// The pace of each, of all, and the last minute.
    pub fn paces(&self) -> (Vec<Pace>, Pace, Vec<f64>) {
        let window = self.window();
        let (each, all) = window.paces();
        (each, all, window.history())
    }

    /// What the active CA said last; none when it did not answer.
    pub fn summary(&self) -> Option<CaSummary> {
        self.told().clone()
    }

    /// Milliseconds since the start.
    pub fn up_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Option<CaSummary>> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None when it does not answer, or not as the primary: who wants to know is told nothing rather than something old.
async fn ask(upstream: &Upstream, target: &Target) -> Option<CaSummary> {
    let mut request = Request::new(body::empty());
    *request.uri_mut() = Uri::from_static(SUMMARY_PATH);
    request.headers_mut().insert(X_BUNRAKU_EPOCH, HeaderValue::from(target.epoch));
    let exchange = async {
        let response = upstream.send(request, ANSWER_TIME).await.ok()?;
        let good = response.status() == StatusCode::OK;
        let bytes = body::collect(response.into_body(), MAX_ANSWER).await.ok()?;
        if good { serde_json::from_slice(&bytes).ok() } else { None }
    };
    tokio::time::timeout(ANSWER_TIME, exchange).await.ok().flatten()
}
