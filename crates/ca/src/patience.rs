//! A start that cannot be made yet, and can in a moment.
//!
//! - `kill -9` returns before the killed process is gone: one that waits for its disk keeps the directory's lock and the
//!   operator's socket until that is over. Whoever starts it again at once (a supervisor, a script, a person) means the next
//!   life of the same member, not a second one.
//! - A running member whose disk is full stands aside until there is room. One that is started then does the same.
//!
//! So the start waits instead of giving up: nobody may start it a second time.

use std::time::{Duration, Instant};
use tracing::info;

/// What is in the way.
pub(crate) struct Obstacle {
    /// What is waited for.
    pub(crate) until: &'static str,
    /// For how long.
    pub(crate) limit: Duration,
    /// How often it is tried again.
    pub(crate) every: Duration,
}

/// Attempts `start` until nothing is in its way that may go away, or for as long as that is worth waiting for.
pub(crate) async fn outlast<T, E: std::fmt::Display>(
    obstacle: impl Fn(&E) -> Option<Obstacle>,
    mut start: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    let mut told = "";
    loop {
        let fault = match start() {
            Ok(started) => return Ok(started),
            Err(fault) => fault,
        };
        match obstacle(&fault) {
            Some(Obstacle { until, limit, every }) if begun.elapsed() < limit => {
                if told != until {
                    info!("{fault}; waiting until {until}");
                    told = until;
                }
                tokio::time::sleep(every).await;
            }
            _ => return Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_long(fault: &&str) -> Option<Obstacle> {
        let (limit, every) = (Duration::from_secs(60), Duration::from_millis(1));
        (*fault != "broken").then_some(Obstacle { until: "it is gone", limit, every })
    }

    #[tokio::test]
    async fn waits_for_what_may_go_away_and_for_nothing_else() {
        let mut left = vec!["broken", "taken", "full"];
        let result: Result<(), &str> =
            outlast(for_long, || Err(left.pop().unwrap_or("asked too often"))).await;
        assert_eq!((result, left.len()), (Err("broken"), 0));
        let mut left = vec![Ok(5), Err("taken")];
        assert_eq!(outlast(for_long, || left.pop().unwrap_or(Err("broken"))).await, Ok(5));
        let at_once = |fault: &&str| for_long(fault).map(|one| Obstacle { limit: Duration::ZERO, ..one });
        let result: Result<(), &str> = outlast(at_once, || Err("taken")).await;
        assert_eq!(result, Err("taken"), "without patience once is enough");
    }
}
