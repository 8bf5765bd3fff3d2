//! The file of the access log, and the thread that writes it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::record::Record;

/// Lines that wait for the disk at most. At 50,000 requests/s this is half a second.
const QUEUE: usize = 32_768;
/// How long lines are gathered before they are written. Waking the thread for each line cost a quarter of the CPU of
/// a short request (measured: `GET certificate/NAME`, 16 connections).
const GATHER: Duration = Duration::from_millis(10);

enum Order {
    Write(Record),
    Reopen,
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
    /// Opens `path` for appending (it is made if it is missing) and starts the thread that writes it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Arc<AccessLog>> {
        let path = path.as_ref().to_owned();
        let file = open(&path)?;
        let queue = Arc::new(Queue::default());
        let dropped = Arc::new(AtomicU64::new(0));
        let (at, lost, orders) = (path.clone(), dropped.clone(), queue.clone());
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&at, file, &orders, &lost))?;
        Ok(Arc::new(AccessLog { path, queue, dropped, thread: Mutex::new(Some(thread)) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, in a moment and not here: never waits.
    pub fn record(&self, record: Record) {
        if !self.queue.push(Order::Write(record), QUEUE) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were not written: the queue was full, or the disk refused them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
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

fn write_all(path: &Path, mut file: File, queue: &Queue, dropped: &AtomicU64) {
    let mut lines = Vec::new();
    let mut last = Instant::now();
    loop {
        let mut waiting = 0;
        let orders = queue.take(last);
        last = Instant::now();
        for order in orders {
            match order {
                Order::Write(record) => {
                    waiting += 1;
                    // Writing to memory cannot fail.
                    let _ = writeln!(lines, "{record}");
                    continue;
                }
                Order::Reopen => {
                    put(path, &mut file, &mut lines, &mut waiting, dropped);
                    match open(path) {
                        Ok(reopened) => file = reopened,
                        Err(error) => {
                            tracing::error!(path = %path.display(), %error, "access log not reopened")
                        }
                    }
                }
                Order::End => return put(path, &mut file, &mut lines, &mut waiting, dropped),
            }
        }
        put(path, &mut file, &mut lines, &mut waiting, dropped);
    }
}

fn put(path: &Path, file: &mut File, lines: &mut Vec<u8>, waiting: &mut u64, dropped: &AtomicU64) {
    if let Err(error) = file.write_all(lines) {
        dropped.fetch_add(*waiting, Ordering::Relaxed);
        tracing::error!(path = %path.display(), %error, "access log lines are lost");
    }
    lines.clear();
    *waiting = 0;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode, Version};

    use super::*;

    fn record(target: &str) -> Record {
        Record {
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
            duration: Duration::ZERO,
            worker: "w".into(),
        }
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
