//! The process that had this CA before, and has not ended yet.
//!
//! `kill -9` returns before the killed process is gone: one that waits for its disk keeps the directory's lock, the
//! operator's socket and the port until that is over. Whoever starts it again at once (a supervisor, a script, a person)
//! means the next life of the same member, not a second one, so the start waits instead of giving up.

use std::time::{Duration, Instant};
use tracing::info;

/// How often it is looked again.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Attempts `start` until it no longer fails for being `taken`, or `patience` is over.
pub(crate) async fn outlive<T, E: std::fmt::Display>(
    patience: Duration,
    taken: impl Fn(&E) -> bool,
    mut start: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        match start() {
            Err(fault) if taken(&fault) && begun.elapsed() < patience => {
                if !told {
                    info!("{fault}; waiting for it to end, for at most {} s", patience.as_secs());
                    told = true;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_for_what_is_taken_and_for_nothing_else() {
        let long = Duration::from_secs(60);
        let mut left = vec!["broken", "taken", "taken"];
        let result: Result<(), &str> =
            outlive(long, |fault| *fault == "taken", || Err(left.pop().unwrap_or("asked too often"))).await;
        assert_eq!((result, left.len()), (Err("broken"), 0));
        let mut left = vec![Ok(5), Err("taken")];
        assert_eq!(outlive(long, |_| true, || left.pop().unwrap_or(Err("asked too often"))).await, Ok(5));
        let result: Result<(), &str> = outlive(Duration::ZERO, |_| true, || Err("taken")).await;
        assert_eq!(result, Err("taken"), "without patience once is enough");
    }
}
