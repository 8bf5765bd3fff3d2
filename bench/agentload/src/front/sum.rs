//! What a load came to, gathered while it runs on one thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::latency::Latencies;
use crate::lean::crowd::Worked;
use crate::lean::usage::Process;
use crate::tally::Tally;

/// Shared by all tasks of the load.
#[derive(Clone)]
pub struct Sum(Rc<RefCell<Inner>>);

struct Inner {
    latencies: Latencies,
    failures: Tally,
    done: u64,
    began: Instant,
    own: f64,
    servers: Vec<Process>,
    server: f64,
}

impl Sum {
    /// Begins to count: everything that was done before is not of the load.
    pub fn begin(pids: &[u32]) -> anyhow::Result<Sum> {
        let servers: Vec<Process> = pids.iter().copied().map(Process::numbered).collect();
        let inner = Inner {
            latencies: Latencies::new(),
            failures: Tally::default(),
            done: 0,
            own: Process::own().seconds()?,
            server: total(&servers)?,
            servers,
            began: Instant::now(),
        };
        Ok(Sum(Rc::new(RefCell::new(inner))))
    }

    /// Counts one piece of work that was due, or begun, at `from`.
    pub fn count(&self, from: Instant, outcome: &Result<(), String>) {
        let mut inner = self.0.borrow_mut();
        match outcome {
            Ok(()) => {
                inner.done += 1;
                let micros = u64::try_from(from.elapsed().as_micros()).unwrap_or(u64::MAX);
                inner.latencies.record(micros);
            }
            Err(what) => inner.failures.add(what),
        }
    }

    /// Counts a failure that is none of a request's.
    pub fn fail(&self, what: &str) {
        self.0.borrow_mut().failures.add(what);
    }

    /// How many have failed.
    pub fn failed(&self) -> u64 {
        self.0.borrow().failures.total()
    }

    /// The whole.
    pub fn end(self) -> anyhow::Result<Worked> {
        let mut inner = self.0.borrow_mut();
        let seconds = inner.began.elapsed().as_secs_f64();
        let requests = inner.done;
        let each = |spent: f64| (spent * 1e7 / (requests.max(1) as f64)).round() / 10.0;
        let own = Process::own().seconds()? - inner.own;
        let server = total(&inner.servers)? - inner.server;
        let failures = std::mem::take(&mut inner.failures);
        Ok(Worked {
            requests,
            failed: failures.total(),
            failures,
            seconds,
            per_second: (requests as f64 / seconds * 10.0).round() / 10.0,
            latency: inner.latencies.summary(),
            ran_out: false,
            generator_us_each: each(own),
            server_us_each: (!inner.servers.is_empty()).then(|| each(server)),
        })
    }
}

fn total(servers: &[Process]) -> anyhow::Result<f64> {
    servers.iter().map(Process::seconds).sum()
}
