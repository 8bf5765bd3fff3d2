//! Connections to one worker: kept alive, mutually authenticated, and exact about whether a request left us.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HOST;
use wire::client::{ConnectFault, Connection, Nerve, Pool, PoolSettings, SendCause, SendFault};
use wire::tls::ClientTls;
use wire::{Request, Response};

use crate::settings::WorkerAddress;

/// Begins the address of a worker that is reached without TLS.
const PLAIN: &str = "http://";

/// Most idle connections kept per worker.
const MAX_IDLE: usize = 256;

/// The way to one worker.
#[derive(Debug)]
pub struct Upstream {
    worker: WorkerAddress,
    /// Its name, to be shared by all that is noted of requests.
    name: Arc<str>,
    tls: ClientTls,
    connect_timeout: Duration,
    pool: Arc<Pool>,
    /// Of all open connections.
    nerves: Mutex<Vec<Nerve>>,
}

/// Why a worker gave no answer.
#[derive(Debug)]
pub enum Fault {
    /// Nothing was written. The request comes back whole.
    NotSent {
        /// The request.
        request: Box<Request>,
        /// Why there was no connection.
        cause: ConnectFault,
    },
    /// It was written, at least in part.
    Silent {
        /// What became of the connection.
        cause: SendCause,
    },
    /// It was written, and the answer did not begin in time.
    TimedOut,
}

impl Upstream {
    /// A way that opens its first connection when it is needed.
    pub fn new(worker: WorkerAddress, tls: ClientTls, connect_timeout: Duration, idle: Duration) -> Self {
        let pool = Pool::new(PoolSettings { max_idle: MAX_IDLE, idle_timeout: idle });
        let name = worker.name.as_str().into();
        Self { name, worker, tls, connect_timeout, pool, nerves: Mutex::default() }
    }

    /// Whether the network has said on any of its open connections, since the last look, that there is no way to the worker.
    pub fn feel(&self) -> Option<ConnectFault> {
        let mut nerves = self.nerves.lock().unwrap_or_else(PoisonError::into_inner);
        nerves.retain(Nerve::is_alive);
        // Each of them, because what one was told is told once only.
        nerves.iter().fold(None, |found, nerve| nerve.feel().or(found))
    }

    /// The worker it leads to.
    pub fn worker(&self) -> &WorkerAddress {
        &self.worker
    }

    /// Its name.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Sends a request: on a kept connection, or on a fresh one when there is none or it turns out to be closed.
    pub async fn send(&self, mut request: Request, answer_timeout: Duration) -> Result<Response, Fault> {
        if !self.worker.address.starts_with(PLAIN) {
            // Puppet Server's Jetty answers 400 when Host and the name of the handshake differ; ours don't read it.
            request.headers_mut().remove(HOST);
        }
        loop {
            let (connection, fresh) = match self.pool.take() {
                Some(connection) => (connection, false),
                None => match self.open(self.connect_timeout).await {
                    Ok(connection) => (connection, true),
                    Err(cause) => return Err(Fault::NotSent { request: Box::new(request), cause }),
                },
            };
            match tokio::time::timeout(answer_timeout, self.pool.send(connection, request)).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(SendFault::Unsent { request: back, cause })) => {
                    if fresh {
                        // It accepted us and hung up before we could write: like a refusal.
                        let cause = ConnectFault::Other(cause.to_string());
                        return Err(Fault::NotSent { request: back, cause });
                    }
                    request = *back;
                }
                Ok(Err(SendFault::Sent { cause })) => return Err(Fault::Silent { cause }),
                Err(_) => return Err(Fault::TimedOut),
            }
        }
    }

    /// A connection of its own, for a probe: a kept one would go on working through a rule that rejects new ones.
    pub async fn open(&self, timeout: Duration) -> Result<Connection, ConnectFault> {
        if let Some(plain) = self.worker.address.strip_prefix(PLAIN) {
            return Connection::open_plain(plain, timeout).await;
        }
        let worker = &self.worker;
        let opened = Connection::open_with_nerve(&worker.address, &self.tls, &worker.certname, timeout).await;
        let (connection, nerve) = opened?;
        let mut nerves = self.nerves.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody may be looking.
        nerves.retain(Nerve::is_alive);
        nerves.push(nerve);
        Ok(connection)
    }

    /// Closes what is idle: the worker is down, and its connections may hang without knowing it.
    pub fn forget_idle(&self) {
        self.pool.clear();
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent { cause, .. } => cause.fmt(f),
            Self::Silent { cause } => cause.fmt(f),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

/// Whether the other side itself said that it is not there, so that a second look would only cost requests.
pub fn conclusive(fault: &ConnectFault) -> bool {
    fault.is_from_network()
}
