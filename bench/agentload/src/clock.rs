//! Time that never goes backwards, and that other processes of this machine can be compared with.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock tied once to the wall clock. Moments are Unix microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    origin_us: u64,
}

impl Clock {
    pub fn new() -> Clock {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { origin: Instant::now(), origin_us: micros(wall) }
    }

    /// This moment.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// A moment not before this clock was made.
    pub fn at(&self, moment: Instant) -> u64 {
        self.origin_us + micros(moment.saturating_duration_since(self.origin))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds as milliseconds, to 0.01 ms.
pub fn milliseconds(micros: u64) -> f64 {
    (micros as f64 / 10.0).round() / 100.0
}
