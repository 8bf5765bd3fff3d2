//! A CA member as far as the front end can see one: it follows the configuration that it is told, refuses other
//! epochs, and carries a write out once, by its id. Both members share one memory, as replicated ones would.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pki::{Certificate, Serial};
use replica::configuration::Configuration;
use replica::frame::{Body, Frame};
use replica::name::{ClusterId, Epoch, MemberName};
use replica::position::Position;
use replica::report::{Report, Role};
use wire::http::{HeaderValue, Method, StatusCode};
use wire::protocol::internal::{REPLICA_PATH, Stale, X_BUNRAKU_EPOCH, X_BUNRAKU_REQUEST, X_BUNRAKU_STALE};
use wire::protocol::revocations::{self, Known, Revocations, X_BUNRAKU_REVOCATIONS};
use wire::{Handler, Peer, Request, Response, body, reply};

/// What all in-sync members know.
#[derive(Default)]
pub struct Shared {
    /// Outcome of each write, by its id.
    pub outcomes: BTreeMap<String, String>,
    /// Writes carried out: target and member.
    pub done: Vec<(String, String)>,
    /// Times that a write arrived, by id and epoch.
    pub arrivals: BTreeMap<(String, u64), u32>,
    /// The revocation list,
    pub crl: String,
    /// its number,
    pub list_number: u64,
    /// and what is on it.
    pub revoked: Vec<Serial>,
    /// The list that the next write of a `certificate_status` brings: text and serials.
    pub next_list: Option<(String, Vec<Serial>)>,
    /// Commit index.
    pub committed: u64,
}

impl Shared {
    /// Puts another list in place.
    pub fn issue(&mut self, crl: String, revoked: Vec<Serial>) {
        self.crl = crl;
        self.revoked = revoked;
        self.list_number += 1;
    }
}

pub struct CaMember {
    name: MemberName,
    /// Whose list it is.
    issuer: String,
    pub shared: Arc<Mutex<Shared>>,
    configuration: Mutex<Option<Configuration>>,
    /// Takes requests and frames and never answers (a host that is paused, or packets that vanish after the
    /// handshake).
    pub hangs: AtomicBool,
    /// Carries writes out and then keeps the answer for so long.
    pub answer_delay_ms: AtomicU64,
    /// Carries writes out and then says that it cannot confirm them.
    pub unconfirmed: AtomicBool,
    /// Carries requests out, and breaks its answers off in the middle.
    pub breaks_off: AtomicBool,
    /// How many it has broken off.
    pub broken: AtomicU64,
    /// Answers with this status, whatever was asked; a 503 with Retry-After.
    pub status: AtomicU16,
    /// Does not know the endpoint that tells what is new on the list.
    pub tells_nothing: AtomicBool,
    handing_over: AtomicBool,
    pub requests: AtomicU64,
}

impl CaMember {
    pub fn new(name: &str, issuer: &Certificate, shared: &Arc<Mutex<Shared>>) -> Arc<Self> {
        Arc::new(Self {
            name: MemberName::new(name),
            issuer: wire::tls::key_name(issuer),
            shared: Arc::clone(shared),
            configuration: Mutex::new(None),
            hangs: AtomicBool::new(false),
            answer_delay_ms: AtomicU64::new(0),
            unconfirmed: AtomicBool::new(false),
            breaks_off: AtomicBool::new(false),
            broken: AtomicU64::new(0),
            status: AtomicU16::new(200),
            tells_nothing: AtomicBool::new(false),
            handing_over: AtomicBool::new(false),
            requests: AtomicU64::new(0),
        })
    }

    pub fn configuration(&self) -> Option<Configuration> {
        self.configuration.lock().unwrap().clone()
    }

    fn replicate(&self, frame: Frame) -> Frame {
        let epoch = self.configuration().map_or(Epoch::NONE, |own| own.epoch);
        let answer = |body| Frame::new(ClusterId::new("test-estate"), epoch, self.name.clone(), body);
        match frame.body {
            Some(Body::Configure(configure)) => {
                let mut own = self.configuration.lock().unwrap();
                if let Some(told) = configure.configuration
                    && told.is_newer_than(own.as_ref())
                {
                    if own.as_ref().is_none_or(|own| own.epoch != told.epoch) {
                        self.handing_over.store(false, Ordering::SeqCst);
                    }
                    *own = Some(told);
                }
                let primary = own.as_ref().is_some_and(|own| own.primary == self.name);
                let role = match (primary, self.handing_over.load(Ordering::SeqCst)) {
                    (true, true) => Role::HandingOver,
                    (true, false) => Role::Primary,
                    (false, _) => Role::Standby,
                };
                answer(Body::Report(Report {
                    name: self.name.clone(),
                    role,
                    configuration: own.clone(),
                    position: self.position(),
                    committed: self.shared.lock().unwrap().committed,
                    joined: true,
                    fault: None,
                    stalled_ms: 0,
                    matched: BTreeMap::new(),
                    level: 1,
                }))
            }
            Some(Body::Handoff(_)) => {
                self.handing_over.store(true, Ordering::SeqCst);
                answer(Body::HandedOver(self.position()))
            }
            other => panic!("unexpected frame {other:?}"),
        }
    }

