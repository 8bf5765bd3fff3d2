//! One file per sub-command. Each returns the exit code, or an error that is printed and exits 1.

mod agent;
mod ca;
mod catalog_compile;
mod config_import;
mod config_print;
mod dns_records;
mod front_end;
mod parser_validate;
mod serve;
mod status;
mod top;

use std::path::PathBuf;

use anyhow::bail;

use crate::cli::{CatalogCommand, Cli, Command, ConfigCommand, ParserCommand};
use crate::config::Config;
use crate::config_import::stand_in;

/// Runs the sub-command that `cli` names.
pub fn run(cli: Cli) -> anyhow::Result<u8> {
    let config_file = cli.config;
    match cli.command {
        Command::Up(args) => crate::up::run(args),
        Command::Serve(args) => serve::run(load(config_file)?, &args),
        Command::Status(args) => status::run(&load(config_file)?, &args),
        Command::Top(args) => top::run(&load(config_file)?, &args),
        Command::Config(ConfigCommand::Print { section, names }) => {
            config_print::run(&load(config_file)?, section.as_deref(), &names)
        }
        Command::Config(ConfigCommand::Import(args)) => config_import::run(&args),
        Command::DnsRecords(args) => dns_records::run(&load(config_file)?, &args),
        Command::FrontEnd(command) => front_end::run(&load(config_file)?, &command),
        Command::Ca(args) => ca::run(config_file, args),
        Command::Catalog(CatalogCommand::Compile(args)) => catalog_compile::run(config_file, &args),
        Command::Parser(ParserCommand::Validate { files, oneline }) => parser_validate::run(&files, oneline),
        Command::Agent(args) => agent::run(args),
    }
}

/// The configuration file in force: the one named, `$BUNRAKU_CONFIG`, or the first that exists of the usual places.
fn config_path(named: Option<PathBuf>) -> PathBuf {
    let usual = [PathBuf::from("bunraku-data/bunraku.toml"), PathBuf::from("/etc/bunraku/bunraku.toml")];
    named
        .or_else(|| std::env::var_os("BUNRAKU_CONFIG").map(PathBuf::from))
        .or_else(|| usual.iter().find(|p| p.exists()).cloned())
        .unwrap_or_else(|| usual[0].clone())
}

pub use ca::certificate_for;

fn load(named: Option<PathBuf>) -> anyhow::Result<Config> {
    let path = config_path(named);
    if stand_in::is_one(&path) {
        bail!(
            "{} is a puppet.conf, which 'bunraku ca' takes; for everything else 'bunraku config import --puppet-conf {}' \
             makes a bunraku.toml of it",
            path.display(),
            path.display()
        );
    }
    Ok(Config::load(&path)?)
}

/// The same for the verbs of `bunraku ca`: as `puppetserver ca` they take a `puppet.conf`, too.
fn load_for_ca(named: Option<PathBuf>) -> anyhow::Result<Config> {
    let path = config_path(named);
    if stand_in::is_one(&path) { stand_in::read(&path) } else { Ok(Config::load(&path)?) }
}

/// A runtime for the commands that talk to a server once.
fn block_on<F: Future>(future: F) -> anyhow::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}
