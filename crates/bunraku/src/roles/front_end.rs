//! The front end's process.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use gateway::{
    CaKind, EtcdSettings, FrontEnd, FrontEndSettings, Place, RegisterSettings, Thresholds, Tuning,
    WorkerAddress,
};
use wire::DrainPlan;
use wire::tls::{ClientTls, Identity, TrustBundle};

use super::reload::FrontEndSource;
use super::{OnSignal, bind, credentials, end_on_signal, listen_or_inherit, open_access_log, take_over};
use crate::config::{Config, Kind, Register};
use crate::operator;

/// Serves agents and operators until it is told to end; `take_over`: in the place of the process that does so now.
pub async fn serve(config: &Config, name: &str, take_over: bool) -> anyhow::Result<()> {
    let Some(own) = config.front_end_named(name) else {
        let names: Vec<String> = config.front_ends().into_iter().map(|one| one.name).collect();
        bail!("{} has no front end '{name}'; it has {}", config.path.display(), names.join(", "));
    };
    let access_log = open_access_log(config, "front-end", &own.listen)?;
    let identity = operator::identity(config, &own.certname)?;
    credentials::follow_identity(config, &own.certname, identity.clone());
    let trust = operator::trust(config)?;
    let source =
        FrontEndSource::new(config, &own.certname, identity.clone(), trust.clone(), access_log.clone());
    let settings = FrontEndSettings {
        certname: own.certname.clone(),
        identity,
        trust,
        catalog_workers: catalog_workers(config),
        workers_path: config.front_end.register.with_file_name("workers.json"),
        ca_members: config.ca.members.iter().map(|m| worker(&m.name, &m.address, &m.certname)).collect(),
        siblings: config
            .front_ends()
            .into_iter()
            .filter(|one| one.certname != own.certname)
            .map(|one| worker(&one.name, &one.listen, &one.certname))
            .collect(),
        ca_kind: match config.ca_kind() {
            Kind::Bunraku => CaKind::Bunraku,
            Kind::PuppetServer => CaKind::PuppetServer,
        },
        role_certnames: role_certnames(config),
        rules: config.live_rules()?,
        cluster: config.cluster.clone(),
        register: register(config)?,
        register_path: config.front_end.register.clone(),
        failovers_path: config.front_end.register.with_file_name("failovers.json"),
        crl_path: config.crl_path(),
        bundle_path: Some(config.ca_bundle_path()),
        access_log: access_log.clone(),
        error_log_path: config.main.logdir.join("front_end_error.log"),
        tuning: tuning(config),
        reload: Arc::new(source),
    };
    let inherited = if take_over { take_over::inherit(config, name)? } else { None };
    let (front_end, heir, listener, admin) = match inherited {
        Some(mut inherited) => {
            let front_end = FrontEnd::start_resting(settings).context("the front end could not start")?;
            let listener = inherited.listener.try_clone()?;
            listens_there(&listener, &own.listen)?;
            // One that the old process had, and this one is not to have, is closed.
            let wanted = config.front_end.admin.as_deref();
            let admin = match (wanted, inherited.admin.take()) {
                (Some(address), Some(admin)) if listens_there(&admin, address).is_ok() => Some(admin),
                (Some(address), _) => Some(listen_admin(address)?),
                (None, _) => None,
            };
            let heir = inherited.take_up(&front_end).await?;
            tracing::info!("listening on https://{}, given by the process before this one", own.listen);
            (front_end, Some(heir), listener, admin)
        }
        None => {
            if take_over {
                tracing::info!("there is no process to take over from: starting");
            }
            let front_end = FrontEnd::start(settings).context("the front end could not start")?;
            let listener = listen_or_inherit(&own.listen)?;
            (front_end, None, listener, config.front_end.admin.as_deref().map(listen_admin).transpose()?)
        }
    };
    let (reopened, reloaded) = (front_end.clone(), front_end.clone());
    let on = OnSignal {
        reopen: Box::new(move || {
            if let Err(fault) = reopened.reopen_logs() {
                tracing::warn!("the error log cannot be opened anew: {fault}");
            }
        }),
        // Told by the error log, and by ours.
        reload: Box::new(move || drop(tokio::spawn(reload(reloaded.clone())))),
    };
    let (handle, drain) = end_on_signal(on, DrainPlan::default())?;
    let mut sockets = vec![listener.try_clone()?];
    sockets.extend(admin.as_ref().map(std::net::TcpListener::try_clone).transpose()?);
    if let Some(admin) = admin {
        let (front_end, drain) = (front_end.clone(), drain.clone());
        tokio::spawn(async move { front_end.serve_admin(admin, drain).await });
    }
    let (limits, fewer) = super::descriptors::fit(config.front_end.limits.of_listener())?;
    if let Some(fewer) = fewer {
        tracing::warn!("{fewer}");
    }
    let serving = front_end.serve(listener, limits, drain);
    // The socket's queue is one: who is not taken out of it by the old process is by this one.
    if let Some(heir) = heir {
        heir.serves();
    }
    take_over::offer(config, name, front_end.clone(), sockets, handle);
    serving.await;
    front_end.leave().await;
    Ok(())
}

