//! The counts at one moment, summed over routes: what the status page makes its rates and quantiles of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BOUNDS, Metrics, OWN, ROUTES, Row};

/// What one worker (or the front end itself) has answered so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cells {
    /// Requests.
    pub requests: u64,
    /// Of those: answered 5xx.
    pub failed: u64,
    /// By time until the head of the answer, in the bounds of the histogram; not cumulative.
    pub buckets: [u64; BOUNDS.len() + 1],
}

impl Cells {
    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Cells) -> Cells {
        let mut difference = self.clone();
        difference.requests = self.requests.saturating_sub(earlier.requests);
        difference.failed = self.failed.saturating_sub(earlier.failed);
        for (bucket, before) in difference.buckets.iter_mut().zip(earlier.buckets) {
            *bucket = bucket.saturating_sub(before);
        }
        difference
    }

    /// Adds another one's.
    pub fn add(&mut self, other: &Cells) {
        self.requests += other.requests;
        self.failed += other.failed;
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
    }
}

impl Metrics {
    /// The counts of the front end itself, then of each worker. What is asked of the front end itself (this page, above
    /// all) is left out.
    pub fn sample(&self) -> Vec<Cells> {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let cells = |row: &Arc<Row>| {
            let mut cells = Cells::default();
            for route in (0..ROUTES.len()).filter(|route| *route != OWN) {
                let codes = &row.requests[route];
                cells.requests += codes.iter().map(count).sum::<u64>();
                cells.failed += codes.last().map_or(0, count);
                for (bucket, more) in cells.buckets.iter_mut().zip(&row.latencies[route].buckets) {
                    *bucket += count(more);
                }
            }
            cells
        };
        self.workers.load().iter().map(cells).collect()
    }

    /// Names, in the order of [`Metrics::sample`]; those that join later come after them.
    pub fn names(&self) -> Vec<String> {
        self.workers.load().iter().map(|row| row.worker.clone()).collect()
    }
}

/// A quantile (0 to 1) in milliseconds, as exact as the bounds are, evenly spread within one; none without requests.
pub fn quantile_ms(cells: &Cells, quantile: f64) -> Option<f64> {
    let total: u64 = cells.buckets.iter().sum();
    let rank = quantile * total as f64;
    let mut below = 0;
    for (at, count) in cells.buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
        if (below + count) as f64 >= rank {
            let low = if at == 0 { 0.0 } else { BOUNDS[at - 1] };
            // Nothing is known of what is beyond the last bound.
            let high = BOUNDS.get(at).copied().unwrap_or(low);
            let part = ((rank - below as f64) / *count as f64).clamp(0.0, 1.0);
            return Some((low + (high - low) * part) * 1000.0);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_within_their_bounds() {
        let mut cells = Cells::default();
        assert_eq!(quantile_ms(&cells, 0.5), None);
        // 90 between 1 and 2.5 ms, 10 between 100 and 250 ms.
        cells.buckets[3] = 90;
        cells.buckets[9] = 10;
        let half = quantile_ms(&cells, 0.5).unwrap();
        assert!((1.8..1.9).contains(&half), "{half}");
        let high = quantile_ms(&cells, 0.99).unwrap();
        assert!((230.0..240.0).contains(&high), "{high}");
        cells.buckets = [0; BOUNDS.len() + 1];
        cells.buckets[BOUNDS.len()] = 1;
        assert_eq!(quantile_ms(&cells, 0.5), Some(600_000.0));
    }
}
