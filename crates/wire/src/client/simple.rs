//! Ask and be answered: for the command line, the agent and other callers that want whole bodies.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use tokio::time::timeout;

use super::connect_fault::ConnectFault;
use super::connection::Connection;
use super::send_fault::{SendCause, SendFault};
use crate::tls::ClientTls;
use crate::{BodyFault, Request, body};

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body, as it came (not decompressed).
    pub body: Bytes,
}

impl Answer {
    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientFault {
    /// The base is not `https://host[:port]`, or the path or a header not sendable.
    #[error("not a usable request: {0}")]
    Unusable(String),
    /// There was no connection.
    #[error("{server}: {fault}")]
    Connect {
        /// Whom we tried to reach.
        server: String,
        /// Why not.
        fault: ConnectFault,
    },
    /// The connection was lost after the request had been sent: it may have been executed.
    #[error("{server}: {cause}")]
    Lost {
        /// Whom we had reached.
        server: String,
        /// What happened.
        cause: SendCause,
    },
    /// No answer in time.
    #[error("{server}: no answer within {limit:?}")]
    TimedOut {
        /// Whom we had reached.
        server: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer broke off, or is too long.
    #[error("{server}: {fault}")]
    Body {
        /// Whom we had reached.
        server: String,
        /// What happened.
        fault: BodyFault,
    },
}

/// How long a client waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For a whole answer.
    pub answer: Duration,
}

impl Default for Timeouts {
    /// Those of Puppet's agent (`http_connect_timeout`, `http_read_timeout`): 2 and 10 minutes.
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(120), answer: Duration::from_secs(600) }
    }
}

/// A longer answer is refused: a guard against a server that never ends one.
const MAX_ANSWER: usize = 1 << 30;

enum Target {
    Tls { address: String, name: String, tls: ClientTls },
    Local(PathBuf),
}

/// Asks one server. Its connections are kept alive; one that died before anything was sent is replaced without a word.
/// It may be used from several tasks at once (each then has a connection of its own).
pub struct Client {
    target: Target,
    host: HeaderValue,
    timeouts: Timeouts,
    kept: Mutex<Vec<Connection>>,
    /// Of several addresses of the server, the one that answered last.
    answered: Mutex<Option<SocketAddr>>,
}

impl Client {
    /// A client of `base`, `https://host[:port]` (default port 8140).
    pub fn new(base: &str, tls: ClientTls, timeouts: Timeouts) -> Result<Client, ClientFault> {
        let unusable = || ClientFault::Unusable(format!("{base} is not https://host[:port]"));
        let uri: Uri = base.parse().map_err(|_| unusable())?;
        if uri.scheme_str() != Some("https") || !matches!(uri.path(), "" | "/") {
            return Err(unusable());
        }
        let host = uri.host().ok_or_else(unusable)?;
        let port = uri.port_u16().unwrap_or(8140);
        let address = format!("{host}:{port}");
        let header = HeaderValue::from_str(&address).map_err(|_| unusable())?;
        // A literal IPv6 address is in brackets in a URI, and is not in a certificate.
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = Target::Tls { address, name, tls };
        Ok(Client { target, host: header, timeouts, kept: Mutex::default(), answered: Mutex::default() })
    }

    /// The same server, which must bear another name than the host of the address: role certificates are named by
    /// role, and reached by IP.
    pub fn expecting(mut self, expected_name: &str) -> Client {
        if let Target::Tls { name, .. } = &mut self.target {
            *name = expected_name.to_owned();
        }
        self
    }

    /// A client of a Unix socket.
    pub fn local(path: impl AsRef<Path>, timeouts: Timeouts) -> Client {
        let target = Target::Local(path.as_ref().to_owned());
        let host = HeaderValue::from_static("localhost");
        Client { target, host, timeouts, kept: Mutex::default(), answered: Mutex::default() }
    }

    /// Whom it asks, for messages.
    pub fn server(&self) -> String {
        match &self.target {
            Target::Tls { address, .. } => address.clone(),
            Target::Local(path) => path.display().to_string(),
        }
    }

    /// Sends a request and reads the whole answer, whatever its status. What was sent is not sent again.
    pub async fn request(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        bytes: impl Into<Bytes>,
    ) -> Result<Answer, ClientFault> {
        let mut request = self.build(method, path_and_query, headers, bytes.into())?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        loop {
            let reused = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.open().await?,
            };
            let exchange = async {
                let response = connection.send(request).await.map_err(Lost::Send)?;
                let (parts, streaming) = response.into_parts();
                let body = body::collect(streaming, MAX_ANSWER).await.map_err(Lost::Body)?;
                Ok(Answer { status: parts.status, headers: parts.headers, body })
            };
            let limit = self.timeouts.answer;
            let server = || self.server();
            match timeout(limit, exchange).await {
                Ok(Ok(answer)) => {
                    if !connection.is_closed() {
                        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                    }
                    return Ok(answer);
                }
                // Only a kept connection may have died unnoticed; a fresh one that does is a fault to report.
                Ok(Err(Lost::Send(SendFault::Unsent { request: unsent, .. }))) if reused => request = *unsent,
                Ok(Err(Lost::Send(fault))) => {
                    return Err(ClientFault::Lost { server: server(), cause: fault.cause().clone() });
                }
                Ok(Err(Lost::Body(fault))) => return Err(ClientFault::Body { server: server(), fault }),
                Err(_) => return Err(ClientFault::TimedOut { server: server(), limit }),
            }
        }
    }

    /// `GET` with an `Accept` header.
    pub async fn get(&self, path_and_query: &str, accept: &str) -> Result<Answer, ClientFault> {
        let mut headers = HeaderMap::new();
        let accept =
            HeaderValue::from_str(accept).map_err(|fault| ClientFault::Unusable(fault.to_string()))?;
        headers.insert(http::header::ACCEPT, accept);
        self.request(Method::GET, path_and_query, headers, Bytes::new()).await
    }

    async fn open(&self) -> Result<Connection, ClientFault> {
        let opened = match &self.target {
            Target::Tls { address, name, tls } => {
                let first = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
                let opened =
                    Connection::open_preferring(address, tls, name, self.timeouts.connect, first).await;
                if let Ok(connection) = &opened {
                    *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = connection.address();
                }
                opened
            }
            Target::Local(path) => Connection::open_local(path).await,
        };
        opened.map_err(|fault| ClientFault::Connect { server: self.server(), fault })
    }

    fn build(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        bytes: Bytes,
    ) -> Result<Request, ClientFault> {
        let uri: Uri = path_and_query
            .parse()
            .map_err(|fault| ClientFault::Unusable(format!("{path_and_query}: {fault}")))?;
        // A request without a body says nothing of its length, except where the method expects one.
        let body = match bytes.is_empty() && matches!(method, Method::GET | Method::HEAD | Method::DELETE) {
            true => body::empty(),
            false => body::full(bytes),
        };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
        Ok(request)
    }
}

enum Lost {
    Send(SendFault),
    Body(BodyFault),
}
