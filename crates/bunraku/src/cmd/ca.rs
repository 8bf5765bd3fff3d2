//! `bunraku ca …`: outputs and exit codes of `puppetserver ca`.

mod alt_names;
mod clean;
mod delete;
mod endpoint;
mod expiring;
mod failover;
mod front_end;
mod fsck;
mod generate;
mod generate_online;
mod hold;
mod host_files;
mod list;
mod log;
mod migrate;
mod offline;
mod progress;
mod prune;
mod renew_roles;
mod report;
mod revoke;
mod rollover;
mod setup;
mod sign;
mod switchover;
mod sync;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wire::protocol::internal;

use crate::cli::{
    CaArgs, CaCommand, CaTarget, DeleteArgs, EnableArgs, GenerateArgs, MigrateArgs, Output, PruneArgs,
};
use crate::config::Config;
use crate::console::{self, Details, errln, outln};
use endpoint::Endpoint;
pub use front_end::ask;
use report::Misuse;
pub use report::Report;

/// Exit code of `puppetserver ca` when nothing was wrong, but nothing could be done either.
const NOTHING_DONE: u8 = 24;

/// Runs one CA verb against the front end, or against the directory that `--cadir` names.
pub fn run(config_file: Option<PathBuf>, mut args: CaArgs) -> anyhow::Result<u8> {
    let as_json = report::is_json(args.command.output()).unwrap_or(false);
    if args.verbose {
        console::tell_details(if as_json { Details::OnStderr } else { Details::OnStdout });
    }
    args.command.tidy_names();
    // 1 would say that all has been mended.
    let failed = if matches!(args.command, CaCommand::Fsck(_)) { fsck::FAILED } else { 1 };
    match super::block_on(verb(config_file, args.command))? {
        Err(fault) if as_json => {
            outln!("{}", serde_json::json!({"error": format!("{fault:#}")}));
            Ok(failed)
        }
        // The word on a line of its own, as `puppetserver ca` has it: often more than one line follows.
        Err(fault) => {
            errln!("{}\n{fault:#}", console::error_label());
            Ok(failed)
        }
        done => done,
    }
}

async fn verb(config: Option<PathBuf>, command: CaCommand) -> anyhow::Result<u8> {
    match command {
        CaCommand::List(args) => {
            let as_json = report::is_json(&args.output)?;
            list::check(&args)?;
            list::run(&*open(config, &args.target).await?, &args, as_json).await
        }
        CaCommand::Sign(args) => {
            let mut report = Report::new(&args.output)?;
            let ttl = sign::check(&args)?;
            let endpoint = open(config, &args.target).await?;
            let ended = sign::run(&endpoint, args, ttl, &mut report).await;
            report.conclude(ended)
        }
        CaCommand::Generate(args) => generate_verb(config, args).await,
        CaCommand::Delete(args) => delete_verb(config, args).await,
        CaCommand::Enable(args) => enable_verb(config, args).await,
        CaCommand::Expiring(args) => {
            let mut report = Report::new(&args.output)?;
            let within = expiring::check(&args.within)?;
            let endpoint = open(config, &args.target).await?;
            let code = expiring::run(&endpoint, within, &args.within, &mut report).await?;
            report.finish(code)
        }
        CaCommand::Failover(args) => {
            let mut report = Report::new(&args.output)?;
            let code = failover::run(config, &args, &mut report).await?;
            report.finish(code)
        }
        CaCommand::Fsck(args) => {
            let mut report = Report::new(&args.output)?;
            let config = offline::config(config, &args.target)?;
            let cadir = offline::cadir(config.as_ref(), &args.target)?;
            let member = offline::member(config.as_ref(), &cadir);
            let code = fsck::run(&cadir, &member, args.repair, &mut report)?;
            report.finish(code)
        }
        CaCommand::Hold(args) => {
            let mut report = Report::new(&args.output)?;
            let code = hold::run(config, &args, &mut report).await?;
            report.finish(code)
        }
        CaCommand::Switchover(args) => {
            let mut report = Report::new(&args.output)?;
            let code = switchover::run(config, &args, &mut report).await?;
            report.finish(code)
        }
        CaCommand::Sync(args) => {
            let mut report = Report::new(&args.output)?;
            let code = sync::run(&args, &mut report)?;
            report.finish(code)
        }
        CaCommand::Log(args) => log::run(config, &args).await,
        CaCommand::Migrate(args) => migrate_verb(config, args).await,
        CaCommand::Prune(args) => prune_verb(config, args).await,
        CaCommand::Setup(args) => {
            let mut report = Report::new(&args.output)?;
            let config = offline::config(config, &args.target)?;
            let code = setup::setup(config.as_ref(), &args, &mut report)?;
            report.finish(code)
        }
        CaCommand::Import(args) => {
            let mut report = Report::new(&args.output)?;
            let config = offline::config(config, &args.target)?;
            let code = setup::import(config.as_ref(), &args, &mut report)?;
            report.finish(code)
        }
        CaCommand::RenewRoles(args) => {
            let mut report = Report::new(&args.output)?;
            let within = renew_roles::check(&args)?;
            let settings = offline::config(config.clone(), &args.target)?;
            let endpoint = open(config, &args.target).await?;
            let ended = renew_roles::run(&endpoint, settings.as_ref(), &args, within, &mut report).await;
            report.conclude(ended)
        }
        CaCommand::Revoke(args) => {
            let mut report = named(&args.certname, &args.output, "revoke")?;
            let endpoint = open(config, &args.target).await?;
            let ended = revoke::run(&endpoint, &args.certname, &mut report).await;
            report.conclude(ended)
        }
        CaCommand::Rollover(args) => {
            let mut report = Report::new(&args.output)?;
            let endpoint = open(config, &args.target).await?;
            let code = rollover::run(&endpoint, &args, &mut report).await?;
            report.finish(code)
        }
        CaCommand::Clean(args) => {
            let mut report = named(&args.certname, &args.output, "clean")?;
            let endpoint = open(config, &args.target).await?;
            let ended = clean::run(&endpoint, &args.certname, &mut report).await;
            report.conclude(ended)
        }
    }
}

