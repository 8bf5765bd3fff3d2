//! The shape of the verbs of `bunraku ca …` that are about which member does the work.

use clap::Args;

use super::ca::Output;

#[derive(Debug, Args)]
pub struct SwitchoverArgs {
    /// The member that shall be active [default: the best other one that is in sync]
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct FailoverArgs {
    /// Needed: acknowledged changes may be lost. Without loss: switchover
    #[arg(long)]
    pub force: bool,
    /// The member that shall be active [default: the one with the newest log of those that answer]
    #[arg(long, value_name = "NAME")]
    pub to: Option<String>,
    /// Do not ask: for scripts
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct HoldArgs {
    /// The member under maintenance
    pub member: String,
    /// It may have the office back
    #[arg(long)]
    pub release: bool,
    #[command(flatten)]
    pub output: Output,
}
