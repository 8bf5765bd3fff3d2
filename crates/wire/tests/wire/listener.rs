//! Listeners for the tests, and the handler behind them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use wire::http::{HeaderValue, StatusCode};
use wire::tls::{ClientCertificates, ServerTls, TrustBundle};
use wire::{
    Bytes, Drain, DrainHandle, DrainPlan, Handler, Limits, LocalListener, Peer, Request, Response, body,
    reply,
};

use crate::estate::Credentials;

/// Tells the client what the server saw, and behaves in the ways that the paths name.
pub struct Mirror;

impl Handler for Mirror {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        let path = request.uri().path().to_owned();
        match path.as_str() {
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                reply::text(StatusCode::OK, "slow")
            }
            "/hang" => std::future::pending().await,
            "/stream" => {
                let (sender, streamed) = body::channel(1);
                tokio::spawn(async move {
                    for _ in 0..64 {
                        if !sender.send(Bytes::from(vec![b'x'; 16 * 1024])).await {
                            return;
                        }
                    }
                });
                Response::new(streamed)
            }
            "/gzip" => {
                let mut response = reply::text(StatusCode::OK, &b"\x1f\x8bnot touched"[..]);
                response.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
                response
            }
            "/deny" => reply::text(StatusCode::FORBIDDEN, "not read"),
            _ => {
                let headers: Vec<(String, String)> = request
                    .headers()
                    .iter()
                    .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
                    .collect();
                let method = request.method().to_string();
                let bytes = match body::collect(request.into_body(), 64 << 20).await {
                    Ok(bytes) => bytes,
                    Err(fault) => return reply::text(StatusCode::BAD_REQUEST, fault.to_string()),
                };
                reply::json(
                    StatusCode::OK,
                    &json!({
                        "method": method, "path": path, "certname": peer.certname(), "tls": peer.tls,
                        "server_name": peer.server_name, "unproven": peer.unproven.as_ref().map(|one| one.reason),
                        "headers": headers, "bytes": bytes.len(),
                        "local": peer.address == wire::PeerAddress::Local,
                    }),
                )
            }
        }
    }
}

/// A running listener.
pub struct Server {
    pub address: String,
    pub tls: ServerTls,
    pub drain: DrainHandle,
    pub task: JoinHandle<()>,
}

impl Server {
    pub fn tls(credentials: &Credentials, trust: TrustBundle) -> Server {
        Server::start(credentials, trust, ClientCertificates::Optional, Limits::default(), Arc::new(Mirror))
    }

    pub fn start<H: Handler>(
        credentials: &Credentials,
        trust: TrustBundle,
        certificates: ClientCertificates,
        limits: Limits,
        handler: Arc<H>,
    ) -> Server {
        let tls = ServerTls::new(&credentials.identity(), trust, certificates).unwrap();
        Server::listen(tls, limits, handler)
    }

    pub fn listen<H: Handler>(tls: ServerTls, limits: Limits, handler: Arc<H>) -> Server {
        let listener = wire::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (drain, drained) = wire::drain::channel();
        let task = tokio::spawn(wire::serve_tls(listener, tls.clone(), limits, handler, drained));
        Server { address, tls, drain, task }
    }

    pub async fn stop(self) {
        self.drain.begin(DrainPlan::prompt(Duration::from_secs(1)));
        self.task.await.unwrap();
    }
}

/// A listener on a Unix socket: for requests that no client library would send.
pub struct Local {
    pub path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Local {
    pub fn start<H: Handler>(limits: Limits, handler: Arc<H>) -> Local {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = LocalListener::bind(&path).unwrap();
        tokio::spawn(async move {
            wire::serve_local_listener(listener, limits, handler, Drain::never()).await.unwrap();
        });
        Local { path, _dir: dir }
    }

    pub async fn connect(&self) -> tokio::net::UnixStream {
        tokio::net::UnixStream::connect(&self.path).await.unwrap()
    }
}
