//! A catalog worker that notes what it gets and answers as told.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use wire::http::{HeaderMap, StatusCode};
use wire::{Bytes, Handler, Peer, Request, Response, body, reply};

#[derive(Debug, Clone)]
pub struct Seen {
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub peer: Option<String>,
}

#[derive(Default)]
pub struct CatalogWorker {
    /// Time until an answer.
    pub delay_ms: AtomicU64,
    /// Status of all answers but those to probes; 0: 200.
    pub status: AtomicU16,
    /// Bytes of an answer; 0: an echo.
    pub answer_bytes: AtomicU64,
    /// Answers stop after their first chunk and hang.
    pub stalls: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

impl CatalogWorker {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Requests that arrived whole, probes aside.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Handler for CatalogWorker {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        let is_probe =
            request.uri().path() == "/status/v1/simple" && !request.headers().contains_key("x-client-verify");
        if is_probe {
            return reply::text(StatusCode::OK, "running");
        }
        if request.uri().path() == "/status/v1/services" {
            return reply::text(StatusCode::OK, r#"{"server":{"state":"running"}}"#);
        }
        let (parts, streaming) = request.into_parts();
        let Ok(bytes) = body::collect(streaming, 1 << 30).await else {
            return reply::text(StatusCode::BAD_REQUEST, "broken body");
        };
        let echo = format!("{} {} {} bytes", parts.method, parts.uri, bytes.len());
        self.seen.lock().unwrap().push(Seen {
            target: parts.uri.to_string(),
            headers: parts.headers,
            body: bytes,
            peer: peer.certname().map(str::to_owned),
        });
        tokio::time::sleep(Duration::from_millis(self.delay_ms.load(Ordering::Relaxed))).await;
        let status = match self.status.load(Ordering::Relaxed) {
            0 => StatusCode::OK,
            status => StatusCode::from_u16(status).unwrap(),
        };
        let length = self.answer_bytes.load(Ordering::Relaxed) as usize;
        if length == 0 {
            return reply::text(status, echo);
        }
        let (sender, streaming) = body::channel(1);
        let stalls = self.stalls.load(Ordering::Relaxed);
        tokio::spawn(async move {
            let mut left = length;
            while left > 0 {
                let chunk = left.min(64 * 1024);
                if !sender.send(Bytes::from(vec![b'x'; chunk])).await {
                    return;
                }
                left -= chunk;
                if stalls {
                    std::future::pending::<()>().await;
                }
            }
        });
        Response::new(streaming)
    }
}
