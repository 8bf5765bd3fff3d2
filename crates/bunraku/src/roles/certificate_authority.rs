//! A CA member's process.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use ca::{CaSettings, MemberAddress, RegisterAddress, Replication, Worker};
use wire::access_log::Logged;
use wire::serve_tls;
use wire::tls::{ClientCertificates, ClientTls, ServerTls};

use super::reload::WorkerSource;
use super::{credentials, end_worker_on_signal, listen, open_access_log};
use crate::config::changes::Role;
use crate::config::{Autosign, CaMember, Config};
use crate::operator;

/// A killed process keeps the CA directory until its last flush is over; on a disk that has stalled that takes a while.
const PREDECESSOR: Duration = Duration::from_secs(60);

/// Serves as the CA member `name` until it is told to end; `alone`: without asking anybody who is primary.
pub async fn serve(config: &Config, name: &str, alone: bool) -> anyhow::Result<()> {
    let member = config
        .ca_member(name)
        .with_context(|| format!("{} has no [[ca.member]] named '{name}'", config.path.display()))?;
    let identity = operator::identity(config, &member.certname)?;
    credentials::follow_identity(config, &member.certname, identity.clone());
    let trust = operator::trust(config)?;
    let mut settings = settings(config, member)?;
    settings.trust = Some(trust.clone());
    settings.patience = PREDECESSOR;
    settings.replication = (!alone).then_some(Replication {
        cluster: config.cluster.clone(),
        members: config.ca.members.iter().map(address).collect(),
        registers: config
            .front_ends()
            .into_iter()
            .map(|one| RegisterAddress { address: one.listen, certname: one.certname })
            .collect(),
        tls: ClientTls::new(Some(&identity), trust.clone())?,
        timings: timings(config),
    });
    let (front_ends, rules) = (settings.front_ends.clone(), settings.rules.clone());
    let worker = Worker::start(settings).await.context("the CA could not start")?;
    let log = open_access_log(config, "ca", &member.address)?;
    let tls = ServerTls::new(&identity, trust, ClientCertificates::Optional)?.with_kept_connections();
    let listener = listen(&member.address)?;
    let source = WorkerSource::new(config, Role::Ca, rules, log.clone());
    let drain = end_worker_on_signal(source, log.clone())?;
    let (ending, mut begun) = (worker.clone(), drain.clone());
    tokio::spawn(async move {
        begun.begun().await;
        ending.announce_end();
    });
    let logged = Logged::new(worker.clone(), log, name, front_ends);
    serve_tls(listener, tls, config.front_end.limits.of_role(), logged, drain).await;
    worker.stop().await;
    Ok(())
}

/// Settings for a command that works on `cadir` without a running CA.
pub fn offline_settings(config: &Config, cadir: &Path) -> anyhow::Result<CaSettings> {
    match config.ca_member_of(cadir) {
        Some(member) => settings(config, member),
        None => {
            let stranger = CaMember { cadir: cadir.to_path_buf(), ..config.ca.members[0].clone() };
            settings(config, &stranger)
        }
    }
}

fn settings(config: &Config, member: &CaMember) -> anyhow::Result<CaSettings> {
    Ok(CaSettings {
        ca_ttl: i64::try_from(config.ca.ca_ttl.as_secs()).context("ca_ttl")?,
        autosign: match &config.ca.autosign {
            Autosign::Always => ca::Autosign::True,
            Autosign::Never => ca::Autosign::False,
            Autosign::File(path) => ca::Autosign::File(path.clone()),
        },
        autosign_time_limit: config.ca.autosign_timeout,
        autosign_at_once: config.ca.autosign_at_once,
        autosign_gem_path: config.ca.autosign_gem_path.clone(),
        strict_autosign_globs: config.ca.strict_autosign_globs,
        allow_subject_alt_names: config.ca.allow_subject_alt_names,
        allow_authorization_extensions: config.ca.allow_authorization_extensions,
        allow_duplicate_certs: config.ca.allow_duplicate_certs,
        allow_auto_renewal: config.ca.allow_auto_renewal,
        auto_renewal_cert_ttl: i64::try_from(config.ca.auto_renewal_cert_ttl.as_secs())
            .context("auto_renewal_cert_ttl")?,
        max_pending: config.ca.max_pending,
        max_pending_per_source: config.ca.max_pending_per_source,
        enable_infra_crl: config.ca.enable_infra_crl,
        roles: role_certnames(config),
        front_ends: config.front_end_certnames(),
        rules: config.live_rules()?,
        ..CaSettings::alone(member.name.clone(), member.cadir.clone())
    })
}

/// Everybody in the deployment who has a certificate of the CA.
fn role_certnames(config: &Config) -> Vec<String> {
    let mut names = config.front_end_certnames();
    names.push(config.main.operator_certname.clone());
    names.extend(config.ca.members.iter().map(|member| member.certname.clone()));
    names.extend(config.catalog.iter().map(|worker| worker.certname.clone()));
    names
}

fn address(member: &CaMember) -> MemberAddress {
    MemberAddress {
        name: member.name.clone(),
        certname: member.certname.clone(),
        address: member.address.clone(),
    }
}

fn timings(config: &Config) -> replica::role::Timings {
    let silence_ms = u64::try_from(config.ca.standby_timeout.as_millis()).unwrap_or(u64::MAX);
    replica::role::Timings { silence_ms, ..replica::role::Timings::default() }
}
