//! One outgoing connection, exact about what was sent on it.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Uri};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use socket2::Socket;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use super::addresses;
use super::connect_fault::ConnectFault;
use super::nerve::{self, Nerve};
use super::send_fault::{SendCause, SendFault};
use crate::local::SocketPath;
use crate::tls::ClientTls;
use crate::{Body, Request, Response, body};

/// An open HTTP/1.1 connection: one request at a time. Dropping it closes it; a request whose future is dropped
/// closes it as well.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Body>,
    host: HeaderValue,
    address: Option<SocketAddr>,
    opened: Instant,
    requests: u64,
}

impl Connection {
    /// Connects to `addr` ("host:port") and does the TLS handshake with a server that must bear `expected_name`, all
    /// within `timeout`. Of a host with several addresses each is tried: at once when the one before has failed, beside
    /// it when that one says nothing for a second.
    ///
    /// Must be called inside a Tokio runtime; the connection lives in a task of its own there.
    pub async fn open(
        addr: &str,
        tls: &ClientTls,
        expected_name: &str,
        timeout: Duration,
    ) -> Result<Connection, ConnectFault> {
        Self::open_preferring(addr, tls, expected_name, timeout, None).await
    }

    /// The same; if `first` is one of the host's addresses it is tried before the others.
    pub async fn open_preferring(
        addr: &str,
        tls: &ClientTls,
        expected_name: &str,
        timeout: Duration,
        first: Option<SocketAddr>,
    ) -> Result<Connection, ConnectFault> {
        let opened = Self::open_over(addr, tls, expected_name, timeout, first, false);
        opened.await.map(|(connection, _)| connection)
    }

    /// The same with a nerve: what the network says of the connection can be felt, while it is opened and later.
    pub async fn open_with_nerve(
        addr: &str,
        tls: &ClientTls,
        expected_name: &str,
        timeout: Duration,
    ) -> Result<(Connection, Nerve), ConnectFault> {
        Self::open_over(addr, tls, expected_name, timeout, None, true).await
    }

    async fn open_over(
        addr: &str,
        tls: &ClientTls,
        expected_name: &str,
        timeout: Duration,
        first: Option<SocketAddr>,
        with_nerve: bool,
    ) -> Result<(Connection, Nerve), ConnectFault> {
        let deadline = Instant::now() + timeout;
        let name = ServerName::try_from(expected_name.to_owned())
            .map_err(|_| ConnectFault::Name(expected_name.to_owned()))?;
        // What it is called, not where it is: some servers refuse a Host that is not the name of the handshake.
        let host =
            HeaderValue::from_str(expected_name).map_err(|_| ConnectFault::Name(expected_name.to_owned()))?;
        let candidates = addresses::of(addr, first, deadline).await?;
        let (address, (stream, root)) = addresses::first_to_open(candidates, |address| {
            let (tls, name) = (tls.clone(), name.clone());
            async move {
                let stream = addresses::connect(address, deadline, with_nerve).await?;
                let root = with_nerve.then(|| nerve::root(&stream)).transpose();
                let root = root.map_err(|error| ConnectFault::from_io(&error))?.map(Arc::new);
                let stream = timeout_at(deadline, tls.connect(stream, name))
                    .await
                    .map_err(|_| ConnectFault::HandshakeTimedOut)?
                    .map_err(|error| ConnectFault::from_io(&error))?;
                Ok((stream, root))
            }
        })
        .await?;
        let nerve = Nerve(root.as_ref().map_or_else(Weak::new, Arc::downgrade));
        Ok((Self::start(stream, host, Some(address), root).await?, nerve))
    }

    /// Connects without TLS, to a neighbour on the same host or behind a tunnel.
    pub async fn open_plain(addr: &str, timeout: Duration) -> Result<Connection, ConnectFault> {
        let host = HeaderValue::from_str(addr).map_err(|_| ConnectFault::Name(addr.to_owned()))?;
        let deadline = Instant::now() + timeout;
        let candidates = addresses::of(addr, None, deadline).await?;
        let open = |address| addresses::connect(address, deadline, false);
        let (address, stream) = addresses::first_to_open(candidates, open).await?;
        Self::start(stream, host, Some(address), None).await
    }

    /// Connects to a Unix socket.
    pub async fn open_local(path: &Path) -> Result<Connection, ConnectFault> {
        let connect = async {
            let place = SocketPath::new(path)?;
            UnixStream::connect(place.as_path()).await
        };
        let stream = connect.await.map_err(|error: io::Error| ConnectFault::from_io(&error))?;
        Self::start(stream, HeaderValue::from_static("localhost"), None, None).await
    }

    /// `root`: of the connection's nerve, which ends with it.
    async fn start<S>(
        stream: S,
        host: HeaderValue,
        address: Option<SocketAddr>,
        root: Option<Arc<Socket>>,
    ) -> Result<Connection, ConnectFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectFault::Other(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                // Whoever waits for an answer on it learns of it there.
                tracing::trace!(%error, "outgoing connection ended");
            }
            drop(root);
        });
        Ok(Connection { sender, host, address, opened: Instant::now(), requests: 0 })
    }

    /// Sends one request and waits for the header of its answer (no time-out: wrap it; dropping the future closes the
    /// connection). The URI is put into origin form and `Host` added when it is missing. The answer's body streams;
    /// the next request can go once it has been read to its end.
    pub async fn send(&mut self, mut request: Request) -> Result<Response, SendFault> {
        if let Err(error) = self.sender.ready().await {
            let cause = match SendCause::from_hyper(&error) {
                SendCause::Other(_) => SendCause::Closed,
                cause => cause,
            };
            return Err(SendFault::Unsent { request: Box::new(request), cause });
        }
        if request.uri().authority().is_some() {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
            if let Ok(uri) = path.parse::<Uri>() {
                *request.uri_mut() = uri;
            }
        }
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
        self.requests += 1;
        match self.sender.try_send_request(request).await {
            Ok(response) => Ok(response.map(body::incoming)),
            Err(mut refused) => {
                let request = refused.take_message();
                let cause = SendCause::from_hyper(&refused.into_error());
                Err(match request {
                    Some(request) => SendFault::Unsent { request: Box::new(request), cause },
                    None => SendFault::Sent { cause },
                })
            }
        }
    }

    /// Whether the next request can go at once: open, and the last answer read to its end.
    pub fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    /// Whether it is known to be closed.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The address at its other end; none of a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// When it was opened.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// How many requests were sent on it.
    pub fn requests(&self) -> u64 {
        self.requests
    }
}
