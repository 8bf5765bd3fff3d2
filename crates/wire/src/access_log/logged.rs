//! Logs the requests of a handler.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderName, REFERER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use jiff::Timestamp;

use super::record::{Failure, Record, Verdict};
use super::trail::{End, Trail, Way};
use super::writer::AccessLog;
use crate::body::{self, Attendant, HttpBody};
use crate::identity::{self, Requester, X_CLIENT_VERIFY};
use crate::protocol::internal::{LIVE_PATH, OVERVIEW_PATH, REGISTER_PATH, REPLICA_PATH, SUMMARY_PATH};
use crate::protocol::revocations;
use crate::{Handler, Peer, Request, Response};

/// How a front end's word on a certificate that failed begins.
const FAILED: &[u8] = b"FAILED";

/// A handler whose requests are logged, when the last byte of the answer is handed to the connection.
pub struct Logged<H> {
    handler: Arc<H>,
    log: Arc<AccessLog>,
    worker: Arc<str>,
    front_ends: Vec<String>,
}

impl<H: Handler> Logged<H> {
    /// Logs the requests of `handler`, answered by `worker` where nothing else is noted on the request's [`Trail`]. A
    /// request of one of the `front_ends` is logged under the name and address of whom it speaks
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
            received: 0,
            first_byte: None,
            duration: Duration::ZERO,
            worker: self.worker.clone(),
            attempts: 0,
            route: None,
            end: End::ClientClosed,
            tls: peer.tls,
            verdict: self.verdict(request, peer),
            failure: self.failure(request, peer),
        };
        let housekeeping = self.is_housekeeping(request, peer);
        let trail = Trail::default();
        Line { record: (!housekeeping).then(|| Box::new(record)), trail, started, log: self.log.clone() }
    }

    /// What was found of the client's certificate: by us, or by the front end that passes the request on. Of anybody
    /// else the header is an attempt at a lie.
    fn verdict(&self, request: &Request, peer: &Peer) -> Verdict {
        let relayed = request.headers().get(X_CLIENT_VERIFY).filter(|_| self.is_front_end(peer));
        match (relayed.map(HeaderValue::as_bytes), &peer.certificate) {
            (Some(b"SUCCESS"), _) | (None, Some(_)) => Verdict::Success,
            (Some(said), _) if said.starts_with(FAILED) => Verdict::Failed,
            (None, None) if peer.unproven.is_some() => Verdict::Failed,
            _ => Verdict::None,
        }
    }

    /// What is wrong with a certificate that failed. A front end passes on no name that such a certificate bears.
    fn failure(&self, request: &Request, peer: &Peer) -> Option<Box<Failure>> {
        if let Some(unproven) = &peer.unproven {
            let shown = Some(unproven.name.clone()).filter(|name| !name.is_empty());
            return Some(Box::new(Failure { reason: unproven.reason.to_owned(), shown }));
        }
        let relayed = request.headers().get(X_CLIENT_VERIFY).filter(|_| self.is_front_end(peer))?;
        let reason = relayed.as_bytes().strip_prefix(FAILED)?;
        let reason = String::from_utf8_lossy(reason).trim_start_matches(':').to_owned();
        Some(Box::new(Failure { reason, shown: None }))
    }

    fn is_front_end(&self, peer: &Peer) -> bool {
        peer.certname().is_some_and(|name| self.front_ends.iter().any(|front_end| front_end == name))
    }

    /// Probes, replication, the register and whoever watches: several a second, of no interest beside what clients ask. What fails in
    /// them is in the error log.
    fn is_housekeeping(&self, request: &Request, peer: &Peer) -> bool {
        let path = request.uri().path();
        path == REPLICA_PATH
            || path == revocations::PATH
            || path == REGISTER_PATH
            || path == SUMMARY_PATH
            // An open page, or `bunraku top`: once a second. Of strangers it is of interest.
            || (path == LIVE_PATH || path == OVERVIEW_PATH) && peer.certificate.is_some()
            || path.starts_with("/status/")
                && self.is_front_end(peer)
                && !request.headers().contains_key(X_CLIENT_VERIFY)
    }

    fn end(&self, mut line: Line, response: Response) -> Response {
        if let Some(record) = &mut line.record {
            record.status = response.status();
            record.first_byte = Some(line.started.elapsed());
        }
        response.map(|inner| {
            if inner.is_end_stream() {
                line.write(End::Complete);
            }
            body::attended(inner, line)
        })
    }
}

impl<H: Handler> Handler for Logged<H> {
    async fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> Response {
        // A client that goes away drops this future, and the line with it: it then says 499.
        let line = self.begin(&request, &peer);
        let request = line.follow(request);
        let response = self.handler.handle(request, peer).await;
        self.end(line, response)
    }

    fn refused(self: &Arc<Self>, request: &Request, peer: &Arc<Peer>, answer: Response) -> Response {
        let line = self.begin(request, peer);
        line.trail.ended(End::of_refusal(&answer));
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

/// Counts the bytes of a request's body. The body still says how long it will be: who reads it refuses what is too long
/// before it comes.
struct Received(Trail);

impl Attendant for Received {
    fn piece(&mut self, bytes: u64, _is_last: bool) {
        self.0.receive(bytes);
    }
}

/// The line of a request under way; written once, at the latest when it is dropped (`HEAD`, broken connections).
struct Line {
    record: Option<Box<Record>>,
    trail: Trail,
    started: Instant,
    log: Arc<AccessLog>,
}

impl Line {
    /// Gives the request the trail, and counts what comes of its body.
    fn follow(&self, mut request: Request) -> Request {
        if self.record.is_none() {
            return request;
        }
        request.extensions_mut().insert(self.trail.clone());
        if request.body().is_end_stream() {
            return request;
        }
        let received = Received(self.trail.clone());
        request.map(|body| body::attended(body, received))
    }

    /// Writes the line. `end`: how the request ended as far as this end of it can see; what was noted on the way
    /// explains it better.
    fn write(&mut self, end: End) {
        if let Some(mut record) = self.record.take() {
            record.duration = self.started.elapsed();
            record.received = self.trail.received();
            self.trail.ended(end);
            let Way { worker, attempts, route, end } = self.trail.so_far();
            if let Some(worker) = worker {
                record.worker = worker;
            }
            (record.attempts, record.route, record.end) = (attempts, route, end);
            self.log.record(record);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // An answer to HEAD is whole without its body.
        let whole = self.record.as_ref().is_some_and(|record| {
            record.first_byte.is_some() && (record.method == Method::HEAD || is_bodiless(record.status))
        });
        self.write(if whole { End::Complete } else { End::ClientClosed });
    }
}

/// 204 and 304 have no body, whatever their handler made (RFC 9110, 15.3.5 and 15.4.5).
fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// It counts the bytes of the answer's body, and is written before the last of them leave: whoever has the whole answer
/// finds the line in the log.
impl Attendant for Line {
    fn piece(&mut self, bytes: u64, is_last: bool) {
        if let Some(record) = &mut self.record {
            record.bytes += bytes;
        }
        if is_last {
            self.write(End::Complete);
        }
    }

    fn end(&mut self) {
        self.write(End::Complete);
    }

    /// Who makes the answer gave up; the client sees its connection break.
    fn broken(&mut self) {
        self.write(End::WorkerReset);
    }
}
