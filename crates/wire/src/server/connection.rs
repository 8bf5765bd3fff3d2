//! One accepted connection: requests in, answers out, until it is idle too long, drained or broken.
//!
//! It lives in turns: while it is in use it has a parser with buffers ([`converse`]); when nothing has been asked for a
//! moment it gives them up and waits for the next byte ([`rest`]). An estate has many connections that do nothing.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::crowd::{Guest, Seat};
use super::framing::Owed;
use super::refusal::{self, Refusal};
use super::seldom::Seldom;
use super::watched::{Patience, Watched};
use crate::body::Attendant;
use crate::drain::{Drain, Draining};
use crate::tls::{Review, Reviewer};
use crate::{Handler, Hit, Limits, Peer, Request, Response, body};

/// A connection is at rest when nothing has been asked for so long.
const BREATH: Duration = Duration::from_secs(1);
/// How long the peer of a connection that ends may take the word of goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Counts a request in for as long as it lives: until the last of its answer has been handed over.
struct InFlight(Arc<Guest>);

impl InFlight {
    fn begin(guest: &Arc<Guest>) -> InFlight {
        guest.with(|activity| {
            activity.in_flight += 1;
            activity.last = Instant::now();
        });
        InFlight(guest.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.with(|activity| {
            activity.in_flight -= 1;
            activity.last = Instant::now();
        });
    }
}

/// A request is under way until its answer has left.
impl Attendant for InFlight {}

/// What all requests of a connection share.
struct Serving<H> {
    peer: Arc<Peer>,
    reviewer: Option<Reviewer>,
    limits: Arc<Limits>,
    handler: Arc<H>,
    drain: Drain,
    guest: Arc<Guest>,
    /// Number of the next request.
    ordinal: AtomicU64,
}

/// Serves a connection to its end. `reviewer` is asked again for the peer's certificate at every request, so that a
/// revocation also reaches connections that are open.
pub(super) async fn serve<S, H>(
    stream: S,
    peer: Arc<Peer>,
    reviewer: Option<Reviewer>,
    limits: Arc<Limits>,
    handler: Arc<H>,
    drain: Drain,
    seat: Seat,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let patience =
        Patience { header: limits.header_timeout, stall: limits.stall_timeout, min_rate: limits.min_rate };
    let guest = seat.guest.clone();
    let mut stream = Watched::new(stream, guest.clone(), patience, limits.hits.clone());
    let serving = Serving { peer, reviewer, limits, handler, drain, guest, ordinal: AtomicU64::new(0) };
    while rest(&mut stream, &serving).await {
        // Boxed: a connection at rest has no room for what it needs in use.
        match Box::pin(converse(stream, &serving)).await {
            Some(at_rest) => {
                serving.peer.rest();
                stream = at_rest;
            }
            None => return,
        }
    }
    // It may be gone already; nothing is lost.
    let _ = timeout(GOODBYE, stream.shutdown()).await;
}

/// Waits for the first byte of a request. False: the connection is to end.
async fn rest<S, H>(stream: &mut Watched<S>, serving: &Serving<H>) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let guest = &serving.guest;
    let idle_until = guest.with(|activity| activity.last) + serving.limits.idle_timeout;
    let mut drain = serving.drain.clone();
    tokio::select! {
        there = stream.first_byte() => there,
        () = sleep_until(idle_until) => false,
        () = guest.asked_to_leave() => made_room(),
        draining = drain.wait() => tokio::select! {
            there = stream.first_byte() => there,
            () = idle_long_enough(guest, draining) => false,
        },
    }
}

/// What ends a conversation, apart from the client.
enum Call {
    /// Nothing has been asked for a moment.
    Rested,
    Draining(Draining),
    /// Its place is wanted.
    Leave,
}

