//! One accepted connection: requests in, answers out, until it is idle too long, drained or broken.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

use super::framing::Framing;
use super::refusal::{self, Refusal};
use super::watched::{Patience, SharedFraming, Watched};
use crate::drain::{Drain, Draining};
use crate::tls::TrustBundle;
use crate::{Handler, Limits, Peer, Request, Response, body};

/// When the connection was last busy, and with how many requests.
#[derive(Debug)]
struct Activity {
    in_flight: u32,
    last: Instant,
}

type SharedActivity = Arc<Mutex<Activity>>;

/// Counts a request in for as long as it lives.
struct InFlight(SharedActivity);

impl InFlight {
    fn begin(activity: &SharedActivity) -> InFlight {
        activity.lock().unwrap_or_else(PoisonError::into_inner).in_flight += 1;
        InFlight(activity.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut activity = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        activity.in_flight -= 1;
        activity.last = Instant::now();
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
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let framing: SharedFraming = Arc::new(Mutex::new(Framing::default()));
    let activity = Arc::new(Mutex::new(Activity { in_flight: 0, last: Instant::now() }));
    let ordinal = AtomicU64::new(0);

    let service = {
        let (framing, activity, drain) = (framing.clone(), activity.clone(), drain.clone());
        service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let request: Request = request.map(body::incoming);
            let number = ordinal.fetch_add(1, Ordering::Relaxed);
            let two_lengths = framing.lock().unwrap_or_else(PoisonError::into_inner).is_conflicting(number);
            let verdict =
                refusal::judge(&request, two_lengths).and_then(|()| still_valid(&peer, trust.as_ref()));
            let in_flight = InFlight::begin(&activity);
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
    let io = TokioIo::new(Watched::new(stream, framing, patience));
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
        ended = connection.as_mut() => return log_end(ended),
        draining = drain.wait() => draining,
    };
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended),
        () = idle_long_enough(&activity, draining) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        ended = connection.as_mut() => log_end(ended),
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
async fn idle_long_enough(activity: &SharedActivity, draining: Draining) {
    loop {
        let wait = {
            let activity = activity.lock().unwrap_or_else(PoisonError::into_inner);
            match activity.in_flight {
                0 => (activity.last + draining.plan.idle_grace).saturating_duration_since(Instant::now()),
                // Its answer says `Connection: close` and so ends the connection by itself.
                _ => Duration::from_millis(50),
            }
        };
        if wait.is_zero() || Instant::now() >= draining.cut_at {
            return;
        }
        sleep(wait).await;
    }
}

fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
