//! The threads that make slow signatures (RSA): one for each processor, because more at a time would only make all of
//! them late. They take their work from one queue, so that while there is some no processor waits for another thread to
//! bring the next piece. They start with the first signature, and end with the authority.
//!
//! What is signed goes into the log. While more waits than there are threads, each takes its share of that and hands on
//! all of it at once: the processors are busy in any case, and a flush, the change of threads before it and the wake
//! after it are then paid once for several certificates. The first of them waits for the others' signatures.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// A signature; gives what is to be handed on, if anything is.
type Job<T> = Box<dyn FnOnce() -> Option<T> + Send>;

/// A share is no larger: with RSA-4096 the first one of it waits some 4 ms for the last one.
const LARGEST_SHARE: usize = 4;

struct Waiting<T> {
    jobs: VecDeque<Job<T>>,
    closed: bool,
}

struct Queue<T> {
    waiting: Mutex<Waiting<T>>,
    wake: Condvar,
    /// Takes what a share has given.
    hand_on: Box<dyn Fn(Vec<T>) + Send + Sync>,
}

impl<T> Queue<T> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        // Each change is a single push or take.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job<T>) {
        self.waiting().jobs.push_back(job);
        self.wake.notify_one();
    }

    /// A share of what waits, for one of so many threads; none when there will be no more.
    fn take(&self, threads: usize) -> Option<Vec<Job<T>>> {
        let mut waiting = self.waiting();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let share = share(waiting.jobs.len(), threads);
        Some(waiting.jobs.drain(..share).collect())
    }

    fn work(&self, threads: usize) {
        while let Some(jobs) = self.take(threads) {
            // A panic is that signature's alone.
            let given: Vec<T> = jobs
                .into_iter()
                .filter_map(|job| catch_unwind(AssertUnwindSafe(job)).ok().flatten())
                .collect();
            if !given.is_empty() {
                (self.hand_on)(given);
            }
        }
    }
}

/// How many of so many one of so many threads takes. One share more is left than there are threads, so that whoever is
/// done next finds work while what the others have handed on is on its way.
fn share(waiting: usize, threads: usize) -> usize {
    (waiting / (threads + 1)).clamp(1, LARGEST_SHARE)
}

/// The threads, or what will be them.
pub(super) struct Signers<T> {
    queue: Arc<Queue<T>>,
    started: OnceLock<()>,
}

/// Nobody can do the work.
#[derive(Debug, thiserror::Error)]
#[error("no thread could be started: {0}")]
pub(super) struct NoThread(io::Error);

impl<T: Send + 'static> Signers<T> {
    /// `hand_on` gets what the pieces of work give, several at a time.
    pub(super) fn new(hand_on: impl Fn(Vec<T>) + Send + Sync + 'static) -> Self {
        let waiting = Mutex::new(Waiting { jobs: VecDeque::new(), closed: false });
        let queue = Queue { waiting, wake: Condvar::new(), hand_on: Box::new(hand_on) };
        Self { queue: Arc::new(queue), started: OnceLock::new() }
    }

    /// Has `work` done as soon as a processor is free, and what it gives handed on soon after. Of a panic nobody is told:
    /// `work` has with it what whoever waits sees dropped.
    pub(super) fn run(&self, work: impl FnOnce() -> Option<T> + Send + 'static) -> Result<(), NoThread> {
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
            thread.spawn(move || queue.work(cores))?;
        }
        self.started.get_or_init(|| ());
        Ok(())
    }
}

impl<T> Drop for Signers<T> {
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
    fn all_work_is_done_and_handed_on_and_a_panic_is_one_s_own() {
        let (tell, told) = mpsc::channel();
        let signers = Signers::new(move |given: Vec<u32>| {
            assert!((1..=LARGEST_SHARE).contains(&given.len()));
            tell.send(given).unwrap();
        });
        for number in 0..100u32 {
            let work = move || {
                assert_ne!(number % 10, 7);
                (number % 10 != 3).then_some(number)
            };
            signers.run(work).unwrap();
        }
        let queue = Arc::downgrade(&signers.queue);
        drop(signers);
        let mut results: Vec<u32> = told.iter().flatten().collect();
        results.sort_unstable();
        let expected: Vec<u32> = (0..100).filter(|number| !matches!(number % 10, 3 | 7)).collect();
        assert_eq!(results, expected);
        while queue.strong_count() > 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn nobody_waits_for_others_while_few_are_there_and_a_share_has_its_limit() {
        assert_eq!([1, 2, 5].map(|waiting| share(waiting, 2)), [1, 1, 1]);
        assert_eq!([6, 9, 11].map(|waiting| share(waiting, 2)), [2, 3, 3]);
        assert_eq!([12, 1000].map(|waiting| share(waiting, 2)), [LARGEST_SHARE; 2]);
    }
}
