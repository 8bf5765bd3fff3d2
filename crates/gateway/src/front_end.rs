//! The front end as a whole: made from its settings, started, asked.

mod course;
mod outside;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use replica::monitor::{Failback, Monitor, Settings as MonitorSettings, Timings};
use replica::name::{ClusterId, MemberName};
use replica::register::RegisterFault;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use wire::access_log::{End, Logged};
use wire::protocol::internal::{Usage, WorkerStatus};
use wire::tls::{ClientCertificates, ClientTls, ServerTls, TlsFault, TrustFault};
use wire::{Drain, Handler, LimitHits, Limits, LiveLimits, Peer, Request, Response};

use crate::admin::Admin;
use crate::ca_route::{CaRoute, Sighting, SightingKind};
use crate::ca_ways::CaWays;
use crate::clock::Clock;
use crate::error_log::ErrorLog;
use crate::forward::Forwarder;
use crate::hold::Helm;
use crate::lone_ca;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::overview::Watch;
use crate::page::Tokens;
use crate::register::{self, Home, RegisterSettings};
use crate::revocation::RevocationKeeper;
use crate::settings::{CaKind, FrontEndSettings, Tuning, WorkerAddress};
use crate::supervisor::{self, Setup, Supervisor};
use crate::unproven;
use crate::upstream::Upstream;
use crate::workers::{Policy, UsageFile, Workers};
use crate::{path, probe};