/// Answers requests until nothing has been asked for a moment: then the connection comes back. None: it has ended.
async fn converse<S, H>(stream: Watched<S>, serving: &Serving<H>) -> Option<Watched<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let Serving { limits, guest, drain, .. } = serving;
    // No timer of its own: the time inside a header is watched at the socket, that between two requests by `rest`.
    let mut connection = http1::Builder::new()
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(request, serving)));
    let mut drain = drain.clone();
    let called = Seldom::new(async move {
        tokio::select! {
            () = rested(guest, BREATH.min(limits.idle_timeout)) => Call::Rested,
            draining = drain.wait() => Call::Draining(draining),
            () = guest.asked_to_leave() => Call::Leave,
        }
    });

    let call = tokio::select! {
        biased;
        ended = &mut connection => { log_end(ended, limits); return None; }
        call = called => call,
    };
    let draining = match call {
        Call::Rested => {
            let parts = connection.into_parts();
            let mut stream = parts.io.into_inner();
            stream.put_back(&parts.read_buf);
            return Some(stream);
        }
        Call::Draining(draining) => draining,
        Call::Leave => {
            made_room();
            return None;
        }
    };
    tokio::select! {
        ended = &mut connection => { log_end(ended, limits); return None; }
        () = idle_long_enough(guest, draining) => Pin::new(&mut connection).graceful_shutdown(),
    }
    tokio::select! {
        ended = &mut connection => log_end(ended, limits),
        () = sleep_until(draining.cut_at) => tracing::debug!("connection cut at the end of the drain"),
    }
    None
}

/// Answers one request.
fn answer<H: Handler>(
    request: hyper::Request<Incoming>,
    serving: &Serving<H>,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<H> {
    let Serving { peer, reviewer, limits, handler, drain, guest, ordinal } = serving;
    let request: Request = request.map(body::incoming);
    let number = ordinal.fetch_add(1, Ordering::Relaxed);
    let two_lengths = guest.framing.lock().unwrap_or_else(PoisonError::into_inner).is_conflicting(number);
    let framed = refusal::judge(&request, two_lengths);
    if framed.is_err() {
        limits.hits.count(Hit::Framing);
    }
    let review = reviewer.as_ref().map_or(Review::Stands, |reviewer| reviewer.review(peer));
    let (peer, verdict) = match review {
        Review::Stands => (Arc::clone(peer), framed),
        Review::Refused(reason) => (Arc::clone(peer), framed.and(Err(Refusal::Certificate(reason)))),
        Review::Demoted(nobody) => (nobody, framed),
    };
    let in_flight = InFlight::begin(guest);
    let (handler, drain) = (handler.clone(), drain.clone());
    async move {
        let mut response = match verdict {
            Ok(()) => handler.handle(request, peer).await,
            Err(refusal) => handler.refused(&request, &peer, refusal.answer()),
        };
        if drain.has_begun() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|inner| body::attended(inner, in_flight)))
    }
}

/// Ends when nothing has been asked for so long, and all that was asked is answered and written.
async fn rested(guest: &Guest, breath: Duration) {
    loop {
        let (in_flight, last) = guest.with(|activity| (activity.in_flight, activity.last));
        let wait = (last + breath).saturating_duration_since(Instant::now());
        let owed = guest.framing.lock().unwrap_or_else(PoisonError::into_inner).owed();
        let quiet = in_flight == 0 && owed == Owed::Nothing && !guest.is_unwritten();
        match (wait.is_zero(), quiet) {
            (true, true) => return,
            (true, false) => sleep(breath).await,
            (false, _) => sleep(wait).await,
        }
    }
}

fn made_room() -> bool {
    tracing::debug!("connection closed to make room for another");
    false
}

/// Ends when the connection has been idle for the grace of the drain, or at its deadline.
async fn idle_long_enough(guest: &Guest, draining: Draining) {
    loop {
        let wait = guest.with(|activity| match activity.in_flight {
            0 => (activity.last + draining.plan.idle_grace).saturating_duration_since(Instant::now()),
            // Its answer says `Connection: close` and so ends the connection by itself.
            _ => Duration::from_millis(50),
        });
        if wait.is_zero() || Instant::now() >= draining.cut_at {
            return;
        }
        sleep(wait).await;
    }
}

fn log_end(ended: Result<(), hyper::Error>, limits: &Limits) {
    if let Err(error) = ended {
        if error.is_parse_too_large() {
            limits.hits.count(Hit::HeaderSize);
        } else if error.is_parse() {
            limits.hits.count(Hit::Framing);
        }
        tracing::debug!(%error, "connection ended");
    }
}
