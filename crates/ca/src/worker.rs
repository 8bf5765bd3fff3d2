//! One CA member in operation: Puppet's endpoints, the frames of the other members, the local socket.

use crate::alone::Alone;
use crate::api;
use crate::authority::{Authority, foreign, infra};
use crate::directory::Layout;
use crate::foreign::found::Found;
use crate::hand_over::HandOver;
use crate::keys;
use crate::ledger::{Ledger, Role};
use crate::patience::{Obstacle, outlast};
use crate::replicated::Replicated;
use crate::settings::CaSettings;
use crate::store::{OpenFault, Store};
use access::LiveRules;
use replica::Frame;
use replica::role::Origin;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tracing::{error, info, warn};
use wire::http::{Method, StatusCode};
use wire::protocol::internal::{FRAME, KEY_PATH, REPLICA_PATH, SUMMARY_PATH};
use wire::protocol::revocations;
use wire::{
    Drain, DrainHandle, DrainPlan, Handler, Limits, LocalFault, LocalListener, Peer, Request, Response, body,
    drain, reply, serve_local_listener,
};

/// Longest frame: one entry always fits, and the largest is a revocation of some 100,000 certificates.
const MAX_FRAME: usize = 64 * 1024 * 1024;

const A_DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Why a worker could not start.
#[derive(Debug, Error)]
pub enum StartFault {
    /// The directory cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// The local socket cannot be opened.
    #[error(transparent)]
    Socket(#[from] LocalFault),
    /// There is no CA in the directory, and no other member from which it could come.
    #[error("there is no certificate authority in {0}")]
    NoAuthority(String),
    /// The member was to go on alone, and others have a say in its log.
    #[error("{0} shares its log with other members: alone it could not know what they have confirmed")]
    NotAlone(String),
}

/// A running CA member.
pub struct Worker {
    authority: Arc<Authority>,
    front_ends: Vec<String>,
    rules: LiveRules,
    log: WorkerLog,
    local: DrainHandle,
    /// True once this member is about to stop.
    ending: watch::Sender<bool>,
}

/// The directory, taken.
struct Begun {
    layout: Layout,
    listener: LocalListener,
    log: WorkerLog,
    ledger: Ledger,
    found: Found,
    acted: Vec<String>,
}

impl Begun {
    fn with(settings: &CaSettings) -> Result<Self, StartFault> {
        let mut store = Store::open(&settings.cadir)?;
        let (mut found, mut acted) = (Found::default(), Vec::new());
        let layout = store.directory.layout().clone();
        // What was made just now, should this process not come to its end in order.
        drop(HandOver::of(layout.clone()));
        let listener = LocalListener::bind(layout.socket())?;
        let (log, ledger) = match settings.replication.clone() {
            None => {
                if store.state.is_none() {
                    return Err(StartFault::NoAuthority(settings.cadir.display().to_string()));
                }
                if !store.membership.sole_owner(&replica::MemberName::new(&settings.name)) {
                    return Err(StartFault::NotAlone(settings.name.clone()));
                }
                let (alone, ledger) = Alone::start(store)?;
                (WorkerLog::Alone(alone), ledger)
            }
            Some(replication) => {
                (found, acted) = store.note_foreign()?;
                let front_ends = settings.front_ends.clone();
                let (replicated, ledger) = Replicated::start(&settings.name, replication, front_ends, store)?;
                (WorkerLog::Replicated(Box::new(replicated)), ledger)
            }
        };
        Ok(Self { layout, listener, log, ledger, found, acted })
    }
}

impl StartFault {
    /// What is in the way, if it may go away: a process that is not gone yet, a disk without room.
    fn obstacle(&self, patience: Duration) -> Option<Obstacle> {
        match self {
            Self::Open(OpenFault::Locked { .. }) | Self::Socket(LocalFault::InUse(_)) => Some(Obstacle {
                until: "the process that has it has ended, for a while",
                limit: patience,
                every: Duration::from_millis(50),
            }),
            Self::Open(fault) if fault.is_full() && !patience.is_zero() => {
                Some(Obstacle { until: "there is room", limit: Duration::MAX, every: Duration::from_secs(1) })
            }
            _ => None,
        }
    }
}

enum WorkerLog {
    Alone(Alone),
    Replicated(Box<Replicated>),
}

impl Worker {
    /// Takes the directory and starts. The caller runs the TLS listener, with the worker as its handler. Must be
    /// called inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartFault`].
    pub async fn start(settings: CaSettings) -> Result<Arc<Self>, StartFault> {
        let patience = settings.patience;
        let begun = outlast(|fault: &StartFault| fault.obstacle(patience), || Begun::with(&settings)).await?;
        let Begun { layout, listener, log, ledger, found, acted } = begun;
        let authority = Authority::start(settings.policy(), ledger.clone(), layout.clone());
        authority.expect_foreign(found, acted);
        tokio::spawn(foreign::watch(Arc::downgrade(&authority)));
        tokio::spawn(follow_role(Arc::downgrade(&authority), ledger.clone()));
        tokio::spawn(daily(Arc::downgrade(&authority)));
        if authority.keeps_infra_list() {
            tokio::spawn(infra::watch(Arc::downgrade(&authority)));
        }
        if let Some(trust) = settings.trust.clone() {
            tokio::spawn(api::revocations::follow(trust, ledger));
        }
        let (local, local_drain) = drain::channel();
        let worker = Arc::new(Self {
            authority,
            front_ends: settings.front_ends,
            rules: settings.rules,
            log,
            local,
            ending: watch::Sender::new(false),
        });
        tokio::spawn(serve_operator(listener, Arc::clone(&worker), local_drain));
        Ok(worker)
    }