/// Why a front end could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The error log could not be opened.
    #[error("{path}: {source}")]
    ErrorLog {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The register could not be opened.
    #[error(transparent)]
    Register(#[from] RegisterFault),
    /// Certificate and key do not make a TLS configuration.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// The kept revocation list cannot be used. Starting without it would let revoked nodes in.
    #[error("{path}: {fault}")]
    RevocationList {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: TrustFault,
    },
    /// The list of workers that an operator has taken out of use cannot be read. Starting without it would send requests
    /// to what somebody works on.
    #[error("{path} cannot be read: {source}; mend it, or remove it to use all workers")]
    Workers {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// Requests for an authority that is a Puppet Server, and none is named.
    #[error("no CA is named")]
    NoCa,
    /// The kept revocation list cannot be read.
    #[error("{path}: {source}")]
    RevocationListUnreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A running front end.
pub struct FrontEnd {
    settings: FrontEndSettings,
    server_tls: ServerTls,
    /// Of the listener.
    limits: LiveLimits,
    /// Whose certificates prove nothing, as far as that was told.
    unproven: unproven::Told,
    error_log: Arc<ErrorLog>,
    register: Home,
    helm: Arc<Helm>,
    supervisor: Supervisor,
    workers: Arc<Workers>,
    forwarder: Forwarder,
    ca_route: CaRoute,
    ca_ways: Arc<CaWays>,
    requests: AtomicU64,
    metrics: Arc<Metrics>,
    watch: Arc<Watch>,
    pub(crate) tokens: Tokens,
    /// Certnames of this estate's roles.
    roles: ArcSwap<Vec<String>>,
    /// For workers that join.
    ways: Ways,
    /// By the index of the worker.
    probers: Mutex<BTreeMap<usize, AbortHandle>>,
    /// One after the other.
    reloading: tokio::sync::Mutex<()>,
    /// Another process is this front end, or is about to be.
    resting: AtomicBool,
    /// Limits of the listener that were hit.
    hits: LimitHits,
    /// Probes, supervisor, revocation keeper; ended with the front end.
    _tasks: Mutex<JoinSet<()>>,
}

/// What every way to a worker has in common.
struct Ways {
    tls: ClientTls,
    connect: Duration,
    idle: Duration,
}

impl Ways {
    fn to(&self, worker: &WorkerAddress) -> Arc<Upstream> {
        Arc::new(Upstream::new(worker.clone(), self.tls.clone(), self.connect, self.idle))
    }
}

impl FrontEnd {
    /// Opens register and log, loads the kept revocation list, and starts the tasks that watch workers and CA members.
    /// Must be called inside a Tokio runtime. Requests are answered once it is given to a listener
    /// ([`FrontEnd::serve`]).
    pub fn start(settings: FrontEndSettings) -> Result<Arc<Self>, StartFault> {
        Self::begin(settings, false)
    }

    /// As [`FrontEnd::start`], while another process still is this front end: it leaves the register alone and decides
    /// nothing before [`FrontEnd::wake`].
    pub fn start_resting(settings: FrontEndSettings) -> Result<Arc<Self>, StartFault> {
        Self::begin(settings, true)
    }

    fn begin(settings: FrontEndSettings, resting: bool) -> Result<Arc<Self>, StartFault> {
        let clock = Clock::start();
        let tuning = settings.tuning.clone();
        let log_path = settings.error_log_path.clone();
        let error_log =
            ErrorLog::open(&log_path).map_err(|source| StartFault::ErrorLog { path: log_path, source })?;
        let error_log = Arc::new(error_log);
        load_kept_list(&settings)?;
        let cluster = ClusterId::new(settings.cluster.clone());
        let mut tasks = JoinSet::new();
        let (register, tidings) = match &settings.register {
            RegisterSettings::Embedded => {
                let path = settings.register_path.clone();
                // Nobody else changes it, so nobody tells of it.
                (Home::in_file(path, cluster.clone(), !resting)?, mpsc::channel(1).1)
            }
            RegisterSettings::Etcd(etcd) => {
                let (path, log) = (settings.register_path.clone(), Arc::clone(&error_log));
                let (keeper, tidings, keeping) = register::start(etcd, cluster.clone(), &path, log)?;
                tasks.spawn(keeping);
                (Home::Etcd(keeper), tidings)
            }
        };
        let server_tls =
            ServerTls::new(&settings.identity, settings.trust.clone(), ClientCertificates::Optional)?;
        server_tls.set_client_verify(tuning.client_verify);
        let client_tls = ClientTls::new(Some(&settings.identity), settings.trust.clone())?;
        let ways = Ways { tls: client_tls, connect: tuning.connect_timeout, idle: tuning.upstream_idle };
        let upstreams =
            |workers: &[WorkerAddress]| workers.iter().map(|worker| ways.to(worker)).collect::<Vec<_>>();
        let catalog_workers: Vec<WorkerAddress> =
            settings.catalog_workers.iter().map(|(address, _)| address.clone()).collect();
        let catalog = upstreams(&catalog_workers);
        let (sightings, mut seen) = mpsc::channel(256);
        let members = upstreams(&settings.ca_members);
        for (member, upstream) in members.iter().enumerate() {
            tasks.spawn(feel(member, Arc::clone(upstream), sightings.clone()));
        }
        let ca_ways = CaWays::new(members.clone(), upstreams(&settings.siblings));

        let usage = UsageFile::new(settings.workers_path.clone());
        let workers = Workers::new(
            settings.catalog_workers.clone(),
            Policy::from(&tuning),
            clock,
            Arc::clone(&error_log),
            usage,
        );
        let path = settings.workers_path.clone();
        let workers = Arc::new(workers.map_err(|source| StartFault::Workers { path, source })?);
        let mut probers = BTreeMap::new();
        for (index, upstream) in catalog.iter().enumerate() {
            let (workers, upstream) = (Arc::clone(&workers), Arc::clone(upstream));
            let probing = probe::watch(workers, index, upstream, tuning.worker_probe_timeout);
            probers.insert(index, tasks.spawn(probing));
        }

        let helm = Arc::new(Helm::new());
        // Nothing is decided about an authority that is not ours: then the supervisor watches over nobody.
        let (watched, its_helm) = match settings.ca_kind {
            CaKind::Bunraku => (members.clone(), Arc::clone(&helm)),
            CaKind::PuppetServer => {
                let lone = members.first().cloned().ok_or(StartFault::NoCa)?;
                let (helm, log) = (Arc::clone(&helm), Arc::clone(&error_log));
                let seen = std::mem::replace(&mut seen, mpsc::channel(1).1);
                tasks.spawn(lone_ca::watch(lone, helm, seen, tuning.ca_probe_interval, log));
                (Vec::new(), Arc::new(Helm::new()))
            }
        };
        let monitor_settings = monitor_settings(&settings, cluster, register.is_shared());
        let handoff_timeout = Duration::from_millis(monitor_settings.timings.handoff_ms);
        let (supervisor, watching) = supervisor::start(Setup {
            monitor: Monitor::new(monitor_settings, clock.now_ms()),
            upstreams: watched,
            siblings: settings.siblings.iter().map(|sibling| sibling.certname.clone()).collect(),
            register: register.clone(),
            tidings,
            helm: its_helm,
            sightings: seen,
            error_log: Arc::clone(&error_log),
            clock,
            record_path: settings.failovers_path.clone(),
            probe_timeout: tuning.ca_probe_timeout,
            handoff_timeout,
            resting,
        });
        tasks.spawn(watching);
        let keeper = RevocationKeeper::new(
            (settings.trust.clone(), settings.crl_path.clone()),
            Arc::clone(&ca_ways),
            Arc::clone(&helm),
            tuning.crl_refresh,
            Arc::clone(&error_log),
        );
        if settings.ca_kind == CaKind::Bunraku {
            tasks.spawn(Arc::clone(&keeper).follow());
        }
        tasks.spawn(Arc::clone(&keeper).confirm());
        if let Some(path) = settings.bundle_path.clone() {
            tasks.spawn(Arc::clone(&keeper).follow_bundle(path));
        }

        let metrics = Arc::new(Metrics::new(
            catalog_workers.iter().chain(&settings.ca_members).map(|worker| worker.name.as_str()),
        ));
        let watch = Watch::new(Arc::clone(&metrics), clock);
        tasks.spawn(Arc::clone(&watch).count());
        if settings.ca_kind == CaKind::Bunraku {
            tasks.spawn(Arc::clone(&watch).ask(members.clone(), Arc::clone(&helm)));
        }
        let memory = Memory::new(tuning.body_memory);
        let tuning = Arc::new(ArcSwap::from_pointee(tuning));
        let forwarder = Forwarder {
            workers: Arc::clone(&workers),
            upstreams: ArcSwap::from_pointee(catalog),
            memory: memory.clone(),
            tuning: Arc::clone(&tuning),
        };
        let ca_route = CaRoute {
            ways: Arc::clone(&ca_ways),
            helm: Arc::clone(&helm),
            sightings,
            revocations: Arc::clone(&keeper.in_force),
            error_log: Arc::clone(&error_log),
            memory,
            too_long: AtomicU64::new(0),
            kind: settings.ca_kind,
            keeper,
            tuning,
        };
        let hits = LimitHits::default();
        Ok(Arc::new(Self {
            roles: ArcSwap::from_pointee(settings.role_certnames.clone()),
            ways,
            probers: Mutex::new(probers),
            reloading: tokio::sync::Mutex::new(()),
            resting: AtomicBool::new(resting),
            settings,
            server_tls,
            limits: Limits { hits: hits.clone(), ..Limits::default() }.into(),
            unproven: unproven::Told::default(),
            error_log,
            register,
            helm,
            supervisor,
            workers,
            forwarder,
            ca_route,
            ca_ways,
            requests: AtomicU64::new(0),
            metrics,
            watch,
            tokens: Tokens::default(),
            hits,
            _tasks: Mutex::new(tasks),
        }))
    }

    /// Answers clients on `listener` until the drain has ended, with the access log.
    pub async fn serve(self: &Arc<Self>, listener: std::net::TcpListener, limits: Limits, drain: Drain) {
        let log = Arc::clone(&self.settings.access_log);
        let logged = Logged::new(Arc::clone(self), log, "front-end", Vec::new());
        self.limits.replace(limits);
        wire::serve_tls(listener, self.server_tls.clone(), self.limits.clone(), logged, drain).await;
    }

    /// Takes leave of the other front ends; to be called when the drain has ended.
    pub async fn leave(&self) {
        // A successor goes on under the same name.
        if !self.resting.load(Ordering::Relaxed) {
            self.register.leave().await;
        }
    }

    /// Decides nothing and leaves the register alone from now on: another process is about to be this front end.
    /// Requests are answered as before.
    pub async fn rest(&self) {
        self.supervisor.rest().await;
        self.register.let_go().await;
        self.resting.store(true, Ordering::Relaxed);
    }

    /// Takes register and decisions up, after [`FrontEnd::start_resting`] or [`FrontEnd::rest`].
    ///
    /// # Errors
    /// The register cannot be opened; then it goes on resting.
    pub async fn wake(&self) -> Result<(), RegisterFault> {
        self.register.take_up().await?;
        self.resting.store(false, Ordering::Relaxed);
        self.supervisor.wake().await;
        Ok(())
    }

    /// Answers those who watch, on `listener`, without TLS ([`Admin`]), until the drain has ended.
    pub async fn serve_admin(self: &Arc<Self>, listener: std::net::TcpListener, drain: Drain) {
        let limits = Limits { max_connections: 64, ..Limits::default() };
        wire::serve_plain(listener, limits, Arc::new(Admin(Arc::clone(self))), drain).await;
    }

    /// Says who would be refused, were not such verdicts only told.
    pub(crate) fn tell_if_unproven(&self, peer: &Peer) {
        if peer.unproven.is_some()
            && let Some(sentence) = self.unproven.sentence(peer, std::time::Instant::now())
        {
            self.error_log.say(sentence);
        }
    }

    /// Open TLS connections.
    pub(crate) fn connections(&self) -> u64 {
        self.server_tls.counts().open()
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Takes a catalog worker out of use (what it has is let finish), or puts it back, also after a restart. None when
    /// there is no such worker.
    ///
    /// # Errors
    /// It cannot be kept beyond this process.
    pub fn use_worker(&self, worker: &str, usage: Usage) -> io::Result<Option<WorkerStatus>> {
        self.workers.set_usage(worker, usage)
    }

    /// Certnames of this estate's roles.
    pub(crate) fn roles(&self) -> Arc<Vec<String>> {
        self.roles.load_full()
    }

    /// Goes on in new log files, after the old ones were moved away.
    pub fn reopen_logs(&self) -> io::Result<()> {
        self.settings.access_log.reopen();
        self.error_log.reopen()
    }

    /// Writes a sentence into the error log.
    pub(crate) fn say(&self, sentence: &str) {
        self.error_log.say(sentence);
    }

    pub(crate) fn settings(&self) -> &FrontEndSettings {
        &self.settings
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub(crate) fn forwarder(&self) -> &Forwarder {
        &self.forwarder
    }

    pub(crate) fn ca_route(&self) -> &CaRoute {
        &self.ca_route
    }

    pub(crate) fn ca_ways(&self) -> &CaWays {
        &self.ca_ways
    }

    pub(crate) fn register(&self) -> &Home {
        &self.register
    }
}

impl Handler for FrontEnd {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let in_flight = self.metrics.begin();
        let response = path::walk(self, request, &peer).await;
        in_flight.answered();
        response
    }

    fn refused(self: &Arc<Self>, _request: &Request, _peer: &Arc<Peer>, answer: Response) -> Response {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.metrics.count(None, None, answer.status(), Duration::ZERO);
        self.metrics.ended(End::of_refusal(&answer));
        answer
    }
}

/// Between two looks at what the network says of the connections to a CA member.
const FEEL: Duration = Duration::from_millis(40);

/// Tells the supervisor what the network says of the connections to a CA member, for ever.
async fn feel(member: usize, upstream: Arc<Upstream>, sightings: mpsc::Sender<Sighting>) {
    loop {
        tokio::time::sleep(FEEL).await;
        if let Some(fault) = upstream.feel() {
            let kind = SightingKind::Warned { cause: fault.to_string() };
            // Full means that the supervisor has plenty to look at already.
            let _ = sightings.try_send(Sighting { member, kind });
        }
    }
}

/// A front end that has never run has no kept list, and nothing is revoked that it could know of; any other trouble
/// with it is a reason not to start.
fn load_kept_list(settings: &FrontEndSettings) -> Result<(), StartFault> {
    let path = settings.crl_path.clone();
    match std::fs::read(&path) {
        Ok(list) => match settings.trust.load(&list) {
            Ok(_) => Ok(()),
            Err(fault) => Err(StartFault::RevocationList { path, fault }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(StartFault::RevocationListUnreadable { path, source }),
    }
}

fn monitor_settings(settings: &FrontEndSettings, cluster: ClusterId, shared: bool) -> MonitorSettings {
    let tuning = &settings.tuning;
    MonitorSettings {
        name: MemberName::new(settings.certname.clone()),
        cluster,
        members: match settings.ca_kind {
            CaKind::Bunraku => {
                settings.ca_members.iter().map(|member| MemberName::new(member.name.clone())).collect()
            }
            CaKind::PuppetServer => Vec::new(),
        },
        failback: failback(tuning),
        timings: timings(tuning),
        shared,
        flaws: replica::flaws::Flaws::default(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failback(tuning: &Tuning) -> Failback {
    if tuning.automatic_failback { Failback::After(millis(tuning.failback_after)) } else { Failback::Manual }
}

fn timings(tuning: &Tuning) -> Timings {
    Timings {
        probe_interval_ms: millis(tuning.ca_probe_interval),
        probe_timeout_ms: millis(tuning.ca_probe_timeout),
        ..Timings::default()
    }
}
