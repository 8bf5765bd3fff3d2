//! Load in the shape of Puppet agents, against a deployment on this machine.
//!
//! One thread drives everything, so that the other processors stay with the deployment that is measured. It reaches
//! loopback addresses only, and every run is bounded in time and in number of requests.

#![forbid(unsafe_code)]

mod catalog;
mod cli;
mod clock;
mod enrol;
mod facts;
mod gap;
mod latency;
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let json = cli.json;
    runtime.block_on(async {
        let target = target::Target::reach(&cli.server, &cli.name).await?;
        match cli.command {
            cli::Command::Enrol(args) => show(enrol::run(&target, &args).await?, json),
            cli::Command::Catalog(args) => show(catalog::run(&target, &args).await?, json),
            cli::Command::Gap(args) => show(gap::run(&target, &args).await?, json),
        }
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
