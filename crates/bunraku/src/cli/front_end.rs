//! The shape of `bunraku front-end …`.

use clap::{Args, Subcommand};

use super::ca::Output;

#[derive(Debug, Subcommand)]
pub enum FrontEndCommand {
    /// Send a catalog worker no new requests; it finishes what it has
    Drain(WorkerArgs),
    /// As drain, and do not ask how it is while somebody works on it
    Maintenance(WorkerArgs),
    /// Put a catalog worker back; it is used once it answers probes
    Resume(WorkerArgs),
    /// Read configuration and certificates again; says what has changed, or everything that is wrong
    Reload(ReloadArgs),
}

#[derive(Debug, Args)]
pub struct ReloadArgs {
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Its name, as 'bunraku status' shows it
    pub worker: String,
    /// Wait until it has nothing left to answer (resume: until it is used), for so long at most
    #[arg(long, value_name = "DURATION", num_args = 0..=1, default_missing_value = "10m", value_parser = duration)]
    pub wait: Option<std::time::Duration>,
    #[command(flatten)]
    pub output: Output,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::config::duration::parse(text).map_err(|fault| fault.to_string())
}
