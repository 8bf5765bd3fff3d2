//! Open loop: requests start at their time, whatever has become of those before.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// More under way than this are not started: a server that stopped answering must not exhaust this machine.
const MOST_UNDER_WAY: usize = 4096;

/// Starts `rate` times `seconds` tasks evenly, waits for all, and returns how many were not started because too many
/// were under way. `make` gets the task's number and the moment at which it was due: a latency counts from there.
pub async fn open_loop<F>(rate: u32, seconds: u64, mut make: impl FnMut(usize, Instant) -> F) -> u64
where
    F: Future<Output = ()> + Send + 'static,
{
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    let mut skipped = 0;
    for number in 0..(u64::from(rate) * seconds) as usize {
        let due = started + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        while tasks.try_join_next().is_some() {}
        match tasks.len() < MOST_UNDER_WAY {
            true => drop(tasks.spawn(make(number, due))),
            false => skipped += 1,
        }
    }
    while tasks.join_next().await.is_some() {}
    skipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_task_that_lags_holds_up_no_other() {
        let done = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let skipped = open_loop(100, 1, |number, _| {
            let done = done.clone();
            async move {
                if number == 0 {
                    tokio::time::sleep(Duration::from_millis(900)).await;
                    // All those that were due meanwhile have run.
                    assert!(done.load(Ordering::Relaxed) > 50);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await;
        assert_eq!((skipped, done.load(Ordering::Relaxed)), (0, 100));
        assert!(began.elapsed() >= Duration::from_millis(980), "{:?}", began.elapsed());
    }
}
