//! The command line's shape.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::front::args::FrontCommand;
use crate::lean::args::LeanCommand;

/// Load in the shape of Puppet agents, against a deployment on a loopback address.
///
/// Exit code: 0, or 2 when a request failed (the figures are printed all the same), or 1 when nothing was measured.
#[derive(Debug, Parser)]
#[command(name = "agentload", version)]
pub struct Cli {
    /// The front end; only loopback addresses are accepted
    #[arg(long, global = true, default_value = "127.0.0.1:8140", value_name = "IP:PORT")]
    pub server: String,
    /// The name that its certificate must bear
    #[arg(long, global = true, default_value = "localhost")]
    pub name: String,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// New agents: PUT a signing request, GET the certificate (the deployment must sign by itself)
    Enrol(EnrolArgs),
    /// Known agents: POST their facts, read the catalog
    Catalog(CatalogArgs),
    /// A small steady load that finds the longest time without an answer
    Gap(GapArgs),
    #[command(flatten)]
    Front(FrontCommand),
    #[command(flatten)]
    Lean(LeanCommand),
}

#[derive(Debug, Args)]
pub struct EnrolArgs {
    /// Closed loop: so many agents, each enrolling the next as soon as one is done
    #[arg(short = 'c', long, default_value_t = 1, conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..=512))]
    pub connections: u32,
    /// Open loop: so many new agents a second, whatever the answers do
    #[arg(short = 'r', long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub rate: Option<u32>,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// At most so many agents; their requests are made before the clock starts
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub count: u32,
    /// A new connection for each agent, in the closed loop too (the open loop always does)
    #[arg(long)]
    pub fresh: bool,
    /// Print the successes of each 100 ms
    #[arg(long)]
    pub timeline: bool,
    /// File with moments to relate the answers to: lines of NAME BEFORE AFTER, in Unix microseconds
    #[arg(long, value_name = "FILE")]
    pub marks: Option<PathBuf>,
    /// Write the certnames that got a certificate to this file
    #[arg(long, value_name = "FILE")]
    pub names: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CatalogArgs {
    /// So many agents, each on a connection of its own that is kept
    #[arg(short = 'c', long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    pub connections: u32,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Unmeasured seconds before: caches fill, as in a deployment that has been running
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub warm_up: u64,
    #[arg(long, default_value = "production")]
    pub environment: String,
}

#[derive(Debug, Args)]
pub struct GapArgs {
    /// Requests a second, each on a connection of its own
    #[arg(short = 'r', long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub rate: u32,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Print the successes of each 100 ms
    #[arg(long)]
    pub timeline: bool,
    /// File with moments to relate the answers to: lines of NAME BEFORE AFTER, in Unix microseconds
    #[arg(long, value_name = "FILE")]
    pub marks: Option<PathBuf>,
}
