//! Flags of the load on a front end.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, value_parser};

#[derive(Debug, Subcommand)]
pub enum FrontCommand {
    /// A front end: agents with certificates, closed or open loop
    Front(FrontArgs),
    /// A front end: connections that have had one answer, held until standard input ends
    FrontIdle(FrontIdleArgs),
    /// A front end: when a node's connections and its new connections are refused
    FrontRevoked(FrontRevokedArgs),
    /// No load: a server of fixed answers, to stand behind a front end
    Static(StaticArgs),
}

/// Who the agents are.
#[derive(Debug, Args)]
pub struct WhoArgs {
    /// What `make-directory` made: the nodes' certificates and keys, and the CA that they trust
    #[arg(long, value_name = "DIR")]
    pub directory: PathBuf,
    /// So many of its nodes, in turn
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    pub agents: u32,
    /// Beginning with this one
    #[arg(long, default_value_t = 0)]
    pub first: u32,
    /// Seconds until an answer that does not come is a failure
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..=600))]
    pub patience: u64,
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Opens a connection, GETs 1 kB, closes it
    Handshake,
    /// GETs 1 kB on a kept connection
    Get,
    /// POSTs 20 kB and reads a catalog of 60 kB on a kept connection
    Catalog,
    /// A GET of 1 kB and a catalog in turn, on kept connections
    Mix,
    /// A run: opens a connection, three GETs, a catalog, a report of 30 kB, closes it
    Run,
}

#[derive(Debug, Args)]
pub struct FrontArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    pub work: Work,
    /// So many at one time; in the open loop, connections that are kept
    #[arg(short = 'c', long, default_value_t = 16, value_parser = value_parser!(u32).range(1..=4096))]
    pub connections: u32,
    /// Open loop: so many a second, whatever the answers do
    #[arg(short = 'r', long, value_name = "PER_SECOND", value_parser = value_parser!(u32).range(1..=200_000))]
    pub rate: Option<u32>,
    /// For so many seconds
    #[arg(short = 't', long, default_value_t = 5, value_parser = value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Process id of the front end, as often as it has processes: tell its processor time too
    #[arg(long)]
    pub pid: Vec<u32>,
}

#[derive(Debug, Args)]
pub struct FrontIdleArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// So many
    #[arg(short = 'c', long, default_value_t = 5000, value_parser = value_parser!(u32).range(1..=20_000))]
    pub connections: u32,
    /// Without a request: the handshake only
    #[arg(long)]
    pub silent: bool,
}

#[derive(Debug, Args)]
pub struct FrontRevokedArgs {
    #[command(flatten)]
    pub who: WhoArgs,
    /// Give up after so many seconds
    #[arg(short = 't', long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=120))]
    pub seconds: u64,
}

#[derive(Debug, Args)]
pub struct StaticArgs {
    /// A loopback address
    #[arg(long)]
    pub listen: SocketAddr,
    /// Certificate to show; without: no TLS
    #[arg(long, value_name = "FILE", requires = "key", requires = "cacert")]
    pub cert: Option<PathBuf>,
    /// Its key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Clients must have a certificate of this CA
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Milliseconds until an answer
    #[arg(long, default_value_t = 0)]
    pub delay: u64,
}