    /// What this member may do at the moment.
    pub fn role(&self) -> Arc<Role> {
        self.authority.ledger().role()
    }

    /// The authority behind the endpoints.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// Says that this member is about to stop: nobody is kept waiting for news any longer. To be called when the
    /// listener begins to drain.
    pub fn announce_end(&self) {
        self.ending.send_replace(true);
    }

    /// Ends what [`Worker::start`] started and gives the directory back. Requests that are still under way are
    /// refused.
    pub async fn stop(self: Arc<Self>) {
        self.announce_end();
        self.local.begin(DrainPlan::prompt(std::time::Duration::from_millis(200)));
        let stopped = tokio::task::spawn_blocking(move || {
            match &self.log {
                WorkerLog::Alone(alone) => alone.stop(),
                WorkerLog::Replicated(replicated) => replicated.stop(),
            }
            // Whoever starts it next may be the directory's owner.
            drop(HandOver::of(self.authority.layout().clone()));
        });
        if stopped.await.is_err() {
            error!("the CA could not be stopped in order");
        }
    }

    /// Gives another member a key of the CA. Nobody else gets one, no front end and no operator.
    fn key(&self, request: &Request, peer: &Peer) -> Response {
        let WorkerLog::Replicated(replicated) = &self.log else {
            return reply::text(StatusCode::FORBIDDEN, "this CA has no other members");
        };
        let member = match peer.certname().and_then(|certname| replicated.origin(certname)) {
            Some(Origin::Member(member)) => member,
            _ => return reply::text(StatusCode::FORBIDDEN, "keys are for the CA members of this estate"),
        };
        if *request.method() != Method::GET {
            return reply::text(StatusCode::METHOD_NOT_ALLOWED, "GET");
        }
        let id = request.uri().query().and_then(|query| query.strip_prefix("id=")).unwrap_or_default();
        let in_use = self.authority.ledger().read(|state| keys::in_use(state, id)).unwrap_or_default();
        match keys::named(self.authority.layout(), id) {
            Ok(Some(key)) => {
                info!(%member, key = id, "gave the CA's key to another member");
                reply::with_type(StatusCode::OK, "application/x-pem-file", key.to_pem().into_bytes())
            }
            Ok(None) if !in_use => reply::text(StatusCode::NOT_FOUND, "this CA uses no such key"),
            Ok(None) => {
                reply::text(StatusCode::SERVICE_UNAVAILABLE, "this member does not have the key either")
            }
            Err(problem) => reply::text(StatusCode::SERVICE_UNAVAILABLE, problem.to_string()),
        }
    }

