//! Counts for Prometheus: what passes through the front end, by route, worker and outcome, and how long it takes.
//!
//! Everything is counted in atomics that exist from the start: a request touches three of them and waits for nobody.
//! No label holds what a client says: their number is bounded by the configuration.

mod exposition;
mod page;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

use crate::route::{CaAccess, Class, Route};

pub use exposition::CONTENT_TYPE;
pub use page::{End, page};

/// Kinds of requests, as their label has it.
const ROUTES: [&str; 9] =
    ["ca-read", "ca-write", "ca-status", "catalog", "read", "write", "status", "own", "refused"];
/// Classes of answers.
const CODES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Upper bounds of the latency histogram, seconds.
const BOUNDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The counts.
#[derive(Debug)]
pub struct Metrics {
    /// Names of the workers; the first stands for the front end itself.
    workers: Vec<String>,
    /// By route, worker and class of code.
    requests: Vec<AtomicU64>,
    latencies: Vec<Latency>,
}

/// The time until the head of the answer, of one route.
#[derive(Debug, Default)]
struct Latency {
    /// One for each bound, and one for what is beyond; not cumulative.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl Metrics {
    /// For these workers.
    pub fn new<'a>(workers: impl Iterator<Item = &'a str>) -> Metrics {
        let workers: Vec<String> = std::iter::once("-").chain(workers).map(str::to_owned).collect();
        let cells = ROUTES.len() * workers.len() * CODES.len();
        Metrics {
            workers,
            requests: (0..cells).map(|_| AtomicU64::new(0)).collect(),
            latencies: ROUTES.iter().map(|_| Latency::default()).collect(),
        }
    }

    /// One request was answered: by a worker, or by the front end itself.
    pub fn count(&self, route: Option<&Route>, worker: Option<&str>, status: StatusCode, took: Duration) {
        let route = route_index(route);
        let worker = worker.and_then(|name| self.workers.iter().position(|known| known == name)).unwrap_or(0);
        let code = usize::from(status.as_u16() / 100).clamp(1, CODES.len()) - 1;
        if let Some(cell) = self.requests.get(self.cell(route, worker, code)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(latency) = self.latencies.get(route) {
            let bucket = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
            latency.buckets[bucket].fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            latency.micros.fetch_add(micros, Ordering::Relaxed);
        }
    }

    fn cell(&self, route: usize, worker: usize, code: usize) -> usize {
        (route * self.workers.len() + worker) * CODES.len() + code
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
        Some(Route::Catalog(Class::Status)) => 6,
        Some(Route::Own(_)) => 7,
        Some(Route::Bad(_)) | None => 8,
    }
}