    fn position(&self) -> Position {
        let index = 1 + self.shared.lock().unwrap().committed;
        Position { epoch: Epoch(1), index, checksum: index }
    }

    async fn authority(&self, request: Request) -> Response {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let own = self.configuration();
        let epoch = own.as_ref().map_or(0, |own| own.epoch.0);
        let asked =
            request.headers().get(X_BUNRAKU_EPOCH).and_then(|value| value.to_str().ok()?.parse().ok());
        let primary = own.as_ref().is_some_and(|own| own.primary == self.name);
        if asked != Some(epoch) || !primary || self.handing_over.load(Ordering::SeqCst) {
            let mut stale = reply::text(StatusCode::MISDIRECTED_REQUEST, "not the primary");
            let primary = own.map(|own| own.primary.to_string());
            stale.headers_mut().insert(X_BUNRAKU_STALE, Stale { epoch, primary }.to_header());
            return stale;
        }
        let target = request.uri().path().to_owned();
        if target == revocations::PATH {
            return self.revocations(&Known::from_query(request.uri().query().unwrap())).await;
        }
        if *request.method() == Method::GET {
            let shared = self.shared.lock().unwrap();
            return match target.contains("revocation_list") {
                true => reply::text(StatusCode::OK, shared.crl.clone()),
                false => reply::text(StatusCode::OK, format!("read by {}", self.name)),
            };
        }
        let id = request.headers()[X_BUNRAKU_REQUEST].to_str().unwrap().to_owned();
        let bytes = body::collect(request.into_body(), 1 << 20).await.unwrap();
        let outcome = {
            let mut shared = self.shared.lock().unwrap();
            *shared.arrivals.entry((id.clone(), epoch)).or_default() += 1;
            match shared.outcomes.get(&id) {
                Some(outcome) => outcome.clone(),
                None => {
                    let outcome = format!("done by {} ({} bytes)", self.name, bytes.len());
                    shared.outcomes.insert(id, outcome.clone());
                    shared.done.push((target, self.name.to_string()));
                    shared.committed += 1;
                    outcome
                }
            }
        };
        let number = {
            let mut shared = self.shared.lock().unwrap();
            if let Some((crl, serials)) = shared.next_list.take() {
                shared.issue(crl, serials);
            }
            shared.list_number
        };
        tokio::time::sleep(Duration::from_millis(self.answer_delay_ms.load(Ordering::SeqCst))).await;
        if self.unconfirmed.load(Ordering::SeqCst) {
            return reply::text(StatusCode::SERVICE_UNAVAILABLE, "not confirmed");
        }
        let mut response = reply::text(StatusCode::OK, outcome);
        response.headers_mut().insert("x-puppet-version", HeaderValue::from_static("7.9.5"));
        response.headers_mut().insert(X_BUNRAKU_REVOCATIONS, HeaderValue::from(number));
        response
    }

    async fn revocations(&self, known: &Known) -> Response {
        if self.tells_nothing.load(Ordering::SeqCst) {
            return reply::text(StatusCode::NOT_FOUND, "Not Found");
        }
        loop {
            {
                let shared = self.shared.lock().unwrap();
                let version = shared.list_number.to_string();
                if known.version.as_ref() != Some(&version) {
                    let first = known.prefix_of(|at| shared.revoked.get(at).copied());
                    let told = Revocations {
                        second: None,
                        bundle: String::new(),
                        version,
                        chain: String::new(),
                        number: shared.list_number,
                        issuer: self.issuer.clone(),
                        first,
                        serials: Revocations::write(shared.revoked[first..].iter().copied()),
                    };
                    return reply::json(StatusCode::OK, &told);
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Handler for CaMember {
    async fn handle(self: &Arc<Self>, request: Request, _peer: Arc<Peer>) -> Response {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if request.uri().path() == REPLICA_PATH {
            let bytes = body::collect(request.into_body(), 1 << 20).await.unwrap();
            let answer = self.replicate(Frame::decode(&bytes).unwrap());
            return reply::with_type(StatusCode::OK, "application/cbor", answer.encode());
        }
        // Nobody must be primary to say how it is.
        match request.uri().path() {
            "/status/v1/services" => return reply::text(StatusCode::OK, r#"{"ca":{"state":"running"}}"#),
            "/status/v1/services/ca" => return reply::text(StatusCode::OK, format!("told by {}", self.name)),
            _ => {}
        }
        let of_clients =
            request.uri().path() != revocations::PATH && request.headers().contains_key("x-client-verify");
        let mut answer = self.authority(request).await;
        if !of_clients || answer.headers().contains_key(X_BUNRAKU_STALE) {
            return answer;
        }
        if self.breaks_off.load(Ordering::SeqCst) {
            self.broken.fetch_add(1, Ordering::SeqCst);
            let (sender, broken) = body::channel(1);
            tokio::spawn(async move { sender.abort("told so").await });
            return Response::new(broken);
        }
        let status = self.status.load(Ordering::SeqCst);
        if status != 200 {
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        }
        if status == 503 {
            answer.headers_mut().insert("retry-after", HeaderValue::from_static("9"));
        }
        answer
    }
}

/// The names of both members.
pub fn both() -> BTreeSet<MemberName> {
    BTreeSet::from([MemberName::new("ca-1"), MemberName::new("ca-2")])
}
