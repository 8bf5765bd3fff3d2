//! The front end's process.

use anyhow::{Context, bail};
use gateway::{FrontEnd, FrontEndSettings, Thresholds, Tuning, WorkerAddress};
use wire::access_log::AccessLog;
use wire::{DrainPlan, Limits};

use super::{access_log_path, bind, end_on_signal, listen};
use crate::config::Config;
use crate::operator;

/// Serves agents and operators until it is told to end.
pub async fn serve(config: &Config, name: &str) -> anyhow::Result<()> {
    if name != config.front_end.name {
        bail!("{} calls its front end '{}', not '{name}'", config.path.display(), config.front_end.name);
    }
    let own = &config.front_end;
    let access_log = AccessLog::open(access_log_path(&config.main.logdir, "front-end", &own.listen))?;
    let settings = FrontEndSettings {
        certname: own.certname.clone(),
        identity: operator::identity(config, &own.certname)?,
        trust: operator::trust(config)?,
        catalog_workers: config.catalog.iter().map(|w| worker(&w.name, &w.address, &w.certname)).collect(),
        ca_members: config.ca.members.iter().map(|m| worker(&m.name, &m.address, &m.certname)).collect(),
        role_certnames: role_certnames(config),
        cluster: config.cluster.clone(),
        register_path: own.register.clone(),
        failovers_path: own.register.with_file_name("failovers.json"),
        crl_path: config.crl_path(),
        bundle_path: Some(config.ca_bundle_path()),
        access_log: access_log.clone(),
        error_log_path: config.main.logdir.join("front_end_error.log"),
        tuning: tuning(config),
    };
    let front_end = FrontEnd::start(settings).context("the front end could not start")?;
    let listener = listen(&own.listen)?;
    let admin = own.admin.as_deref().map(listen_admin).transpose()?;
    let drain = end_on_signal(access_log, DrainPlan::default())?;
    if let Some(admin) = admin {
        let (front_end, drain) = (front_end.clone(), drain.clone());
        tokio::spawn(async move { front_end.serve_admin(admin, drain).await });
    }
    front_end.serve(listener, Limits::default(), drain).await;
    Ok(())
}

fn listen_admin(address: &str) -> anyhow::Result<std::net::TcpListener> {
    let listener = bind(address).context("[front_end] admin")?;
    tracing::info!("metrics at http://{address}/metrics");
    Ok(listener)
}

fn worker(name: &str, address: &str, certname: &str) -> WorkerAddress {
    WorkerAddress { name: name.to_string(), address: address.to_string(), certname: certname.to_string() }
}

fn role_certnames(config: &Config) -> Vec<String> {
    let members = config.ca.members.iter().map(|m| m.certname.clone());
    members.chain(config.catalog.iter().map(|w| w.certname.clone())).collect()
}

fn tuning(config: &Config) -> Tuning {
    let own = &config.front_end;
    let interval_ms = u64::try_from(own.probe_interval.as_millis()).unwrap_or(u64::MAX);
    Tuning {
        thresholds: Thresholds { interval_ms, ..Thresholds::default() },
        ca_probe_interval: own.probe_interval,
        ca_probe_timeout: own.probe_timeout,
        ca_hold: own.ca_hold,
        failback_after: own.failback_after,
        automatic_failback: own.failback_automatic,
        compile_retry: own.compile_retry,
        ..Tuning::default()
    }
}
