//! One accepted connection: requests in, answers out, until it is idle too long, drained or broken.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

use super::crowd::{Guest, Seat};
use super::refusal::{self, Refusal};
use super::watched::{Patience, Watched};
use crate::drain::{Drain, Draining};
use crate::tls::TrustBundle;
use crate::{Handler, Hit, Limits, Peer, Request, Response, body};

/// Counts a request in for as long as it lives.
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

/// Serves a connection to its end. `trust` is asked again for the peer's certificate at every request, so that a
/// revocation also reaches connections that are open.
pub(super) async fn serve<S, H>(
    stream: S,
    peer: Arc<Peer>,
    trust: Option<TrustBundle>,
    limits: Arc<Limits>,
    handler: Arc<H>,
    mut drain: Drain,
    seat: Seat,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let guest = seat.guest.clone();
    let ordinal = AtomicU64::new(0);

    let service = {
        let (guest, drain, hits) = (guest.clone(), drain.clone(), limits.hits.clone());
        service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let request: Request = request.map(body::incoming);
            let number = ordinal.fetch_add(1, Ordering::Relaxed);
            let two_lengths =
                guest.framing.lock().unwrap_or_else(PoisonError::into_inner).is_conflicting(number);
            let framed = refusal::judge(&request, two_lengths);
            if framed.is_err() {
                hits.count(Hit::Framing);
            }
            let verdict = framed.and_then(|()| still_valid(&peer, trust.as_ref()));
            let in_flight = InFlight::begin(&guest);
            let (handler, peer, drain) = (handler.clone(), peer.clone(), drain.clone());
            async move {
                let _in_flight = in_flight;
                let mut response = match verdict {
                    Ok(()) => handler.handle(request, peer).await,
                    Err(refusal) => handler.refused(&request, &peer, refusal.answer()),
                };
                if drain.has_begun() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<Response, Infallible>(response)
            }
        })
    };

    let patience =
        Patience { header: limits.header_timeout, stall: limits.stall_timeout, min_rate: limits.min_rate };
    let watched = Watched::new(stream, guest.framing.clone(), patience, limits.hits.clone());
    let io = TokioIo::new(watched);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Runs from the end of the last answer, so in effect it is the limit of idleness; the time inside a header
        // is watched at the socket.
        .header_read_timeout(limits.idle_timeout)
        .max_headers(limits.max_headers)
        .max_header_size(limits.max_header_bytes)
        .half_close(false)
        .serve_connection(io, service);
    let mut connection = pin!(connection);

    let draining = tokio::select! {
        ended = connection.as_mut() => return log_end(ended, &limits),
        draining = drain.wait() => draining,
        () = guest.asked_to_leave() => return tracing::debug!("connection closed to make room for another"),
    };
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended, &limits),
        () = idle_long_enough(&guest, draining) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => log_end(ended, &limits),
        () = sleep_until(draining.cut_at) => tracing::debug!("connection cut at the end of the drain"),
    }
}

fn still_valid(peer: &Peer, trust: Option<&TrustBundle>) -> Result<(), Refusal> {
    match (trust, &peer.certificate) {
        (Some(trust), Some(certificate)) if trust.is_revoked(certificate) => Err(Refusal::Revoked),
        _ => Ok(()),
    }
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
