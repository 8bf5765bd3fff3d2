//! What a task waits for beside its work, and what hardly ever comes: it is asked when it has called, not whenever the task
//! runs.
//!
//! A connection is woken several times for each request, and each time would ask its timer, the drain and whoever may want
//! its place, each behind a lock of its own.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future that is polled only when it has asked to be.
pub(super) struct Seldom<F> {
    inner: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
}

struct Bell {
    rung: AtomicBool,
    /// Who is to be woken.
    task: Mutex<Option<Waker>>,
}

impl<F: Future> Seldom<F> {
    pub(super) fn new(inner: F) -> Self {
        // Whoever was never asked cannot have called.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Seldom { inner: Box::pin(inner), waker: Waker::from(Arc::clone(&bell)), bell }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        {
            // Before the look at the bell: whoever rings after it finds whom to wake.
            let mut task = this.bell.task.lock().unwrap_or_else(PoisonError::into_inner);
            if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
                *task = Some(cx.waker().clone());
            }
        }
        if !this.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        this.inner.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_is_asked_once_and_again_when_it_has_called() {
        let (call, called) = oneshot::channel::<u8>();
        let mut asked = 0;
        let counted = {
            let mut called = Box::pin(called);
            let asked = &mut asked;
            poll_fn(move |cx| {
                *asked += 1;
                called.as_mut().poll(cx)
            })
        };
        let mut seldom = Seldom::new(counted);
        for _ in 0..5 {
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut seldom).poll(cx).is_ready())).await;
            assert!(!polled);
        }
        call.send(7).unwrap();
        assert_eq!(seldom.await, Ok(7));
        assert_eq!(asked, 2);
    }

    #[tokio::test]
    async fn whoever_waits_for_it_is_woken_also_on_another_task() {
        let (call, called) = oneshot::channel::<u8>();
        let mut seldom = Seldom::new(called);
        assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut seldom).poll(cx).is_pending())).await);
        let elsewhere = tokio::spawn(seldom);
        tokio::task::yield_now().await;
        call.send(7).unwrap();
        let heard = tokio::time::timeout(Duration::from_secs(60), elsewhere).await;
        assert_eq!(heard.expect("it is woken").unwrap(), Ok(7));
    }
}
