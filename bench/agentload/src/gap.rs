//! A small steady load that finds out for how long nobody answered.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use wire::protocol::certificate;

use crate::cli::GapArgs;
use crate::clock::Clock;
use crate::latency::{Latencies, Summary};
use crate::marks::{self, Aftermath};
use crate::pace;
use crate::tally::Tally;
use crate::target::{Target, get_certificate};
use crate::timeline::{Gap, Success, Timeline};

/// What a watch came to.
#[derive(Debug, Serialize)]
pub struct Watched {
    pub requests: u64,
    pub failed: u64,
    /// Why, by kind.
    pub failures: Tally,
    /// From when a request was due to its answer, with connection and TLS handshake.
    pub latency: Option<Summary>,
    pub longest_gap: Gap,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Aftermath>,
    /// Successes of each 100 ms, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<u32>>,
    #[serde(skip)]
    timeline_text: String,
}

impl crate::Report for Watched {
    fn failed(&self) -> u64 {
        self.failed
    }

    fn text(&self) -> String {
        format!(
            "{} requests, {} failed\n{}{}\nlongest time without a success: {} ms, {} ms after the start\n{}{}",
            self.requests,
            self.failed,
            self.failures.text(),
            Summary::text(self.latency.as_ref()),
            self.longest_gap.ms,
            self.longest_gap.at_ms,
            marks::text(&self.marks),
            self.timeline_text,
        )
    }
}

struct Record {
    latency: Latencies,
    failures: Tally,
    successes: Vec<Success>,
}

/// Asks for the CA certificate at a steady rate, each time on a new connection.
pub async fn run(target: &Target, args: &GapArgs) -> anyhow::Result<Watched> {
    let clock = Clock::new();
    let empty = Record { latency: Latencies::new(), failures: Tally::default(), successes: Vec::new() };
    let record = Arc::new(Mutex::new(empty));
    let from = clock.now();
    let skipped = pace::open_loop(args.rate, args.seconds, |_, due| {
        let (client, record) = (target.stranger(), record.clone());
        async move {
            let began = clock.now();
            let outcome = match &client {
                Ok(client) => get_certificate(client, certificate::CA).await.map(drop),
                Err(fault) => Err(format!("{fault:#}")),
            };
            let ended = clock.now();
            let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(()) => {
                    record.latency.record(ended - clock.at(due));
                    record.successes.push(Success { began, ended });
                }
                Err(what) => record.failures.add(&what),
            }
        }
    })
    .await;
    let to = clock.now();
    let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
    (0..skipped).for_each(|_| record.failures.add("not started: too many under way"));
    let timeline = Timeline { from, to, successes: std::mem::take(&mut record.successes) };
    let marks = args.marks.as_deref().map(marks::read).transpose()?.unwrap_or_default();
    Ok(Watched {
        requests: timeline.successes.len() as u64 + record.failures.total(),
        failed: record.failures.total(),
        failures: record.failures.clone(),
        latency: record.latency.summary(),
        longest_gap: timeline.longest_gap(),
        marks: marks::relate(&marks, &timeline),
        timeline: args.timeline.then(|| timeline.per_tenth()),
        timeline_text: if args.timeline { timeline.text() } else { String::new() },
    })
}
