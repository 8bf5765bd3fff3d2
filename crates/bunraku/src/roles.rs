//! The roles of a deployment: each file wires one library to its listener, its logs and its end.

pub mod catalog;
pub mod certificate_authority;
mod credentials;
pub mod descriptors;
pub mod front_end;
pub mod joining;
pub mod reload;
pub mod take_over;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use wire::access_log::AccessLog;
use wire::drain::DrainHandle;
use wire::{DrainPlan, ListenFault, drain};

use crate::config::Config;

/// The access log of a role: the front end's by name, a worker's by its port.
pub fn access_log_path(logdir: &Path, role: &str, address: &str) -> PathBuf {
    let port = address.rsplit_once(':').map_or(address, |(_, port)| port);
    match role {
        "front-end" => logdir.join("front_end_access.log"),
        _ => logdir.join(format!("worker_access_{port}.log")),
    }
}

/// Opens the access log of a role, in the configured format.
pub fn open_access_log(config: &Config, role: &str, address: &str) -> anyhow::Result<Arc<AccessLog>> {
    let path = access_log_path(&config.main.logdir, role, address);
    // `bunraku up` has made it; a CA that takes a Puppet Server's place alone has it made here.
    std::fs::create_dir_all(&config.main.logdir).with_context(|| config.main.logdir.display().to_string())?;
    AccessLog::open_as(&path, config.access_format).with_context(|| path.display().to_string())
}

/// As [`listen`], or what systemd listens on already: then nobody is refused while this process is started anew.
pub fn listen_or_inherit(address: &str) -> anyhow::Result<std::net::TcpListener> {
    let inherited = listenfd::ListenFd::from_env().take_tcp_listener(0);
    match inherited.context("the socket that systemd passes on (LISTEN_FDS) is no TCP listener")? {
        Some(listener) => {
            tracing::info!("listening on https://{}, given by systemd", listener.local_addr()?);
            Ok(listener)
        }
        None => listen(address),
    }
}

/// Listens on `address` (host or IP, and port), for TLS.
pub fn listen(address: &str) -> anyhow::Result<std::net::TcpListener> {
    let listener = bind(address)?;
    tracing::info!("listening on https://{address}");
    Ok(listener)
}

/// A process that has been killed keeps its port until it is gone, which is after `kill` has returned.
const PREDECESSOR: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Listens on `address` (host or IP, and port). Waits for a moment while another process does.
pub fn bind(address: &str) -> anyhow::Result<std::net::TcpListener> {
    let resolved: SocketAddr = address
        .to_socket_addrs()
        .with_context(|| format!("'{address}' can't be resolved"))?
        .next()
        .with_context(|| format!("'{address}' has no address"))?;
    let begun = Instant::now();
    loop {
        match wire::listen(resolved) {
            Err(ListenFault::InUse(_)) if begun.elapsed() < PREDECESSOR => std::thread::sleep(LOOK_EVERY),
            result => return Ok(result?),
        }
    }
}

/// What a role does when it is told to by a signal.
pub struct OnSignal {
    /// SIGUSR1: opens its logs anew (for logrotate).
    pub reopen: Box<dyn Fn() + Send>,
    /// SIGHUP: reads its configuration again.
    pub reload: Box<dyn Fn() + Send>,
}

/// Starts the drain at SIGTERM or SIGINT; carries out what other signals say.
pub fn end_on_signal(on: OnSignal, plan: DrainPlan) -> anyhow::Result<(Arc<DrainHandle>, drain::Drain)> {
    let (handle, drain) = drain::channel();
    let handle = Arc::new(handle);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut reopen = signal(SignalKind::user_defined1())?;
    let mut reload = signal(SignalKind::hangup())?;
    let given = Arc::clone(&handle);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => begin(&handle, plan),
                _ = interrupt.recv() => begin(&handle, plan),
                _ = reopen.recv() => {
                    reopen_output();
                    (on.reopen)();
                }
                _ = reload.recv() => (on.reload)(),
            }
        }
    });
    Ok((given, drain))
}

/// As [`end_on_signal`], of a worker.
pub fn end_worker_on_signal(
    source: reload::WorkerSource,
    access_log: Arc<AccessLog>,
) -> anyhow::Result<drain::Drain> {
    let on =
        OnSignal { reopen: Box::new(move || access_log.reopen()), reload: Box::new(move || source.reload()) };
    Ok(end_on_signal(on, worker_drain())?.1)
}

/// Where `bunraku up` has a role's output go; for logrotate it is opened anew by whoever writes it.
pub const OUTPUT_VARIABLE: &str = "BUNRAKU_OUTPUT";

fn reopen_output() {
    let Some(path) = std::env::var_os(OUTPUT_VARIABLE) else { return };
    let file = std::fs::File::options().create(true).append(true).open(&path);
    let turned = file.and_then(|file| {
        rustix::stdio::dup2_stdout(&file)?;
        Ok(rustix::stdio::dup2_stderr(&file)?)
    });
    if let Err(fault) = turned {
        tracing::warn!("{}: {fault}", Path::new(&path).display());
    }
}

fn begin(handle: &DrainHandle, plan: DrainPlan) {
    tracing::info!("asked to end: draining");
    handle.begin(plan);
}

/// Workers are reached by front ends only, which send again what was provably not sent.
pub fn worker_drain() -> DrainPlan {
    DrainPlan::prompt(Duration::from_secs(5))
}
