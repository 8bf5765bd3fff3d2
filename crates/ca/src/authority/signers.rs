//! The threads that make slow signatures (RSA): one for each processor, because more at a time would only make all of
//! them late. They take their work from one queue, so that while there is some no processor waits for another thread to
//! bring the next piece. They start with the first signature, and end with the authority.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Each change is a single push or take.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        self.waiting().jobs.push_back(job);
        self.wake.notify_one();
    }

    /// The next piece of work; none when there will be no more.
    fn take(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            match waiting.jobs.pop_front() {
                Some(job) => return Some(job),
                None if waiting.closed => return None,
                None => waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// The threads, or what will be them.
#[derive(Default)]
pub(super) struct Signers {
    queue: Arc<Queue>,
    started: OnceLock<()>,
}

/// Nobody can do the work.
#[derive(Debug, thiserror::Error)]
#[error("no thread could be started: {0}")]
pub(super) struct NoThread(io::Error);

impl Signers {
    /// Has `work` done as soon as a processor is free. Of a panic nobody is told: `work` has with it what whoever waits
    /// sees dropped.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
        self.start().map_err(NoThread)?;
        self.queue.push(Box::new(work));
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        if self.started.get().is_some() {
            return Ok(());
        }
        // Two that come first start some threads more than there are processors, which does no harm.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for number in 0..cores {
            let queue = Arc::clone(&self.queue);
            let thread = std::thread::Builder::new().name(format!("ca-signer-{number}"));
            thread.spawn(move || {
                while let Some(job) = queue.take() {
                    // A panic is that signature's alone.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            })?;
        }
        self.started.get_or_init(|| ());
        Ok(())
    }
}

impl Drop for Signers {
    fn drop(&mut self) {
        self.queue.waiting().closed = true;
        self.queue.wake.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn all_work_is_done_and_a_panic_is_one_s_own() {
        let signers = Signers::default();
        let (tell, told) = mpsc::channel();
        for number in 0..100u32 {
            let tell = tell.clone();
            let work = move || {
                assert_ne!(number % 10, 7);
                tell.send(number).unwrap();
            };
            signers.run(work).unwrap();
        }
        drop(tell);
        let mut results: Vec<u32> = told.iter().collect();
        results.sort_unstable();
        assert_eq!(results, (0..100).filter(|number| number % 10 != 7).collect::<Vec<_>>());
        let queue = Arc::downgrade(&signers.queue);
        drop(signers);
        while queue.strong_count() > 0 {
            std::thread::yield_now();
        }
    }
}
