//! The shape of `bunraku ca sync`.

use std::path::PathBuf;

use clap::Args;

use super::ca::Output;

#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The CA directory that is right
    #[arg(value_name = "SRC")]
    pub source: PathBuf,
    /// The CA directory that is to be the same; made when it is missing
    #[arg(value_name = "DST")]
    pub destination: PathBuf,
    /// Keep what only DST has, where that contradicts nothing
    #[arg(long)]
    pub merge: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// A Puppet Server that runs on this machine has neither of the two directories
    #[arg(long)]
    pub puppetserver_elsewhere: bool,
    #[command(flatten)]
    pub output: Output,
}
