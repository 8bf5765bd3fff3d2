//! New agents that ask for a certificate and fetch it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use pki::{KeyKind, PrivateKey, Request, RequestContent};
use serde::Serialize;
use wire::client::Client;

use crate::cli::EnrolArgs;
use crate::clock::Clock;
use crate::latency::{Latencies, Summary};
use crate::marks::{self, Aftermath};
use crate::pace;
use crate::tally::Tally;
use crate::target::{Target, get_certificate, put_request};
use crate::timeline::{Gap, Success, Timeline};

/// Agents take their keys in turn from so many: the CA does not compare keys of different names.
const KEYS: usize = 32;

/// What an enrolment run came to.
#[derive(Debug, Serialize)]
pub struct Enrolled {
    /// Certificates fetched.
    pub certificates: u64,
    pub failed: u64,
    /// Why, by kind.
    pub failures: Tally,
    /// From the start to the last answer.
    pub seconds: f64,
    pub certificates_per_second: f64,
    /// From the first byte of the PUT to the last of the certificate; in the open loop from when it was due, with the
    /// TLS handshake.
    pub enrolment: Option<Summary>,
    /// The PUT alone.
    pub put: Option<Summary>,
    /// The GET alone.
    pub get: Option<Summary>,
    pub longest_gap: Gap,
    /// All prepared requests were used up before the time was: the figures are of a shorter run.
    pub ran_out: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Aftermath>,
    /// Successes of each 100 ms, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<u32>>,
    #[serde(skip)]
    timeline_text: String,
}

impl crate::Report for Enrolled {
    fn failed(&self) -> u64 {
        self.failed
    }

    fn text(&self) -> String {
        let ran_out = if self.ran_out { " (all prepared requests used: see --count)" } else { "" };
        format!(
            "{} certificates in {:.2} s{ran_out}: {:.1}/s, {} failed\n{}enrolment: {}\n  PUT: {}\n  GET: {}\n\
             longest time without a certificate: {} ms, {} ms after the start\n{}{}",
            self.certificates,
            self.seconds,
            self.certificates_per_second,
            self.failed,
            self.failures.text(),
            Summary::text(self.enrolment.as_ref()),
            Summary::text(self.put.as_ref()),
            Summary::text(self.get.as_ref()),
            self.longest_gap.ms,
            self.longest_gap.at_ms,
            marks::text(&self.marks),
            self.timeline_text,
        )
    }
}

struct Agent {
    certname: String,
    request: String,
}

struct Record {
    enrolment: Latencies,
    put: Latencies,
    get: Latencies,
    failures: Tally,
    successes: Vec<Success>,
    names: Vec<String>,
}

/// All that the tasks of a run share.
struct Run {
    clock: Clock,
    agents: Vec<Agent>,
    record: Mutex<Record>,
}

/// Enrols agents as `args` say.
pub async fn run(target: &Target, args: &EnrolArgs) -> anyhow::Result<Enrolled> {
    let clock = Clock::new();
    let wanted = args.rate.map_or(u64::from(args.count), |rate| u64::from(rate) * args.seconds);
    anyhow::ensure!(wanted <= u64::from(args.count), "{wanted} agents are more than --count {}", args.count);
    let agents = prepare(clock.now(), wanted as usize)?;
    let record = Record {
        enrolment: Latencies::new(),
        put: Latencies::new(),
        get: Latencies::new(),
        failures: Tally::default(),
        successes: Vec::with_capacity(agents.len()),
        names: Vec::with_capacity(agents.len()),
    };
    let run = Arc::new(Run { clock, agents, record: Mutex::new(record) });
    let from = clock.now();
    let ran_out = match args.rate {
        Some(rate) => {
            open(target, &run, rate, args.seconds).await?;
            false
        }
        None => closed(target, &run, args).await?,
    };
    let to = clock.now();
    finish(&run, args, from, to, ran_out)
}

fn prepare(started: u64, count: usize) -> anyhow::Result<Vec<Agent>> {
    let keys: Vec<PrivateKey> = (0..KEYS.min(count))
        .map(|_| PrivateKey::generate(KeyKind::EcP256))
        .collect::<Result<_, _>>()
        .context("could not make client keys")?;
    let agent = |(number, key): (usize, &PrivateKey)| {
        // Two runs against one deployment never use a name twice.
        let certname = format!("load-{started:x}-{number}.example.com");
        let request = Request::build(&certname, key, &RequestContent::default())?.to_pem();
        Ok(Agent { certname, request })
    };
    keys.iter().cycle().take(count).enumerate().map(|(number, key)| agent((number, key))).collect()
}

