//! Listeners: accept, limit, hand each connection to its own task, drain.

mod connection;
mod crowd;
mod framing;
mod refusal;
mod seldom;
mod turns;
mod watched;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;

use self::crowd::{Crowd, Standing};
use self::turns::in_turns;
use crate::drain::Drain;
use crate::local::{LocalFault, LocalListener};
use crate::tls::ServerTls;
use crate::{Handler, Hit, LimitHits, Limits, LiveLimits, Peer};

/// Why a TCP address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenFault {
    /// Another process has this port.
    #[error("{0} is in use by another process")]
    InUse(SocketAddr),
    /// Any other refusal of the system.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Opens a listening TCP socket, with a queue that holds the agents of a whole estate that start in one second.
pub fn listen(address: SocketAddr) -> Result<std::net::TcpListener, ListenFault> {
    let open = || {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(address),
            socket2::Type::STREAM,
            Some(socket2::Protocol::TCP),
        )?;
        // A restart must not wait for the connections of the last process to time out.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(4096)?;
        Ok(std::net::TcpListener::from(socket))
    };
    open().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ListenFault::InUse(address),
        _ => ListenFault::Io { address, source },
    })
}

/// Serves HTTP/1.1 over TLS until the drain has ended. Each connection is a task of its own; a failed handshake or a
/// broken connection concerns nobody else.
///
/// Must run inside a Tokio runtime with IO and time enabled. Returns early only if the listener cannot be used at
/// all (then the cause is logged).
pub async fn serve_tls<H: Handler>(
    tcp: std::net::TcpListener,
    tls: ServerTls,
    limits: impl Into<LiveLimits>,
    handler: Arc<H>,
    drain: Drain,
) {
    let listener = match tcp.set_nonblocking(true).and_then(|()| TcpListener::from_std(tcp)) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be used"),
    };
    let live = limits.into();
    let (hits, handshakes) = (live.now().hits.clone(), live.now().max_handshakes.max(1));
    let handshakes = Arc::new(Semaphore::new(handshakes));
    let crowd = Crowd::new(live.clone());
    let mut stop = drain.clone();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => { accept_failed(error, &hits).await; continue }
            },
            () = stop.begun() => break,
        };
        if !crowd.admits(address.ip()) {
            continue;
        }
        let Some(seat) = crowd.seat(Some(address.ip()), &mut stop).await else { break };
        let (tls, limits, handler, drain) = (tls.clone(), live.now(), handler.clone(), drain.clone());
        let handshakes = handshakes.clone();
        crowd.tasks.spawn(async move {
            // Boxed: a handshake needs much more room than the connection that comes of it.
            let shaken = in_turns(&handshakes, Box::pin(accept_tls(stream, address, &tls)));
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(limits.handshake_timeout, shaken) => shaken,
                // Whoever is in the middle of it may finish, but does not hold up the end of the drain.
                () = cut(drain.clone()) => return,
                () = seat.guest.asked_to_leave() => return,
            };
            match shaken {
                Ok(Ok((stream, peer))) => {
                    let reviewer = Some(tls.reviewer());
                    let known = peer.certificate.is_some();
                    seat.guest.introduce(if known { Standing::Known } else { Standing::Stranger });
                    connection::serve(stream, Arc::new(peer), reviewer, limits, handler, drain, seat).await;
                }
                Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
                Err(_) => {
                    limits.hits.count(Hit::HandshakeTime);
                    tracing::debug!(%address, "TLS handshake timed out");
                }
            }
        });
    }
    // From here on a connection is refused instead of being left unanswered in the queue.
    drop(listener);
    crowd.finish().await;
}

