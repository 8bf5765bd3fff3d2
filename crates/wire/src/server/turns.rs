//! Turns for work that nobody who is served already should wait for: TLS handshakes.
//!
//! A turn is taken for each step, not for the whole handshake: between two steps it is the peer that we wait for, and a
//! peer that says nothing would keep its turn until its time is over. A few hundred of those would keep everybody out.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::Semaphore;

/// Runs `work` to its end, each step of it in a turn of its own.
pub(super) async fn in_turns<F: Future>(turns: &Arc<Semaphore>, work: F) -> F::Output {
    let mut work = pin!(work);
    loop {
        {
            // Nobody closes it; without it the work is done all the same.
            let _turn = turns.acquire().await;
            if let Poll::Ready(done) = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await {
                return done;
            }
        }
        woken().await;
    }
}

/// Waits until the task is woken again, by whatever it waits for.
async fn woken() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_its_peer_takes_nobodys_turn() {
        let turns = Arc::new(Semaphore::new(1));
        let (speak, silent) = oneshot::channel::<u8>();
        let first = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { in_turns(&turns, silent).await }
        });
        tokio::task::yield_now().await;
        let second = in_turns(&turns, async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            2
        });
        assert_eq!(tokio::time::timeout(Duration::from_secs(2), second).await, Ok(2));
        speak.send(1).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(turns.available_permits(), 1);
    }
}
