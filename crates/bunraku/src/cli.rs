//! The command line's shape. Words, flags and exit codes follow `puppet` and `puppetserver ca`.

mod agent;
mod ca;
mod dns_records;
mod failover;
mod front_end;
mod sync;

use std::path::PathBuf;

use pki::KeyKind;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use agent::AgentArgs;
pub use ca::{
    CaArgs, CaCommand, CaTarget, DeleteArgs, EnableArgs, GenerateArgs, HostFiles, ImportArgs, ListArgs,
    LogArgs, MigrateArgs, Output, PruneArgs, RenewRolesArgs, RolloverArgs, SetupArgs, SignArgs,
};
pub use dns_records::{DnsRecordsArgs, RecordFormat};
pub use failover::{FailoverArgs, HoldArgs, SwitchoverArgs};
pub use front_end::{FrontEndCommand, ReloadArgs, WorkerArgs};
pub use sync::SyncArgs;

/// The whole server side of a Puppet estate in one binary.
#[derive(Debug, Parser)]
// Flags may be cut short, of one that is given again the last counts (a wrapper adds `--config`), and every verb tells
// its version: `puppet` and `puppetserver ca` have it so.
#[command(
    name = "bunraku",
    version,
    propagate_version = true,
    infer_long_args = true,
    args_override_self = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Configuration file [default: $BUNRAKU_CONFIG, ./bunraku-data/bunraku.toml, /etc/bunraku/bunraku.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the whole deployment on this machine: front end, two CAs, two catalog workers
    Up(UpArgs),
    /// Run one role of a deployment
    Serve(ServeArgs),
    /// Show the deployment as the front end sees it
    Status(StatusArgs),
    /// Watch the deployment: requests, latency, CA pair, workers, once a second
    Top(TopArgs),
    /// Show the settings in force
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the DNS records by which agents find the deployment
    DnsRecords(DnsRecordsArgs),
    /// Take catalog workers out of use and put them back
    #[command(subcommand)]
    FrontEnd(FrontEndCommand),
    /// Manage certificates
    Ca(CaArgs),
    /// Compile catalogs without a server
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Check Puppet manifests
    #[command(subcommand)]
    Parser(ParserCommand),
    /// Fetch this node's catalog and apply it
    Agent(AgentArgs),
}

#[derive(Debug, Args)]
pub struct UpArgs {
    /// Directory of the deployment; made when it is missing
    #[arg(long, default_value = "bunraku-data")]
    pub dir: PathBuf,
    /// Only make what is missing (configuration, CA, certificates of all roles), and start nothing
    #[arg(long)]
    pub prepare: bool,
    /// Address that all roles listen on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::IpAddr>,
    /// Port of the front end; the workers' lie 10000 above it [default: 8140]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=55_000))]
    pub port: Option<u16>,
    /// Sign requests without an operator: true, false, or a file (autosign.conf or an executable policy)
    #[arg(long, value_name = "true|false|FILE")]
    pub autosign: Option<String>,
    /// Kind of the CA's key, when it is made: rsa2048, rsa3072, rsa4096, rsa8192, p256, p384 [default: [ca] key of the
    /// configuration, rsa4096]
    #[arg(long, value_parser = key_kind, value_name = "KIND")]
    pub ca_key: Option<KeyKind>,
    /// Leave a process that died dead
    #[arg(long)]
    pub no_restart: bool,
    /// Print one JSON object when everything answers
    #[arg(long)]
    pub json: bool,
}

/// A kind of key by its name.
pub(crate) fn key_kind(name: &str) -> Result<KeyKind, String> {
    KeyKind::named(name).ok_or_else(|| format!("the kinds of keys are {}", key_kinds()))
}

/// The names of all kinds of keys, for a sentence.
pub fn key_kinds() -> String {
    KeyKind::ALL.map(|(name, _)| name).join(", ")
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which part of the deployment to run
    #[arg(long, value_enum)]
    pub role: Role,
    /// Its name in the configuration
    #[arg(long)]
    pub name: String,
    /// Serve a CA by itself, without front end and standby, in the place of Puppet Server's
    #[arg(long)]
    pub alone: bool,
    /// For a CA that is new: get its certificate when it has none (the operator's must be here), and say how far it is
    /// until it has everything
    #[arg(long, conflicts_with = "alone")]
    pub join: bool,
    /// For a front end: take the place of the process that is this front end now, without one refused connection
    #[arg(long)]
    pub take_over: bool,
    /// End when the process that started this one ends (set by `bunraku up`)
    #[arg(long, hide = true)]
    pub supervised: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Role {
    FrontEnd,
    Ca,
    Catalog,
}

#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print the status as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Ask this front end, where there are several; the first that answers unless it is said
    #[arg(long, value_name = "NAME")]
    pub front_end: Option<String>,
}

#[derive(Debug, Args)]
pub struct TopArgs {
    /// Show one frame and end
    #[arg(long)]
    pub once: bool,
    /// Print one JSON object and end
    #[arg(long)]
    pub json: bool,
    /// Time between two frames
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: std::time::Duration,
    /// Ask this front end, where there are several; the first that answers unless it is said
    #[arg(long, value_name = "NAME")]
    pub front_end: Option<String>,
}

fn interval(text: &str) -> Result<std::time::Duration, String> {
    let interval = crate::config::duration::parse(text).map_err(|fault| fault.to_string())?;
    let least = std::time::Duration::from_millis(200);
    if interval < least { Err("not less than 200ms".to_owned()) } else { Ok(interval) }
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print settings; all of them when none is named
    Print {
        /// Only settings of this section: main, ca, front_end, register, catalog, access, log
        #[arg(long)]
        section: Option<String>,
        /// Names of settings
        names: Vec<String>,
    },
    /// Make a bunraku.toml of an existing Puppet Server's settings, and say what becomes of each line
    Import(ConfigImportArgs),
}

#[derive(Debug, Args)]
pub struct ConfigImportArgs {
    /// Puppet's own file [default, when nothing is named: that of the installed packages]
    #[arg(long, value_name = "FILE")]
    pub puppet_conf: Option<PathBuf>,
    /// A ca.conf of Puppet Server
    #[arg(long, value_name = "FILE")]
    pub ca_conf: Option<PathBuf>,
    /// Puppet Server's folder, or its conf.d: all its .conf files
    #[arg(long, value_name = "DIR")]
    pub puppetserver_dir: Option<PathBuf>,
    /// Where to write the settings; a file that is there is left alone [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print the account of all lines as one JSON object
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Compile a node's catalog and print it as JSON
    Compile(CompileArgs),
}

#[derive(Debug, Args)]
pub struct CompileArgs {
    /// Certname of the node [default: this host's name]
    pub node: Option<String>,
    #[arg(long, default_value = "production")]
    pub environment: String,
    /// Directories of modules, separated by ':'
    #[arg(long)]
    pub modulepath: Option<String>,
    /// Main manifest, or a directory of manifests
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Facts as a JSON object, or as `{"name":…,"values":{…}}`
    #[arg(long, value_name = "FILE.json")]
    pub facts: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ParserCommand {
    /// Check the syntax of manifests; exit 1 when one has errors
    Validate {
        /// Files (.pp, .epp) or directories
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// One line an error, as Puppet prints them
        #[arg(long)]
        oneline: bool,
    },
}