/// Serves HTTP/1.1 without TLS until the drain has ended: for what everybody may read who reaches the address.
pub async fn serve_plain<H: Handler>(
    tcp: std::net::TcpListener,
    limits: impl Into<LiveLimits>,
    handler: Arc<H>,
    drain: Drain,
) {
    let listener = match tcp.set_nonblocking(true).and_then(|()| TcpListener::from_std(tcp)) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be used"),
    };
    let live = limits.into();
    let hits = live.now().hits.clone();
    let crowd = Crowd::new(live.clone());
    let mut stop = drain.clone();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => { accept_failed(error, &hits).await; continue }
            },
            () = stop.begun() => break,
        };
        if !crowd.admits(address.ip()) {
            continue;
        }
        let Some(seat) = crowd.seat(Some(address.ip()), &mut stop).await else { break };
        let (limits, handler, drain) = (live.now(), handler.clone(), drain.clone());
        crowd.tasks.spawn(async move {
            seat.guest.introduce(Standing::Stranger);
            let peer = Arc::new(Peer::plain(address));
            connection::serve(stream, peer, None, limits, handler, drain, seat).await;
        });
    }
    drop(listener);
    crowd.finish().await;
}

/// Serves HTTP/1.1 on a Unix socket at `path` (made owner-only, replaced when its owner is dead, removed at the end)
/// until the drain has ended. Every peer is [`Peer::local`].
pub async fn serve_local<H: Handler>(
    path: impl AsRef<Path>,
    limits: impl Into<LiveLimits>,
    handler: Arc<H>,
    drain: Drain,
) -> Result<(), LocalFault> {
    let listener = LocalListener::bind(path.as_ref())?;
    serve_local_listener(listener, limits, handler, drain).await
}

/// As [`serve_local`], on a socket that is open already (so that its faults are known before the task is started).
pub async fn serve_local_listener<H: Handler>(
    local: LocalListener,
    limits: impl Into<LiveLimits>,
    handler: Arc<H>,
    drain: Drain,
) -> Result<(), LocalFault> {
    let fault = |source| LocalFault::Io { path: local.path().to_owned(), source };
    let listener = local.listener.try_clone().and_then(UnixListener::from_std).map_err(fault)?;
    let live = limits.into();
    let hits = live.now().hits.clone();
    let crowd = Crowd::new(live.clone());
    let mut stop = drain.clone();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => { accept_failed(error, &hits).await; continue }
            },
            () = stop.begun() => break,
        };
        let Some(seat) = crowd.seat(None::<IpAddr>, &mut stop).await else { break };
        let (limits, handler, drain) = (live.now(), handler.clone(), drain.clone());
        crowd.tasks.spawn(async move {
            seat.guest.introduce(Standing::Known);
            connection::serve(stream, Arc::new(Peer::local()), None, limits, handler, drain, seat).await;
        });
    }
    drop(listener);
    drop(local);
    crowd.finish().await;
    Ok(())
}

/// Serves one stream to its end, as [`serve_plain`] does with each that it accepts.
pub(crate) async fn serve_stream<S, H>(stream: S, peer: Peer, limits: Limits, handler: Arc<H>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let live = LiveLimits::from(limits);
    let crowd = Crowd::new(live.clone());
    let mut drain = Drain::never();
    let Some(seat) = crowd.seat(None, &mut drain).await else { return };
    seat.guest.introduce(Standing::Stranger);
    connection::serve(stream, Arc::new(peer), None, live.now(), handler, drain, seat).await;
}

/// The deadline of the drain.
async fn cut(mut drain: Drain) {
    let draining = drain.wait().await;
    tokio::time::sleep_until(draining.cut_at).await;
}

async fn accept_tls(
    stream: TcpStream,
    address: SocketAddr,
    tls: &ServerTls,
) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Peer)> {
    // Answers are written whole; waiting for more to send only delays them.
    stream.set_nodelay(true)?;
    // A client that vanished is noticed, even when it owes us a body.
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(60));
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    let (stream, peer) = tls.accept(stream, address).await?;
    // Moved about as a pointer: each place that it passes on its way keeps room for it.
    Ok((Box::new(stream), peer))
}

/// Out of file descriptors or memory: what is open may end, so wait instead of spinning.
async fn accept_failed(error: io::Error, hits: &LimitHits) {
    let of_one_connection =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !of_one_connection {
        hits.count(Hit::Descriptors);
        tracing::warn!(%error, "cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
