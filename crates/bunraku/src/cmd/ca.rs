//! `bunraku ca …`: outputs and exit codes of `puppetserver ca`.

mod clean;
mod endpoint;
mod list;
mod revoke;
mod sign;

use std::path::PathBuf;

use crate::cli::CaCommand;
use endpoint::Endpoint;

/// Exit code of `puppetserver ca` when nothing was wrong, but nothing could be done either.
const NOTHING_DONE: u8 = 24;

/// Runs one CA verb against the front end, or against the directory that `--cadir` names.
pub fn run(config_file: Option<PathBuf>, command: CaCommand) -> anyhow::Result<u8> {
    super::block_on(async move {
        match command {
            CaCommand::List { all, certname, format, target } => {
                list::check(all, &certname, &format)?;
                list::run(&mut Endpoint::open(config_file, &target).await?, all, &certname, &format).await
            }
            CaCommand::Sign { certname, all, ttl, target } => {
                let ttl = sign::check(all, &certname, ttl.as_deref())?;
                sign::run(&mut Endpoint::open(config_file, &target).await?, all, certname, ttl).await
            }
            CaCommand::Revoke { certname, target } => {
                names_given(&certname, "revoke")?;
                revoke::run(&mut Endpoint::open(config_file, &target).await?, &certname).await
            }
            CaCommand::Clean { certname, target } => {
                names_given(&certname, "clean")?;
                clean::run(&mut Endpoint::open(config_file, &target).await?, &certname).await
            }
        }
    })?
}

fn names_given(certnames: &[String], verb: &str) -> anyhow::Result<()> {
    if certnames.is_empty() {
        anyhow::bail!("At least one certname is required to {verb}: --certname NAME[,NAME]");
    }
    // `--certname --all` is a slip of the hand, not a name.
    if let Some(flag) = certnames.iter().find(|n| n.starts_with("--")) {
        anyhow::bail!("Cannot manage cert named `{flag}` from the CLI, if needed use the HTTP API directly");
    }
    Ok(())
}
