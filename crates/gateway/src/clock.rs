//! The one place where the front end reads a clock; everything that decides gets its time passed in.

use std::time::Instant;

/// Milliseconds since the front end started, on a clock that never jumps.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts at zero.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Milliseconds since [`Clock::start`].
    pub fn now_ms(self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Wall-clock time for people: RFC 3339 in UTC with milliseconds.
pub fn wall_time() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}