async fn generate_verb(file: Option<PathBuf>, args: GenerateArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    let ttl = generate::check(&args)?;
    let config = offline::config(file.clone(), &args.target)?;
    let files = offline::host_files(config.as_ref(), &args.host)?;
    let ended = if args.ca_client && args.online {
        let ttl = generate::life(config.as_ref(), ttl)?;
        generate_online::run(config.as_ref(), &args, &files, ttl, &mut report).await
    } else if args.ca_client {
        let cadir = offline::cadir(config.as_ref(), &args.target)?;
        offline::refuse_while_served(config.as_ref(), &args.target, &cadir, args.force)
            .await
            .map_err(or_online)?;
        generate::with_ca_key(config.as_ref(), &args, &cadir, &files, ttl, &mut report)
    } else {
        let endpoint = open(file, &args.target).await?;
        let cadir = offline::cadir(config.as_ref(), &args.target).ok();
        let key = generate::key(config.as_ref(), &args);
        let places = generate::Places { files, cadir, key };
        generate::through_ca(&endpoint, &args, places, ttl, &mut report).await
    };
    report.conclude(ended)
}

/// Has a certificate made for a role of the deployment, in the operator's name; its files go where the configuration has
/// them.
pub async fn certificate_for(config: &Config, certname: &str) -> anyhow::Result<()> {
    let output = Output { format: "text".into(), json: false };
    let args = GenerateArgs {
        certname: vec![certname.to_string()],
        subject_alt_names: None,
        ca_client: false,
        online: false,
        force: false,
        ttl: None,
        key: None,
        host: crate::cli::HostFiles { ssldir: None },
        output,
        target: CaTarget { cadir: None },
    };
    let mut report = Report::new(&args.output)?;
    let ttl = generate::check(&args)?;
    let files = offline::host_files(Some(config), &args.host)?;
    let endpoint = open(Some(config.path.clone()), &args.target).await?;
    let places = generate::Places { files, cadir: None, key: pki::KeyKind::EcP256 };
    match generate::through_ca(&endpoint, &args, places, ttl, &mut report).await? {
        0 => Ok(()),
        _ => anyhow::bail!("the CA gave no certificate for {certname}"),
    }
}

async fn delete_verb(file: Option<PathBuf>, args: DeleteArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    delete::check(&args)?;
    let config = offline::config(file.clone(), &args.target)?;
    let cadir = offline::cadir(config.as_ref(), &args.target)?;
    let endpoint = open_stopped(file, config.as_ref(), &args.target, &cadir, args.online).await?;
    let code = delete::run(&endpoint, &args, &cadir, &mut report).await?;
    report.finish(code)
}

