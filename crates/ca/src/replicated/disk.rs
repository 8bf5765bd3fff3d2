//! The log's own thread: appends and flushes happen here, so that a slow disk does not keep frames from being
//! answered. Whatever has gathered while one flush ran shares the next.

use super::Input;
use super::hub::Hub;
use crate::projection::Projection;
use replica::log::{Log, LogFault};
use replica::role::Event;
use replica::{Entry, Position};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};
use tracing::{error, warn};

/// A flush that takes so long is felt by whoever waits for it, and explains an enrolment that took a second.
const SLOW: Duration = Duration::from_millis(500);

/// What the log is asked to do, in order.
pub(super) enum Job {
    Append(Vec<Entry>),
    Truncate(Position),
    Flush(Position),
    /// Begin anew after a snapshot; told when done.
    Reset(Position, Sender<Result<(), LogFault>>),
    /// Drop what a snapshot stands for.
    Compact(Position),
    /// Goes on after a failure: what was queued before this is dropped.
    Resume,
    /// After a failure: can the disk be written again?
    Probe,
}

/// Runs until the sender of jobs is gone.
pub(super) fn run(log: Log, directory: &Projection, probe: &PathBuf, jobs: &Receiver<Vec<Job>>, hub: &Hub) {
    let mut disk = Disk { log, directory, hub, failed: false };
    let mut next = jobs.recv().ok();
    while let Some(first) = next.take() {
        let mut flush = None;
        // What is appended goes into the file in one piece.
        let mut entries = Vec::new();
        for job in first.into_iter().chain(jobs.try_iter().flatten()) {
            if disk.failed && !matches!(job, Job::Resume) {
                continue;
            }
            if !matches!(job, Job::Append(_) | Job::Flush(_)) {
                disk.append(&mut entries, &mut flush);
            }
            match job {
                Job::Append(more) => entries.extend(more),
                Job::Flush(up_to) => flush = Some(up_to),
                Job::Truncate(to) => {
                    // What is cut away needs no flush; the cut is durable, and everything before it.
                    flush = None;
                    end_unless_done(disk.log.truncate(&to).map(|()| to));
                }
                Job::Reset(position, done) => {
                    flush = None;
                    // The loop waits for this, unless it has ended.
                    let _ = done.send(disk.log.reset(position));
                }
                Job::Compact(to) => {
                    if let Some(up_to) = disk.flush(&mut flush) {
                        hub.leave(Input::Event(Event::Flushed { up_to }));
                    }
                    if let Err(fault) = disk.log.compact(&to) {
                        warn!(%fault, "the log could not be shortened");
                    }
                }
                Job::Resume => disk.failed = false,
                Job::Probe => {
                    if writable(probe).is_ok() {
                        hub.leave(Input::Event(Event::LogRecovered));
                    }
                }
            }
        }
        disk.append(&mut entries, &mut flush);
        let flushed = disk.flush(&mut flush).map(|up_to| Input::Event(Event::Flushed { up_to }));
        next = jobs.try_recv().ok();
        match (flushed, &next) {
            // The disk is not to wait for what follows from the last flush.
            (Some(flushed), Some(_)) => hub.leave(flushed),
            (Some(flushed), None) => hub.bring([flushed]),
            (None, _) => {}
        }
        next = next.or_else(|| jobs.recv().ok());
    }
}

struct Disk<'a> {
    log: Log,
    directory: &'a Projection,
    hub: &'a Hub,
    /// What was queued before somebody has looked at the failure is dropped.
    failed: bool,
}

impl Disk<'_> {
    fn append(&mut self, entries: &mut Vec<Entry>, flush: &mut Option<Position>) {
        let entries = std::mem::take(entries);
        if entries.is_empty() {
            return;
        }
        let appended = match self.directory.is_full() {
            true => Err(LogFault::Io(io::ErrorKind::StorageFull.into())),
            false => self.log.append(&entries),
        };
        if let Err(fault) = appended {
            error!(%fault, "the log cannot be written");
            self.failed = true;
            *flush = None;
            let event = Event::LogFailed { fault: fault.fault(), kept: self.log.last() };
            self.hub.leave(Input::Event(event));
        }
    }

    /// Makes durable what is wanted; gives how far that was.
    fn flush(&mut self, wanted: &mut Option<Position>) -> Option<Position> {
        let up_to = wanted.take()?;
        let begun = Instant::now();
        end_unless_done(self.log.flush());
        let took = begun.elapsed();
        if took >= SLOW {
            warn!("the disk took {} ms to make the log durable; changes wait for that", took.as_millis());
        }
        Some(up_to)
    }
}

/// After a failed flush nobody knows what the file holds: only the next life of this process can find out.
fn end_unless_done(result: Result<Position, LogFault>) {
    if let Err(fault) = result {
        error!(%fault, "the log could not be made durable; ending, to read at the next start what it really holds");
        std::process::exit(74);
    }
}

fn writable(probe: &PathBuf) -> io::Result<()> {
    replica::storage::replace_file(probe, &[0; 65_536])?;
    std::fs::remove_file(probe)
}
