//! Counts for Prometheus, and for the status page: what passes through the front end, by route, worker and outcome, and
//! how long it takes.
//!
//! Everything is counted in atomics that exist from the start: a request touches a handful of them and waits for nobody.
//! No label holds what a client says: their number is bounded by the configuration.

mod exposition;
mod listener;
mod page;
mod sample;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use wire::access_log::{End, Way};

use crate::route::{CaAccess, Class, Route};

pub use exposition::CONTENT_TYPE;
pub use listener::Listener;
pub use page::{Ends, LimitsSeen, page};
pub use sample::{Cells, quantile_ms};

/// Kinds of requests, as their label has it.
const ROUTES: [&str; 9] =
    ["ca-read", "ca-write", "ca-status", "catalog", "read", "write", "status", "own", "refused"];
/// Place of the requests to the front end itself.
const OWN: usize = 7;
/// Classes of answers.
const CODES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the latency histogram, seconds. Compiles of ten minutes exist.
const BOUNDS: [f64; 18] = [
    0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    120.0, 600.0,
];

/// The counts.
#[derive(Debug)]
pub struct Metrics {
    /// By worker; the first stands for the front end itself.
    workers: ArcSwap<Vec<Arc<Row>>>,
    /// Further attempts, by route.
    retries: [AtomicU64; ROUTES.len()],
    /// In the order of [`End::ALL`].
    ends: [AtomicU64; End::ALL.len()],
    in_flight: AtomicU64,
}

/// What one worker answered.
#[derive(Debug)]
struct Row {
    worker: String,
    /// By route and class of code.
    requests: [[AtomicU64; CODES.len()]; ROUTES.len()],
    /// By route.
    latencies: [Latency; ROUTES.len()],
}

impl Row {
    fn new(worker: &str) -> Arc<Row> {
        let (requests, latencies) = Default::default();
        Arc::new(Row { worker: worker.to_owned(), requests, latencies })
    }
}

/// The time until the head of the answer, of one route and worker.
#[derive(Debug, Default)]
struct Latency {
    /// One for each bound, and one for what is beyond; not cumulative.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Metrics {
    /// For these workers.
    pub fn new<'a>(workers: impl Iterator<Item = &'a str>) -> Metrics {
        let rows = std::iter::once("-").chain(workers).map(Row::new).collect();
        Metrics {
            workers: ArcSwap::from_pointee(rows),
            retries: Default::default(),
            ends: Default::default(),
            in_flight: AtomicU64::new(0),
        }
    }

    /// For these workers too, from now on. Who has been counted before goes on being shown: a counter must not vanish.
    pub fn add<'a>(&self, workers: impl Iterator<Item = &'a str>) {
        let mut rows: Vec<Arc<Row>> = self.workers.load().iter().cloned().collect();
        for worker in workers {
            if !rows.iter().any(|row| row.worker == worker) {
                rows.push(Row::new(worker));
            }
        }
        self.workers.store(Arc::new(rows));
    }

    /// A request came; what it returns lives until it is answered, or given up.
    pub fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight { metrics: self, answered: false }
    }

    /// Requests that came and have no answer yet.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// One request was answered: by a worker, or by the front end itself.
    pub fn count(&self, route: Option<&Route>, worker: Option<&str>, status: StatusCode, took: Duration) {
        let route = route_index(route);
        let workers = self.workers.load();
        let row = worker.and_then(|name| workers.iter().find(|row| row.worker == name));
        let Some(row) = row.or(workers.first()) else { return };
        let code = usize::from(status.as_u16() / 100).clamp(1, CODES.len()) - 1;
        row.requests[route][code].fetch_add(1, Ordering::Relaxed);
        let latency = &row.latencies[route];
        let bucket = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
        latency.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        latency.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What an answered request went through.
    pub fn noted(&self, route: &Route, way: &Way) {
        if way.attempts > 1 {
            self.retries[route_index(Some(route))].fetch_add(u64::from(way.attempts - 1), Ordering::Relaxed);
        }
        self.ended(way.end);
    }

    /// A request ended like that.
    pub fn ended(&self, end: End) {
        if end != End::Complete
            && let Some(place) = End::ALL.iter().position(|known| *known == end)
        {
            self.ends[place].fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Counts one request while it is under way.
pub struct InFlight<'a> {
    metrics: &'a Metrics,
    answered: bool,
}

impl InFlight<'_> {
    /// There is an answer.
    pub fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.answered {
            self.metrics.ended(End::ClientClosed);
        }
    }
}

/// A route as labels and logs have it.
pub fn label(route: &Route) -> &'static str {
    ROUTES[route_index(Some(route))]
}

/// Place of a route in [`ROUTES`]; none: refused before it was decided.
fn route_index(route: Option<&Route>) -> usize {
    match route {
        Some(Route::CertificateAuthority(CaAccess::Read)) => 0,
        Some(Route::CertificateAuthority(CaAccess::Write)) => 1,
        Some(Route::CaStatus) => 2,
        Some(Route::Catalog(Class::Catalog)) => 3,
        Some(Route::Catalog(Class::Read)) => 4,
        Some(Route::Catalog(Class::Write)) => 5,
        Some(Route::Catalog(Class::Status) | Route::Services) => 6,
        Some(Route::Own(_)) => OWN,
        Some(Route::Bad(_)) | None => 8,
    }
}
