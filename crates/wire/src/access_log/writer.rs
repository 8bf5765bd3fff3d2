//! The file of the access log, and the thread that writes it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::record::Record;

/// Lines that wait for the disk at most. At 10,000 requests/s this is most of a second.
const QUEUE: usize = 8192;

enum Order {
    Write(Box<Record>),
    Reopen,
    End,
}

/// An open access log.
#[derive(Debug)]
pub struct AccessLog {
    path: PathBuf,
    queue: SyncSender<Order>,
    dropped: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AccessLog {
    /// Opens `path` for appending (it is made if it is missing) and starts the thread that writes it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Arc<AccessLog>> {
        let path = path.as_ref().to_owned();
        let file = open(&path)?;
        let (queue, orders) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let (at, lost) = (path.clone(), dropped.clone());
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_all(&at, file, &orders, &lost))?;
        Ok(Arc::new(AccessLog { path, queue, dropped, thread: Mutex::new(Some(thread)) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, at once but not here: never waits.
    pub fn record(&self, record: Record) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(Order::Write(Box::new(record)))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines that were not written: the queue was full, or the disk refused them.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Opens the file anew at its path, after the old one was moved away (log rotation). Waits only if the queue is
    /// full.
    pub fn reopen(&self) {
        // The thread ends only with this value.
        let _ = self.queue.send(Order::Reopen);
    }
}

impl Drop for AccessLog {
    /// Writes what is queued.
    fn drop(&mut self) {
        let _ = self.queue.send(Order::End);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_all(path: &Path, mut file: File, orders: &Receiver<Order>, dropped: &AtomicU64) {
    let mut lines = Vec::new();
    while let Ok(first) = orders.recv() {
        let mut lines_waiting = 0;
        let mut next = Some(first);
        let mut end = false;
        let mut reopen = false;
        // Takes what is there, and writes it in one go: prompt when it is quiet, few system calls when it is not.
        while let Some(order) = next {
            match order {
                Order::Write(record) => {
                    lines_waiting += 1;
                    // Writing to memory cannot fail.
                    let _ = writeln!(lines, "{record}");
                }
                Order::Reopen => reopen = true,
                Order::End => end = true,
            }
            next = if reopen || end || lines.len() > 256 * 1024 { None } else { orders.try_recv().ok() };
        }
        if let Err(error) = file.write_all(&lines) {
            dropped.fetch_add(lines_waiting, Ordering::Relaxed);
            tracing::error!(path = %path.display(), %error, "access log lines are lost");
        }
        lines.clear();
        if reopen {
            match open(path) {
                Ok(reopened) => file = reopened,
                Err(error) => tracing::error!(path = %path.display(), %error, "access log not reopened"),
            }
        }
        if end {
            return;
        }
    }
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
