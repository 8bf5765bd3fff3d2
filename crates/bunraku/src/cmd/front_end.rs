//! `bunraku front-end …`: the configuration read again, catalog workers out of use and back, without a lost request.

mod reload;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use wire::client::Client;
use wire::protocol::internal::{
    STATUS_PATH, Status, Usage, WORKERS_PATH, WorkerRequest, WorkerState, WorkerStatus,
};

use super::ca::{Report, ask};
use crate::cli::{FrontEndCommand, WorkerArgs};
use crate::config::Config;
use crate::operator;

/// Between two looks while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Exit code 0 when it is as wanted; with `--wait` 1 when it is not so in time.
pub fn run(config: &Config, command: &FrontEndCommand) -> anyhow::Result<u8> {
    let (args, usage) = match command {
        FrontEndCommand::Drain(args) => (args, Usage::Draining),
        FrontEndCommand::Maintenance(args) => (args, Usage::Maintenance),
        FrontEndCommand::Resume(args) => (args, Usage::InUse),
        FrontEndCommand::Reload(args) => return reload::run(config, args),
    };
    let mut report = Report::new(&args.output)?;
    let code = super::block_on(everywhere(config, args, usage, &mut report))??;
    report.finish(code)
}

/// Each front end chooses workers by itself: all of them are told.
async fn everywhere(
    config: &Config,
    args: &WorkerArgs,
    usage: Usage,
    report: &mut Report,
) -> anyhow::Result<u8> {
    let front_ends = config.front_ends();
    let mut done = true;
    let mut missed = Vec::new();
    for front_end in &front_ends {
        let client = operator::client_of(config, &front_end.name)?;
        match set(&client, args, usage).await {
            Ok((worker, there)) => {
                done &= there;
                let at = if front_ends.len() > 1 { format!("{}: ", front_end.name) } else { String::new() };
                report.say(&format!("{at}{}", sentence(&worker, usage)));
                let mut entry = serde_json::to_value(&worker)?;
                entry["front_end"] = front_end.name.clone().into();
                entry["done"] = there.into();
                report.push("workers", entry);
            }
            Err(fault) => missed.push(format!("{}: {fault:#}", front_end.name)),
        }
    }
    if !missed.is_empty() {
        let rest = if missed.len() < front_ends.len() { "\nThe other front ends do as told; " } else { "\n" };
        bail!("{}{rest}run this again when that is mended", missed.join("\n"));
    }
    Ok(u8::from(args.wait.is_some() && !done))
}

async fn set(client: &Client, args: &WorkerArgs, usage: Usage) -> anyhow::Result<(WorkerStatus, bool)> {
    let asked = WorkerRequest { worker: args.worker.clone(), usage };
    let answer = ask(client, WORKERS_PATH, &serde_json::to_value(asked)?).await?;
    if answer.status != 200 {
        bail!("{}", answer.text().trim_end());
    }
    let mut worker: WorkerStatus =
        serde_json::from_slice(&answer.body).context("the front end's answer is not JSON")?;
    let until = Instant::now() + args.wait.unwrap_or_default();
    while !is_done(usage, &worker) && Instant::now() < until {
        tokio::time::sleep(LOOK_EVERY).await;
        worker = look(client, &args.worker).await?;
    }
    let done = is_done(usage, &worker);
    Ok((worker, done))
}

/// Nothing left to answer; or in use again.
fn is_done(usage: Usage, worker: &WorkerStatus) -> bool {
    match usage {
        Usage::InUse => worker.state == WorkerState::Up,
        Usage::Draining | Usage::Maintenance => worker.in_flight == 0,
    }
}

async fn look(client: &Client, name: &str) -> anyhow::Result<WorkerStatus> {
    let answer = client.get(STATUS_PATH, "application/json").await?;
    let status: Status =
        serde_json::from_slice(&answer.body).context("the front end's status is not JSON")?;
    let found = status.workers.into_iter().find(|worker| worker.name == name);
    found.with_context(|| format!("the front end knows no catalog worker {name} any more"))
}

fn sentence(worker: &WorkerStatus, usage: Usage) -> String {
    let WorkerStatus { name, in_flight, state, .. } = worker;
    let left = match in_flight {
        0 => "it has nothing left to answer".to_string(),
        1 => "1 request is being answered".to_string(),
        many => format!("{many} requests are being answered"),
    };
    match usage {
        Usage::Draining => format!(
            "{name} gets no new requests, also after a restart of the front end; {left}. Back: 'bunraku front-end \
             resume {name}'"
        ),
        Usage::Maintenance => format!(
            "{name} gets no new requests and no probes, also after a restart of the front end; {left}. Back: 'bunraku \
             front-end resume {name}'"
        ),
        Usage::InUse if *state == WorkerState::Up => format!("{name} is used again"),
        Usage::InUse => format!(
            "{name} is used again as soon as it answers two probes; if it does not, 'bunraku status' and the front \
             end's error log say why"
        ),
    }
}
