//! Many connections, each with a thread that takes the next piece of work as soon as it is done with one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

use super::line::{Answer, Door, Line};
use super::usage::Process;
use crate::latency::{Latencies, Summary};
use crate::tally::Tally;

/// A thread of the crowd does little: this is more than it takes.
const STACK: usize = 256 * 1024;

/// How many, and until when.
#[derive(Debug, Clone, Copy)]
pub struct Crowd {
    pub connections: usize,
    /// No piece of work is begun later.
    pub limit: Option<Duration>,
    /// Pieces of work there are.
    pub count: usize,
    /// Process id of the CA, whose processor time is wanted too.
    pub pid: Option<u32>,
}

/// What a crowd did.
#[derive(Debug, Serialize)]
pub struct Worked {
    pub requests: u64,
    pub failed: u64,
    /// Why, by kind.
    pub failures: Tally,
    /// From the start to the last answer; connections were open before.
    pub seconds: f64,
    pub per_second: f64,
    /// Of what succeeded.
    pub latency: Option<Summary>,
    /// All work was done before the time was up.
    pub ran_out: bool,
    /// Processor time of the load generator for each success, microseconds.
    pub generator_us_each: f64,
    /// Processor time of the CA for each success, microseconds, when its process id was given.
    pub server_us_each: Option<f64>,
}

impl crate::Report for Worked {
    fn failed(&self) -> u64 {
        self.failed
    }

    fn text(&self) -> String {
        let server = self.server_us_each.map(|us| format!(", server {us:.1}")).unwrap_or_default();
        format!(
            "{} in {:.2} s{}: {:.1}/s, {} failed\n{}{}\nprocessor time of each: generator {:.1}{server} µs\n",
            self.requests,
            self.seconds,
            if self.ran_out { " (all there were)" } else { "" },
            self.per_second,
            self.failed,
            self.failures.text(),
            Summary::text(self.latency.as_ref()),
            self.generator_us_each,
        )
    }
}

/// Lets the crowd do `work`, which gets a connection and the number of the piece.
pub fn run<W>(door: &Door, crowd: Crowd, work: W) -> anyhow::Result<Worked>
where
    W: Fn(&mut Line, usize) -> Result<(), String> + Sync,
{
    let own = Process::own();
    let server = crowd.pid.map(Process::numbered);
    let next = AtomicUsize::new(0);
    let (opened, start) = (Barrier::new(crowd.connections + 1), Barrier::new(crowd.connections + 1));
    let unopened = Mutex::new(None);
    let (mut began, mut spent) = (Instant::now(), (0.0, 0.0));
    let shares = std::thread::scope(|scope| -> anyhow::Result<Vec<Share>> {
        let threads: Vec<_> = (0..crowd.connections)
            .map(|_| {
                let task = || {
                    let line = door.open();
                    opened.wait();
                    start.wait();
                    match line {
                        Ok(line) => share(door, line, crowd, &next, &work),
                        Err(fault) => {
                            *unopened.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                            Share::default()
                        }
                    }
                };
                std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, task)
            })
            .collect::<Result<_, _>>()?;
        opened.wait();
        spent = (own.seconds()?, server.as_ref().map_or(Ok(0.0), Process::seconds)?);
        began = Instant::now();
        start.wait();
        let joined = threads.into_iter().map(|thread| {
            thread.join().map_err(|_| anyhow::anyhow!("a thread of the load generator panicked"))
        });
        joined.collect()
    })?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(fault) = unopened.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(fault).context("a connection could not be opened");
    }
    let mut latencies = Latencies::new();
    let mut failures = Tally::default();
    let mut requests = 0;
    for share in &shares {
        requests += share.micros.len() as u64;
        share.micros.iter().for_each(|micros| latencies.record(u64::from(*micros)));
        share.failures.iter().for_each(|what| failures.add(what));
    }
    let each = |from: f64, to: f64| ((to - from) * 1e7 / (requests.max(1) as f64)).round() / 10.0;
    Ok(Worked {
        requests,
        failed: failures.total(),
        failures,
        seconds,
        per_second: (requests as f64 / seconds * 10.0).round() / 10.0,
        latency: latencies.summary(),
        ran_out: next.into_inner() >= crowd.count,
        generator_us_each: each(spent.0, own.seconds()?),
        server_us_each: match server {
            Some(server) => Some(each(spent.1, server.seconds()?)),
            None => None,
        },
    })
}

/// What one thread did.
#[derive(Default)]
struct Share {
    micros: Vec<u32>,
    failures: Vec<String>,
}

/// A server that refuses everything is not asked for ever.
const MOST_FAILURES: usize = 1000;

fn share<W>(door: &Door, mut line: Line, crowd: Crowd, next: &AtomicUsize, work: &W) -> Share
where
    W: Fn(&mut Line, usize) -> Result<(), String>,
{
    let mut share = Share::default();
    let began = Instant::now();
    let mut now = began;
    while crowd.limit.is_none_or(|limit| now - began < limit) && share.failures.len() < MOST_FAILURES {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= crowd.count {
            break;
        }
        let outcome = work(&mut line, number);
        let done = Instant::now();
        match outcome {
            Ok(()) => share.micros.push(u32::try_from((done - now).as_micros()).unwrap_or(u32::MAX)),
            Err(what) => {
                share.failures.push(what);
                // Whatever state it is in: the next piece of work gets a good one.
                match door.open() {
                    Ok(opened) => line = opened,
                    Err(fault) => {
                        share.failures.push(format!("connection: {fault}"));
                        break;
                    }
                }
            }
        }
        now = done;
    }
    share
}

/// Sends a request that must be answered with `wanted`.
pub fn expect(line: &mut Line, what: &str, request: &[u8], wanted: u16) -> Result<Answer, String> {
    match line.exchange(request) {
        Ok(answer) if answer.status == wanted && !answer.closes => Ok(answer),
        Ok(answer) if answer.status == wanted => Err(format!("{what}: the server closes the connection")),
        Ok(answer) => Err(format!("{what}: {}", answer.status)),
        Err(fault) => Err(format!("{what}: {fault}")),
    }
}
