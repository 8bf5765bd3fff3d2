//! Frames to the other members and questions to the register, over wire's connections.

use super::Input;
use super::hub::Hub;
use crate::settings::{MemberAddress, RegisterAddress, Replication};
use pki::PrivateKey;
use replica::role::{Event, RegisterOutcome, SendFailure};
use replica::{Configuration, Frame, MemberName};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::debug;
use wire::client::{ConnectFault, Connection, SendFault};
use wire::http::header::{CONTENT_TYPE, HeaderValue};
use wire::http::{Method, StatusCode, Uri};
use wire::protocol::internal::{
    FRAME, KEY_PATH, REGISTER_PATH, REPLICA_PATH, RegisterAnswer, RegisterRequest,
};
use wire::tls::ClientTls;
use wire::{Bytes, Request, body};

/// Largest answer to a frame. Reports and configurations are small.
const MAX_ANSWER: usize = 1024 * 1024;

/// The way to everybody else.
pub(super) struct Network {
    runtime: Handle,
    members: BTreeMap<MemberName, Arc<Link>>,
    registers: Arc<Registers>,
    /// For one frame and its answer.
    frame_limit: Duration,
    register_limit: Duration,
    hub: Arc<Hub>,
}

/// The front ends that lead to the register, and the one that did last. A change that two of them were asked for is made
/// once: it names the version that it replaces.
struct Registers {
    ways: Vec<Arc<Link>>,
    last: AtomicUsize,
}

/// One neighbour: its address, and a connection that was of use before.
struct Link {
    address: String,
    certname: String,
    tls: ClientTls,
    kept: Mutex<Vec<Connection>>,
}

impl Network {
    pub(super) fn new(name: &str, replication: &Replication, runtime: Handle, hub: Arc<Hub>) -> Self {
        let link = |address: &str, certname: &str| {
            let (address, certname) = (address.to_owned(), certname.to_owned());
            Arc::new(Link { address, certname, tls: replication.tls.clone(), kept: Mutex::default() })
        };
        let others = replication.members.iter().filter(|member| member.name != name);
        let members = others
            .map(|MemberAddress { name, certname, address }| (MemberName::new(name), link(address, certname)))
            .collect();
        let ways = replication
            .registers
            .iter()
            .map(|RegisterAddress { address, certname }| link(address, certname))
            .collect();
        Self {
            runtime,
            members,
            registers: Arc::new(Registers { ways, last: AtomicUsize::new(0) }),
            frame_limit: Duration::from_millis(replication.timings.silence_ms),
            register_limit: Duration::from_millis(replication.timings.register_ms),
            hub,
        }
    }

    /// Sends a frame; exactly one `FrameAnswered` follows.
    pub(super) fn send(&self, to: MemberName, ticket: u64, frame: Frame) {
        let hub = Arc::clone(&self.hub);
        let Some(link) = self.members.get(&to).cloned() else {
            tell(&hub, Event::FrameAnswered { to, ticket, result: Err(SendFailure::Refused) });
            return;
        };
        let limit = self.frame_limit;
        self.runtime.spawn(async move {
            let result = match tokio::time::timeout(limit, link.exchange(&frame, limit)).await {
                Ok(result) => result,
                Err(_) => Err(SendFailure::Lost),
            };
            tell(&hub, Event::FrameAnswered { to, ticket, result });
        });
    }

    /// Asks a member for the key of this name, and tells what came of it.
    pub(super) fn fetch_key(
        &self,
        from: &MemberName,
        id: &str,
        tell: impl FnOnce(Result<FetchedKey, String>) + Send + 'static,
    ) {
        let Some(link) = self.members.get(from).cloned() else {
            return tell(Err(format!("{from} is no member")));
        };
        let (target, limit) = (format!("{KEY_PATH}?id={id}"), self.frame_limit);
        self.runtime.spawn(async move {
            tell(match tokio::time::timeout(limit, link.get_key(&target, limit)).await {
                Ok(result) => result,
                Err(_) => Err("there was no answer in time".to_owned()),
            });
        });
    }

    /// Asks the register; exactly one `RegisterAnswered` follows.
    pub(super) fn compare_and_set(&self, ticket: u64, expected_version: u64, configuration: Configuration) {
        let (hub, registers, limit) =
            (Arc::clone(&self.hub), Arc::clone(&self.registers), self.register_limit);
        self.runtime.spawn(async move {
            let request = RegisterRequest::CompareAndSet { expected_version, configuration };
            let outcome = match registers.ask(&request, limit).await {
                Some(RegisterAnswer::Set { .. }) => RegisterOutcome::Set,
                Some(
                    RegisterAnswer::Current { configuration } | RegisterAnswer::Refused { configuration, .. },
                ) => RegisterOutcome::Refused(Some(configuration)),
                Some(RegisterAnswer::Empty) => RegisterOutcome::Refused(None),
                None => RegisterOutcome::Unknown,
            };
            tell(&hub, Event::RegisterAnswered { ticket, outcome });
        });
    }
}

