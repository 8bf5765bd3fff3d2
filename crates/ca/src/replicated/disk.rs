//! The log's own thread: appends and flushes happen here, so that a slow disk does not keep frames from being
//! answered. Whatever has gathered while one flush ran shares the next.

use super::Input;
use replica::log::{Log, LogFault};
use replica::role::Event;
use replica::{Entry, Position};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender};
use tracing::{error, warn};

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
pub(super) fn run(mut log: Log, probe: &PathBuf, jobs: &Receiver<Job>, report: &Sender<Input>) {
    let mut failed = false;
    while let Ok(first) = jobs.recv() {
        let mut flush = None;
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            if failed && !matches!(job, Job::Resume) {
                continue;
            }
            match job {
                Job::Append(entries) => {
                    if let Err(fault) = log.append(&entries) {
                        error!(%fault, "the log cannot be written");
                        failed = true;
                        flush = None;
                        let event = Event::LogFailed { fault: fault.fault(), kept: log.last() };
                        tell(report, Input::Event(event));
                    }
                }
                Job::Flush(up_to) => flush = Some(up_to),
                Job::Truncate(to) => {
                    // What is cut away needs no flush; the cut is durable, and everything before it.
                    flush = None;
                    end_unless_done(log.truncate(&to).map(|()| to));
                }
                Job::Reset(position, done) => {
                    flush = None;
                    // The loop waits for this, unless it has ended.
                    let _ = done.send(log.reset(position));
                }
                Job::Compact(to) => {
                    flush_now(&mut log, &mut flush, report);
                    if let Err(fault) = log.compact(&to) {
                        warn!(%fault, "the log could not be shortened");
                    }
                }
                Job::Resume => failed = false,
                Job::Probe => {
                    if writable(probe).is_ok() {
                        tell(report, Input::Event(Event::LogRecovered));
                    }
                }
            }
        }
        flush_now(&mut log, &mut flush, report);
    }
}

fn flush_now(log: &mut Log, wanted: &mut Option<Position>, report: &Sender<Input>) {
    if let Some(up_to) = wanted.take() {
        end_unless_done(log.flush());
        tell(report, Input::Event(Event::Flushed { up_to }));
    }
}

/// After a failed flush nobody knows what the file holds: only the next life of this process can find out.
fn end_unless_done(result: Result<Position, LogFault>) {
    if let Err(fault) = result {
        error!(%fault, "the log could not be made durable; ending, to read at the next start what it really holds");
        std::process::exit(74);
    }
}

fn tell(report: &Sender<Input>, input: Input) {
    // The loop has ended: nobody needs to know any more.
    let _ = report.send(input);
}

fn writable(probe: &PathBuf) -> io::Result<()> {
    replica::storage::replace_file(probe, &[0; 65_536])?;
    std::fs::remove_file(probe)
}