async fn enable_verb(file: Option<PathBuf>, args: EnableArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    let config = offline::config(file.clone(), &args.target)?;
    if !args.infracrl {
        report.warn("Nothing to enable: name it, as with --infracrl.");
        return report.finish(0);
    }
    let path = if args.online {
        let endpoint = Endpoint::open(file, &args.target).await?;
        let answer = endpoint.request("enable", "POST", internal::INFRA_PATH, None).await?;
        if answer.status != 200 {
            anyhow::bail!("{}", answer.text());
        }
        answer.text()
    } else {
        let cadir = offline::cadir(config.as_ref(), &args.target)?;
        offline::refuse_while_served(config.as_ref(), &args.target, &cadir, false)
            .await
            .map_err(or_online)?;
        let member = offline::member(config.as_ref(), &cadir);
        ca::make_infra_list(&cadir, &member, offline::ca_ttl(config.as_ref()))?;
        cadir.join("infra_crl.pem").display().to_string()
    };
    report.say("Infra CRL files created.");
    report.set("infracrl", path);
    report.finish(0)
}

async fn migrate_verb(file: Option<PathBuf>, args: MigrateArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    let config = offline::config(file, &args.target)?;
    let cadir = offline::cadir(config.as_ref(), &args.target)?;
    offline::refuse_while_served(config.as_ref(), &args.target, &cadir, false).await?;
    let code = migrate::run(&cadir, args.to.as_deref(), &mut report)?;
    report.finish(code)
}

async fn prune_verb(file: Option<PathBuf>, args: PruneArgs) -> anyhow::Result<u8> {
    let mut report = Report::new(&args.output)?;
    prune::check(&args)?;
    let config = offline::config(file.clone(), &args.target)?;
    let cadir = offline::cadir(config.as_ref(), &args.target)?;
    let endpoint = open_stopped(file, config.as_ref(), &args.target, &cadir, args.online).await?;
    let code = prune::run(&endpoint, &args, &mut report).await?;
    report.finish(code)
}

/// The directory of a CA that is stopped; or the CA that runs, if that is what is wanted.
async fn open_stopped(
    file: Option<PathBuf>,
    config: Option<&Config>,
    target: &CaTarget,
    cadir: &Path,
    online: bool,
) -> anyhow::Result<Endpoint> {
    if online {
        return Endpoint::open(file, target).await;
    }
    offline::refuse_while_served(config, target, cadir, false).await.map_err(or_online)?;
    Endpoint::of_directory(file, cadir).await
}

/// For verbs that a running CA can carry out itself.
fn or_online(fault: anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{fault}\nOr have it do this itself, with --online.")
}

async fn open(config: Option<PathBuf>, target: &CaTarget) -> anyhow::Result<Arc<Endpoint>> {
    Ok(Arc::new(Endpoint::open(config, target).await?))
}

/// A report, if there are certnames and none is a flag that slipped in.
fn named(certnames: &[String], output: &Output, verb: &'static str) -> anyhow::Result<Report> {
    let report = Report::new(output)?;
    let mut lines = flags_among(certnames);
    if certnames.is_empty() {
        lines.push(format!("  At least one certname is required to {verb}"));
    }
    Misuse::check(verb, lines)?;
    Ok(report)
}

/// A line for each certname that is a flag: `--certname=--all` is a slip of the hand, not a name.
fn flags_among(certnames: &[String]) -> Vec<String> {
    let flags = certnames.iter().filter(|name| name.starts_with("--"));
    flags
        .map(|flag| {
            format!("    Cannot manage cert named `{flag}` from the CLI, if needed use the HTTP API directly")
        })
        .collect()
}

/// The path of a name's status.
fn status_path(certname: &str) -> String {
    format!("/puppet-ca/v1/certificate_status/{}", wire::protocol::segment::encode(certname))
}

/// The exit code of many names: 0, 24 and 1, whichever is the worst.
#[derive(Default)]
struct Worst(u8);

impl Worst {
    fn add(&mut self, code: u8) {
        if self.0 != 1 {
            self.0 = code;
        }
    }

    fn code(&self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_not_a_certname() {
        let output = Output { format: "text".into(), json: false };
        assert!(named(&["--all".to_string()], &output, "clean").is_err());
        assert!(named(&[], &output, "clean").is_err());
        assert!(named(&["a".to_string()], &output, "clean").is_ok());
    }

    #[test]
    fn a_failure_outranks_nothing_to_do() {
        for order in [[24, 1], [1, 24]] {
            let mut worst = Worst::default();
            order.into_iter().for_each(|code| worst.add(code));
            assert_eq!(worst.code(), 1);
        }
    }
}