/// Each connection enrols the next agent when it is done with one. True when no agents were left.
async fn closed(target: &Target, run: &Arc<Run>, args: &EnrolArgs) -> anyhow::Result<bool> {
    let next = Arc::new(AtomicUsize::new(0));
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..args.connections {
        let (target, run, next, fresh) = (target.clone(), run.clone(), next.clone(), args.fresh);
        let mut client = target.stranger()?;
        tasks.spawn(async move {
            while Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= run.agents.len() {
                    return Ok(true);
                }
                if fresh {
                    client = target.stranger()?;
                }
                run.enrol(&client, number, Instant::now()).await;
            }
            Ok::<bool, anyhow::Error>(false)
        });
    }
    let mut ran_out = false;
    while let Some(ended) = tasks.join_next().await {
        ran_out |= ended??;
    }
    Ok(ran_out)
}

/// So many new agents a second, each with a connection of its own.
async fn open(target: &Target, run: &Arc<Run>, rate: u32, seconds: u64) -> anyhow::Result<()> {
    // Making a client can only fail for an unusable address: found out before the load begins.
    target.stranger()?;
    let skipped = pace::open_loop(rate, seconds, |number, due| {
        let (client, run) = (target.stranger(), run.clone());
        async move {
            match client {
                Ok(client) => run.enrol(&client, number, due).await,
                Err(fault) => run.record().failures.add(&format!("{fault:#}")),
            }
        }
    })
    .await;
    let mut record = run.record();
    (0..skipped).for_each(|_| record.failures.add("not started: too many under way"));
    Ok(())
}

impl Run {
    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One agent: PUT, then GET. What fails is not tried again: every failure shows.
    async fn enrol(&self, client: &Client, number: usize, due: Instant) {
        let agent = &self.agents[number];
        let outcome = self.exchange(client, agent, due).await;
        if let Err(what) = outcome {
            self.record().failures.add(&what);
        }
    }

    async fn exchange(&self, client: &Client, agent: &Agent, due: Instant) -> Result<(), String> {
        let began = self.clock.at(due);
        put_request(client, &agent.certname, agent.request.clone()).await?;
        let requested = self.clock.now();
        let answer = get_certificate(client, &agent.certname).await?;
        let ended = self.clock.now();
        if !answer.body.starts_with(b"-----BEGIN CERTIFICATE-----") {
            return Err("GET certificate: 200, and no certificate".to_owned());
        }
        let mut record = self.record();
        record.put.record(requested - began);
        record.get.record(ended - requested);
        record.enrolment.record(ended - began);
        record.successes.push(Success { began, ended });
        record.names.push(agent.certname.clone());
        Ok(())
    }
}

fn finish(run: &Run, args: &EnrolArgs, from: u64, to: u64, ran_out: bool) -> anyhow::Result<Enrolled> {
    let mut record = run.record();
    if let Some(path) = &args.names {
        let mut text = record.names.join("\n");
        text.push('\n');
        std::fs::write(path, text).with_context(|| format!("could not write {}", path.display()))?;
    }
    let timeline = Timeline { from, to, successes: std::mem::take(&mut record.successes) };
    let marks = args.marks.as_deref().map(marks::read).transpose()?.unwrap_or_default();
    let certificates = timeline.successes.len() as u64;
    let seconds = (to - from) as f64 / 1e6;
    Ok(Enrolled {
        certificates,
        failed: record.failures.total(),
        failures: record.failures.clone(),
        seconds,
        certificates_per_second: (certificates as f64 / seconds * 10.0).round() / 10.0,
        enrolment: record.enrolment.summary(),
        put: record.put.summary(),
        get: record.get.summary(),
        longest_gap: timeline.longest_gap(),
        ran_out,
        marks: marks::relate(&marks, &timeline),
        timeline: args.timeline.then(|| timeline.per_tenth()),
        timeline_text: if args.timeline { timeline.text() } else { String::new() },
    })
}
