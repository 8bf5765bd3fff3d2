//! What a listener makes of a stream of bytes, without a socket: for those who attack it with bytes that they have made up
//! (docs/FUZZING.md).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Handler, Limits, Peer, Request, Response, body, reply, server};

/// More than any stream and its answers have.
const ROOM: usize = 1 << 20;
/// Nobody has anything left to do on a thread that was given back so many times in a row.
const TURNS: usize = 64;
/// Far more than it takes. Whoever has not ended by then waits for something that does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request that reached the handler.
#[derive(Debug, Clone)]
pub struct Dissected {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub target: Uri,
    /// Its header.
    pub headers: HeaderMap,
    /// Its body; none: it broke off.
    pub body: Option<Bytes>,
}

/// What became of a stream.
#[derive(Debug, Clone)]
pub struct Dissection {
    /// The requests, in order.
    pub requests: Vec<Dissected>,
    /// Everything that was answered. The handler's own answers are 200, with the body `ok`.
    pub said: Vec<u8>,
    /// Whether the connection ended after the end of the stream.
    pub ended: bool,
}

impl Dissection {
    /// The status codes, in order.
    pub fn codes(&self) -> Vec<u16> {
        let said = String::from_utf8_lossy(&self.said);
        let codes = said.split("HTTP/1.").skip(1);
        codes.filter_map(|rest| rest.get(2..5)?.parse().ok()).collect()
    }
}

/// Keeps what it is asked.
#[derive(Default)]
struct Recorder(Mutex<Vec<Dissected>>);

impl Handler for Recorder {
    async fn handle(self: &Arc<Self>, request: Request, _peer: Arc<Peer>) -> Response {
        let (parts, body) = request.into_parts();
        let body = body::collect(body, ROOM).await.ok();
        let seen = Dissected { method: parts.method, target: parts.uri, headers: parts.headers, body };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        reply::text(StatusCode::OK, "ok")
    }
}

/// Sends `stream` over a connection of memory to a listener with the usual limits, ends the connection once everything
/// rests, and says what has happened. No clock has a say in it.
///
/// # Panics
/// When the system gives no runtime.
pub fn dissect(stream: &[u8]) -> Dissection {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime of one thread needs nothing but memory");
    let recorder = Arc::new(Recorder::default());
    let mut said = Vec::new();
    let ended = runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(ROOM);
        let peer = Peer::plain(([192, 0, 2, 1], 1).into());
        let serving =
            tokio::spawn(server::serve_stream(server, peer, Limits::default(), Arc::clone(&recorder)));
        let conversation = async {
            // It may be refused in the middle.
            let _ = client.write_all(stream).await;
            let mut rests = false;
            let mut piece = [0; 4096];
            loop {
                tokio::select! {
                    biased;
                    read = client.read(&mut piece) => match read {
                        Ok(0) | Err(_) => break,
                        Ok(length) => said.extend_from_slice(&piece[..length]),
                    },
                    () = turns(), if !rests => {
                        rests = true;
                        let _ = client.shutdown().await;
                    }
                }
            }
            serving.await.is_ok()
        };
        tokio::time::timeout(PATIENCE, conversation).await.unwrap_or(false)
    });
    let requests = std::mem::take(&mut *recorder.0.lock().unwrap_or_else(PoisonError::into_inner));
    Dissection { requests, said, ended }
}

/// Lets everybody else have a turn, again and again.
async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_come_in_order() {
        let seen = dissect(
            b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab\
              PUT /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
              GET /c HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n",
        );
        let bodies: Vec<_> =
            seen.requests.iter().map(|one| (one.target.path(), one.body.as_deref())).collect();
        assert_eq!(bodies, [("/a", Some(&b"ab"[..])), ("/b", Some(&b"abc"[..])), ("/c", Some(&b""[..]))]);
        assert_eq!(seen.codes(), [200, 200, 200, 400]);
        assert!(seen.ended);
    }

    #[test]
    fn a_body_that_breaks_off_is_none() {
        let seen = dissect(b"PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab");
        assert!(seen.requests.iter().all(|one| one.body.is_none()) && seen.ended, "{seen:?}");
    }
}
