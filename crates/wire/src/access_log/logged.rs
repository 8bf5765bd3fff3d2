//! Logs the requests of a handler.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use jiff::Timestamp;

use super::record::Record;
use super::writer::AccessLog;
use crate::body::HttpBody;
use crate::identity::{self, Requester};
use crate::protocol::internal::{REGISTER_PATH, REPLICA_PATH};
use crate::protocol::revocations;
use crate::{Body, BodyFault, Handler, Peer, Request, Response};

/// Put into the extensions of a response to name who answered, where this is not the logging process itself (the
/// front end's line names the worker).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerName(pub Arc<str>);

/// A handler whose requests are logged, when the last byte of the answer is handed to the connection.
pub struct Logged<H> {
    handler: Arc<H>,
    log: Arc<AccessLog>,
    worker: Arc<str>,
    front_ends: Vec<String>,
}

impl<H: Handler> Logged<H> {
    /// Logs the requests of `handler`, answered by `worker` where the response does not say otherwise
    /// ([`WorkerName`]). A request of one of the `front_ends` is logged under the name and address of whom it speaks
    /// for.
    pub fn new(
        handler: Arc<H>,
        log: Arc<AccessLog>,
        worker: &str,
        front_ends: Vec<String>,
    ) -> Arc<Logged<H>> {
        Arc::new(Logged { handler, log, worker: worker.into(), front_ends })
    }

    fn begin(&self, request: &Request, peer: &Peer) -> Line {
        let started = Instant::now();
        // Whatever a front end says wrongly is refused by the handler; the line then names the front end's address.
        let requester = identity::requester(peer, request.headers(), &self.front_ends).ok();
        let address = requester.as_ref().map_or(peer.address.ip(), |requester: &Requester| requester.address);
        let record = Record {
            address,
            certname: requester.and_then(|requester| requester.certname),
            at: Timestamp::now(),
            method: request.method().clone(),
            target: request.uri().path_and_query().map_or_else(|| "-".to_owned(), ToString::to_string),
            version: request.version(),
            status: no_answer(),
            bytes: 0,
            referer: header(request.headers(), REFERER),
            user_agent: header(request.headers(), USER_AGENT),
            duration: Duration::ZERO,
            worker: self.worker.clone(),
        };
        let housekeeping = self.is_housekeeping(request, peer);
        Line { record: (!housekeeping).then_some(record), started, log: self.log.clone() }
    }

    /// Probes, replication and the register: several a second, of no interest beside what clients ask. What fails in
    /// them is in the error log.
    fn is_housekeeping(&self, request: &Request, peer: &Peer) -> bool {
        let path = request.uri().path();
        let by_front_end = peer.certname().is_some_and(|name| self.front_ends.iter().any(|f| f == name));
        path == REPLICA_PATH
            || path == revocations::PATH
            || path == REGISTER_PATH
            || by_front_end
                && path.starts_with("/status/")
                && !request.headers().contains_key("x-client-verify")
    }

    fn end(&self, mut line: Line, response: Response) -> Response {
        if let Some(record) = &mut line.record {
            record.status = response.status();
            if let Some(WorkerName(name)) = response.extensions().get() {
                record.worker = name.clone();
            }
        }
        response.map(|inner| {
            let mut counted = Counted { inner, line };
            if counted.inner.is_end_stream() {
                counted.line.write();
            }
            counted.boxed()
        })
    }
}

impl<H: Handler> Handler for Logged<H> {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        // A client that goes away drops this future, and the line with it: it then says 499.
        let line = self.begin(&request, &peer);
        let response = self.handler.handle(request, peer).await;
        self.end(line, response)
    }

    fn refused(self: &Arc<Self>, request: &Request, peer: &Arc<Peer>, answer: Response) -> Response {
        let line = self.begin(request, peer);
        let answer = self.handler.refused(request, peer, answer);
        self.end(line, answer)
    }
}

/// 499: the client went away before there was an answer (nginx's convention; the code is not registered).
fn no_answer() -> StatusCode {
    StatusCode::from_u16(499).expect("three digits make a status code")
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<Vec<u8>> {
    headers.get(name).map(|value| value.as_bytes().to_vec())
}

/// The line of a request under way; written once, at the latest when it is dropped (`HEAD`, broken connections).
struct Line {
    record: Option<Record>,
    started: Instant,
    log: Arc<AccessLog>,
}

impl Line {
    fn write(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.duration = self.started.elapsed();
            self.log.record(record);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.write();
    }
}

/// A body that counts its bytes and writes its line at the end, before the last bytes leave: whoever has the whole
/// answer finds the line in the log.
struct Counted {
    inner: Body,
    line: Line,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let (Poll::Ready(Some(Ok(frame))), Some(record)) = (&polled, &mut self.line.record) {
            record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        let ended = match &polled {
            Poll::Pending => false,
            Poll::Ready(Some(Ok(_))) => self.inner.is_end_stream(),
            Poll::Ready(_) => true,
        };
        if ended {
            self.line.write();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