impl Registers {
    /// The first answer, beginning with the front end that gave the last one; all of them within `limit`.
    async fn ask(
        &self,
        request: &RegisterRequest<Configuration>,
        limit: Duration,
    ) -> Option<RegisterAnswer<Configuration>> {
        let (count, first) = (self.ways.len(), self.last.load(Ordering::Relaxed));
        let share = limit / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        for turn in 0..count {
            let number = (first + turn) % count;
            let asked = self.ways[number].ask_register(request, share);
            if let Ok(Some(answer)) = tokio::time::timeout(share, asked).await {
                self.last.store(number, Ordering::Relaxed);
                return Some(answer);
            }
        }
        // The next one first, next time: one that accepts and does not answer must not take all the patience.
        self.last.store((first + 1) % count.max(1), Ordering::Relaxed);
        None
    }
}

/// What a member said when it was asked for a key.
pub(super) enum FetchedKey {
    Here(PrivateKey),
    /// The CA does not use it any more.
    NotInUse,
}

impl Link {
    async fn get_key(&self, target: &str, limit: Duration) -> Result<FetchedKey, String> {
        let connection = Connection::open(&self.address, &self.tls, &self.certname, limit).await;
        let mut connection = connection.map_err(|fault| fault.to_string())?;
        let mut request = Request::new(body::empty());
        *request.uri_mut() = Uri::try_from(target).map_err(|fault| fault.to_string())?;
        let response = connection.send(request).await.map_err(|fault| fault.to_string())?;
        let status = response.status();
        let answer =
            body::collect(response.into_body(), MAX_ANSWER).await.map_err(|fault| fault.to_string())?;
        match status {
            StatusCode::OK => {
                PrivateKey::from_pem(&answer).map(FetchedKey::Here).map_err(|fault| fault.to_string())
            }
            StatusCode::NOT_FOUND => Ok(FetchedKey::NotInUse),
            status => Err(format!("the answer was {status}: {}", String::from_utf8_lossy(&answer))),
        }
    }

    async fn exchange(&self, frame: &Frame, limit: Duration) -> Result<Frame, SendFailure> {
        let bytes = self.post(REPLICA_PATH, FRAME, Bytes::from(frame.encode()), limit).await?;
        Frame::decode(&bytes).map_err(|fault| {
            debug!(address = self.address, %fault, "an answer is no frame");
            SendFailure::Lost
        })
    }

    async fn ask_register(
        &self,
        request: &RegisterRequest<Configuration>,
        limit: Duration,
    ) -> Option<RegisterAnswer<Configuration>> {
        let json = serde_json::to_vec(request).ok()?;
        let answer = self.post(REGISTER_PATH, "application/json", Bytes::from(json), limit).await.ok()?;
        serde_json::from_slice(&answer).ok()
    }

    /// One request, on a kept connection when there is one. A connection that turns out to be dead before anything
    /// was sent on it is replaced.
    async fn post(
        &self,
        path: &'static str,
        content_type: &'static str,
        content: Bytes,
        limit: Duration,
    ) -> Result<Bytes, SendFailure> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match kept {
            Some(connection) if connection.is_ready() => connection,
            _ => self.open(limit).await?,
        };
        let mut request = Request::new(body::full(content.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let sent = match connection.send(request).await {
            Err(SendFault::Unsent { request, .. }) => {
                connection = self.open(limit).await?;
                connection.send(*request).await
            }
            other => other,
        };
        let response = sent.map_err(|_| SendFailure::Lost)?;
        let status = response.status();
        let answer = body::collect(response.into_body(), MAX_ANSWER).await.map_err(|_| SendFailure::Lost)?;
        if status != StatusCode::OK {
            debug!(address = self.address, path, %status, "a neighbour refuses");
            return Err(SendFailure::Lost);
        }
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(answer)
    }

    async fn open(&self, limit: Duration) -> Result<Connection, SendFailure> {
        Connection::open(&self.address, &self.tls, &self.certname, limit).await.map_err(|fault| {
            debug!(address = self.address, %fault, "a neighbour cannot be reached");
            match fault {
                ConnectFault::Refused | ConnectFault::NoRoute | ConnectFault::NetworkUnreachable => {
                    SendFailure::Refused
                }
                _ => SendFailure::Lost,
            }
        })
    }
}

fn tell(hub: &Hub, event: Event) {
    hub.bring([Input::Event(event)]);
}
