//! How long requests took.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock::milliseconds;

/// Durations in microseconds, to three digits, up to ten minutes.
pub struct Latencies(Histogram<u64>);

const LONGEST: u64 = 600_000_000;

impl Latencies {
    pub fn new() -> Latencies {
        Latencies(Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order"))
    }

    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// `None` when nothing was recorded.
    pub fn summary(&self) -> Option<Summary> {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Summary {
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            max_ms: milliseconds(self.0.max()),
        })
    }
}

/// Quantiles in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Summary {
    /// For a person.
    pub fn text(summary: Option<&Summary>) -> String {
        match summary {
            Some(s) => format!("p50 {} ms, p99 {} ms, max {} ms", s.p50_ms, s.p99_ms, s.max_ms),
            None => "nothing recorded".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_recorded_durations() {
        let mut latencies = Latencies::new();
        assert!(latencies.summary().is_none());
        for ms in 1..=100 {
            latencies.record(ms * 1000);
        }
        let summary = latencies.summary().unwrap();
        assert!((summary.p50_ms - 50.0).abs() < 0.1, "{summary:?}");
        assert!((summary.p99_ms - 99.0).abs() < 0.1, "{summary:?}");
        assert!((summary.max_ms - 100.0).abs() < 0.1, "{summary:?}");
    }
}
