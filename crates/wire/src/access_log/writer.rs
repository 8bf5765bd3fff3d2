//! The file of the access log, and the thread that writes it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::record::{Format, Record};

/// Lines that wait for the disk at most. At 50,000 requests/s this is half a second.
const QUEUE: usize = 32_768;
/// How long lines are gathered before they are written. Waking the thread for each line cost a quarter of the CPU of
/// a short request (measured: `GET certificate/NAME`, 16 connections).
const GATHER: Duration = Duration::from_millis(10);

/// Shortest time between two complaints.
const SAY_EVERY: Duration = Duration::from_secs(10);

enum Order {
    Write(Box<Record>),
    Reopen,
    Format(Format),
    End,
}

/// What waits for the thread.
#[derive(Default)]
struct Waiting {
    orders: Vec<Order>,
    /// The thread sleeps until it is woken.
    asleep: bool,
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

    /// False when there is no room.
    fn push(&self, order: Order, room: usize) -> bool {
        let mut waiting = self.waiting();
        if waiting.orders.len() >= room {
            return false;
        }
        waiting.orders.push(order);
        if std::mem::take(&mut waiting.asleep) {
            drop(waiting);
            self.wake.notify_one();
        }
        true
    }

    /// Waits for orders, and for a moment more if the last ones were taken just now: prompt when it is quiet.
    fn take(&self, last: Instant) -> Vec<Order> {
        let mut waiting = self.waiting();
        while waiting.orders.is_empty() {
            waiting.asleep = true;
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let urgent = waiting.orders.iter().any(|order| !matches!(order, Order::Write(_)));
        if !urgent && last.elapsed() < GATHER {
            drop(waiting);
            std::thread::sleep(GATHER);
            waiting = self.waiting();
        }
        std::mem::take(&mut waiting.orders)
    }
}

/// An open access log.
pub struct AccessLog {
    path: PathBuf,
    queue: Arc<Queue>,
    dropped: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("path", &self.path).finish_non_exhaustive()
    }
}

impl AccessLog {
    /// Opens `path` for appending (it is made if it is missing) and starts the thread that writes it, in
    /// [`Format::Combined`].
    pub fn open(path: impl AsRef<Path>) -> io::Result<Arc<AccessLog>> {
        AccessLog::open_as(path, Format::default())
    }

