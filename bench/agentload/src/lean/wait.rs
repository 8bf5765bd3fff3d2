//! Waits for a server's first answer.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde::Serialize;

use super::args::CaWaitArgs;
use super::line::Door;
use crate::clock::Clock;

/// Between two tries. A refused connection costs next to nothing.
const PAUSE: Duration = Duration::from_millis(1);

/// When it came.
#[derive(Debug, Serialize)]
pub struct Answered {
    /// Unix microseconds.
    pub at_us: u64,
    /// The last one succeeded.
    pub tries: u64,
    /// What the others came to, the last of them.
    pub before: Option<String>,
}

impl crate::Report for Answered {
    fn failed(&self) -> u64 {
        0
    }

    fn text(&self) -> String {
        format!("answered at {} after {} tries\n", self.at_us, self.tries)
    }
}

/// Asks, each time on a new connection, until the answer is 200.
pub fn run(door: &Door, args: &CaWaitArgs) -> anyhow::Result<Answered> {
    let clock = Clock::new();
    let request = door.request("GET", &args.path, "text/plain, application/json", None);
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let mut before = None;
    for tries in 1.. {
        match door.open().and_then(|mut line| line.exchange(&request)) {
            Ok(answer) if answer.status == 200 => return Ok(Answered { at_us: clock.now(), tries, before }),
            Ok(answer) => before = Some(answer.status.to_string()),
            Err(fault) => before = Some(fault.to_string()),
        }
        if Instant::now() > end {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    bail!("no answer within {} s; the last try: {}", args.seconds, before.unwrap_or_default());
}
