//! Load in the shape of Puppet agents, against a deployment on this machine.
//!
//! One thread drives the agents, so that the other processors stay with the deployment that is measured. It reaches
//! loopback addresses only, and every run is bounded in time and in number of requests.

#![forbid(unsafe_code)]

mod catalog;
mod cli;
mod clock;
mod enrol;
mod facts;
mod front;
mod gap;
mod latency;
mod lean;
mod marks;
mod pace;
mod tally;
mod target;
mod timeline;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match run(cli) {
        Ok(true) => ExitCode::SUCCESS,
        // The figures stand, and something in them failed: scripts must be able to see that.
        Ok(false) => ExitCode::from(2),
        Err(fault) => {
            eprintln!("agentload: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all requests succeeded.
fn run(cli: cli::Cli) -> anyhow::Result<bool> {
    use cli::Command;
    match &cli.command {
        Command::Enrol(args) => agents(&cli, async |target| enrol::run(target, args).await),
        Command::Catalog(args) => agents(&cli, async |target| catalog::run(target, args).await),
        Command::Gap(args) => agents(&cli, async |target| gap::run(target, args).await),
        Command::Front(command) => front::run(&cli, command),
        Command::Lean(command) => lean::run(&cli, command),
    }
}

/// Work in the shape of agents, with one thread for everything.
fn agents<R: Report>(
    cli: &cli::Cli,
    work: impl AsyncFnOnce(&target::Target) -> anyhow::Result<R>,
) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let target = target::Target::reach(&cli.server, &cli.name).await?;
        show(work(&target).await?, cli.json)
    })
}

/// What a run came to: for machines, and for people.
trait Report: serde::Serialize {
    /// Lines for a person.
    fn text(&self) -> String;
    /// How many requests got no success.
    fn failed(&self) -> u64;
}

fn show(report: impl Report, json: bool) -> anyhow::Result<bool> {
    match json {
        true => println!("{}", serde_json::to_string(&report)?),
        false => print!("{}", report.text()),
    }
    Ok(report.failed() == 0)
}