    /// As [`AccessLog::open`], in this format.
    pub fn open_as(path: impl AsRef<Path>, format: Format) -> io::Result<Arc<AccessLog>> {
        let path = path.as_ref().to_owned();
        let file = open(&path)?;
        let queue = Arc::new(Queue::default());
        let dropped = Arc::new(AtomicU64::new(0));
        let (at, lost, orders) = (path.clone(), dropped.clone(), queue.clone());
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all((&at, format), file, &orders, &lost))?;
        Ok(Arc::new(AccessLog { path, queue, dropped, thread: Mutex::new(Some(thread)) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, in a moment and not here: never waits.
    pub fn record(&self, record: Box<Record>) {
        if !self.queue.push(Order::Write(record), QUEUE) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were not written: the queue was full, or the disk refused them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes lines in another format from now on.
    pub fn set_format(&self, format: Format) {
        self.queue.push(Order::Format(format), usize::MAX);
    }

    /// Opens the file anew at its path, after the old one was moved away (log rotation).
    pub fn reopen(&self) {
        self.queue.push(Order::Reopen, usize::MAX);
    }
}

impl Drop for AccessLog {
    /// Writes what is queued.
    fn drop(&mut self) {
        self.queue.push(Order::End, usize::MAX);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_all((path, mut format): (&Path, Format), file: File, queue: &Queue, dropped: &AtomicU64) {
    let mut sink = Sink { path, file, lines: Vec::new(), waiting: 0, dropped, said: Said::default() };
    let mut last = Instant::now();
    loop {
        sink.tell_losses(last);
        let orders = queue.take(last);
        last = Instant::now();
        for order in orders {
            match order {
                Order::Write(record) => {
                    sink.waiting += 1;
                    record.write(format, &mut sink.lines);
                }
                Order::Format(other) => format = other,
                Order::Reopen => {
                    sink.put();
                    match open(path) {
                        Ok(reopened) => sink.file = reopened,
                        Err(error) => {
                            tracing::error!(path = %path.display(), %error, "access log not reopened")
                        }
                    }
                }
                Order::End => {
                    sink.put();
                    return sink.tell_losses(Instant::now() + SAY_EVERY);
                }
            }
        }
        sink.put();
    }
}

/// The thread's side of a log.
struct Sink<'a> {
    path: &'a Path,
    file: File,
    /// What is to be written, and how many lines that is.
    lines: Vec<u8>,
    waiting: u64,
    dropped: &'a AtomicU64,
    said: Said,
}

/// What the process' own log has been told of lost lines.
#[derive(Default)]
struct Said {
    lost: u64,
    at: Option<Instant>,
    /// Why the disk last refused some.
    refusal: Option<io::Error>,
}

impl Sink<'_> {
    fn put(&mut self) {
        if let Err(error) = self.file.write_all(&self.lines) {
            self.said.refusal = Some(error);
            self.dropped.fetch_add(self.waiting, Ordering::Relaxed);
        }
        self.lines.clear();
        self.waiting = 0;
    }

    /// Tells of lines that were lost since the last time; one sentence in ten seconds at most: a full disk would fill
    /// the next log otherwise.
    fn tell_losses(&mut self, now: Instant) {
        let lost = self.dropped.load(Ordering::Relaxed);
        let due = self.said.at.is_none_or(|at| now.duration_since(at) >= SAY_EVERY);
        if lost == self.said.lost || !due {
            return;
        }
        let why = self.said.refusal.take();
        let why = why.map_or_else(|| "the disk is too slow for them".to_owned(), |why| why.to_string());
        let (path, lines) = (self.path.display(), lost - self.said.lost);
        tracing::warn!(%path, lines, in_all = lost, why, "access log lines are lost");
        self.said = Said { lost, at: Some(now), refusal: None };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode, Version};

    use super::super::record::Verdict;
    use super::super::trail::End;
    use super::*;

    fn record(target: &str) -> Box<Record> {
        Box::new(Record {
            address: "127.0.0.1".parse().unwrap(),
            certname: None,
            at: "2026-11-22T15:00:00Z".parse().unwrap(),
            method: Method::GET,
            target: target.to_owned(),
            version: Version::HTTP_11,
            status: StatusCode::OK,
            bytes: 0,
            referer: None,
            user_agent: None,
            received: 0,
            first_byte: None,
            duration: Duration::ZERO,
            worker: "w".into(),
            attempts: 0,
            route: None,
            end: End::Complete,
            tls: "-",
            verdict: Verdict::None,
            failure: None,
        })
    }

    #[test]
    fn lines_come_in_order_and_survive_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let log = AccessLog::open(&path).unwrap();
        log.record(record("/1"));
        log.record(record("/2"));
        log.reopen();
        // Until the thread has got there the old name is its file: wait for the lines, then rotate.
        while std::fs::read_to_string(&path).unwrap().lines().count() < 2 {
            std::thread::yield_now();
        }
        std::fs::rename(&path, dir.path().join("access.log.1")).unwrap();
        log.reopen();
        log.record(record("/3"));
        let none_lost = log.dropped();
        drop(log);
        assert_eq!(none_lost, 0);
        let (old, new) = (std::fs::read_to_string(dir.path().join("access.log.1")).unwrap(), path);
        assert!(old.contains("/1") && old.contains("/2") && !old.contains("/3"), "{old}");
        assert!(std::fs::read_to_string(new).unwrap().contains("/3"));
    }

    #[test]
    fn a_disk_that_refuses_costs_lines_and_not_requests() {
        let log = AccessLog::open("/dev/full").unwrap();
        for _ in 0..3 {
            log.record(record("/"));
        }
        while log.dropped() < 3 {
            std::thread::yield_now();
        }
    }
}