/// Another address in the configuration is another socket, and that cannot be inherited.
fn listens_there(socket: &std::net::TcpListener, address: &str) -> anyhow::Result<()> {
    use std::net::ToSocketAddrs;
    let (is, mut wanted) = (socket.local_addr()?, address.to_socket_addrs().context("[front_end]")?);
    if wanted.any(|wanted| wanted == is) {
        return Ok(());
    }
    bail!("the running front end listens on {is}, and the configuration says {address}: that needs a restart")
}

async fn reload(front_end: Arc<FrontEnd>) {
    match front_end.reload().await {
        Ok(told) if told.changes.is_empty() => {
            tracing::info!("configuration read again: nothing has changed")
        }
        Ok(told) => tracing::info!("configuration read again: {}", told.changes.join("; ")),
        Err(faults) => tracing::warn!("configuration refused, the old one goes on: {}", faults.join("; ")),
    }
}

fn listen_admin(address: &str) -> anyhow::Result<std::net::TcpListener> {
    let listener = bind(address).context("[front_end] admin")?;
    tracing::info!("metrics at http://{address}/metrics");
    Ok(listener)
}

fn register(config: &Config) -> anyhow::Result<RegisterSettings> {
    let Register::Etcd(etcd) = &config.register else { return Ok(RegisterSettings::Embedded) };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("[register]: {}", path.display()));
    let identity = match &etcd.identity {
        None => None,
        Some((certificate, key)) => {
            let identity = Identity::from_pem(&read(certificate)?, &read(key)?);
            Some(identity.with_context(|| format!("[register] certificate: {}", certificate.display()))?)
        }
    };
    // Its own trust: etcd's certificates need not come from the CA that depends on it.
    let tls = match &etcd.ca {
        None => None,
        Some(ca) => {
            let trust = TrustBundle::from_pem(&read(ca)?);
            let trust = trust.with_context(|| format!("[register] ca: {}", ca.display()))?;
            Some(ClientTls::new(identity.as_ref(), trust)?)
        }
    };
    let (endpoints, prefix) = (etcd.endpoints.clone(), etcd.prefix.clone());
    Ok(RegisterSettings::Etcd(EtcdSettings { endpoints, prefix, tls }))
}

/// The catalog workers, each with its place.
pub(super) fn catalog_workers(config: &Config) -> Vec<(WorkerAddress, Place)> {
    let workers = config.catalog.iter();
    workers.map(|w| (worker(&w.name, &w.address, &w.certname), w.place.clone())).collect()
}

fn worker(name: &str, address: &str, certname: &str) -> WorkerAddress {
    WorkerAddress { name: name.to_string(), address: address.to_string(), certname: certname.to_string() }
}

pub(super) fn role_certnames(config: &Config) -> Vec<String> {
    let members = config.ca.members.iter().map(|m| m.certname.clone()).chain(config.front_end_certnames());
    // One that is reached without TLS has no certificate that could prove anything.
    members.chain(config.catalog.iter().map(|w| w.certname.clone())).filter(|name| !name.is_empty()).collect()
}

pub(super) fn tuning(config: &Config) -> Tuning {
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
        client_verify: own.client_verify,
        answer_timeout: own.limits.answer_timeout,
        balance: config.spread.balance,
        slow_start: config.spread.slow_start,
        queue: config.spread.queue,
        queue_time: config.spread.queue_time,
        ..Tuning::default()
    }
}