    async fn frame(&self, request: Request, peer: &Peer) -> Response {
        let WorkerLog::Replicated(replicated) = &self.log else {
            return reply::text(StatusCode::NOT_FOUND, "this CA has no other members");
        };
        let origin = peer.certname().and_then(|certname| replicated.origin(certname));
        let Some(origin) = origin else {
            return reply::text(StatusCode::FORBIDDEN, "replication is for the members of this estate");
        };
        if *request.method() != Method::POST {
            return reply::text(StatusCode::METHOD_NOT_ALLOWED, "POST a frame");
        }
        let frame = match body::collect(request.into_body(), MAX_FRAME).await {
            Ok(bytes) => Frame::decode(&bytes),
            Err(fault) => return reply::text(StatusCode::BAD_REQUEST, fault.to_string()),
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(fault) => return reply::text(StatusCode::BAD_REQUEST, fault.to_string()),
        };
        if matches!(origin, Origin::Member(_)) && self.authority.must_not_follow() {
            let text = "another CA was at work in this member's directory; see its log";
            return reply::text(StatusCode::CONFLICT, text);
        }
        match replicated.frame(origin, frame).await {
            Some(answer) => reply::with_type(StatusCode::OK, FRAME, answer.encode()),
            None => reply::text(StatusCode::SERVICE_UNAVAILABLE, "this member has stopped"),
        }
    }
}

impl Handler for Worker {
    fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> impl Future<Output = Response> + Send {
        let worker = Arc::clone(self);
        async move {
            if request.uri().path() == REPLICA_PATH {
                return worker.frame(request, &peer).await;
            }
            if request.uri().path() == KEY_PATH {
                return worker.key(&request, &peer);
            }
            if request.uri().path() == SUMMARY_PATH {
                return api::summary::answer(&worker.authority, &worker.front_ends, &request, &peer);
            }
            if request.uri().path() == revocations::PATH {
                let ending = worker.ending.subscribe();
                return api::revocations::answer(
                    &worker.authority,
                    &worker.front_ends,
                    &request,
                    &peer,
                    ending,
                )
                .await;
            }
            let rules = Arc::clone(&worker.rules.now());
            api::handle(&worker.authority, &worker.front_ends, &rules, request, &peer).await
        }
    }
}

async fn serve_operator(listener: LocalListener, worker: Arc<Worker>, drain: Drain) {
    let path = listener.path().display().to_string();
    if let Err(fault) = serve_local_listener(listener, Limits::default(), worker, drain).await {
        warn!(%fault, path, "the local socket cannot be used");
    }
}

/// Begins a term whenever this member becomes the one that decides.
async fn follow_role(authority: std::sync::Weak<Authority>, ledger: Ledger) {
    let mut roles = ledger.watch_role();
    drop(ledger);
    // Also of one that follows: it is the one who would have to.
    if let Some(authority) = authority.upgrade() {
        authority.tell_lost_keys();
    }
    let mut term = None;
    loop {
        let role = Arc::clone(&roles.borrow_and_update());
        if role.decides && term != Some(role.epoch) {
            term = Some(role.epoch);
            let Some(authority) = authority.upgrade() else { return };
            info!(epoch = role.epoch, "this member decides");
            authority.begin_term(role.epoch);
            tokio::spawn(async move {
                authority.keep_list(role.epoch).await;
                authority.warn_of_ends();
                authority.tell_audit_head();
            });
        }
        if roles.changed().await.is_err() {
            return;
        }
    }
}

/// What has to be looked at once a day, by the member that decides.
async fn daily(authority: std::sync::Weak<Authority>) {
    let mut days = tokio::time::interval(A_DAY);
    // The first is at once; the beginning of the term sees to that day.
    days.tick().await;
    loop {
        days.tick().await;
        let Some(authority) = authority.upgrade() else { return };
        let role = authority.ledger().role();
        if role.decides {
            authority.keep_list(role.epoch).await;
            authority.warn_of_ends();
            authority.tell_audit_head();
        }
    }
}
