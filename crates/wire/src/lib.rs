//! Everything of Bunraku that crosses a socket: TLS, HTTP/1.1 in both directions, who a requester is, access logs,
//! and the paths and bodies of Puppet's endpoints.
//!
//! A server is a [`Handler`] given to [`serve_tls`] or [`serve_local`]; a client is a [`client::Connection`] (one
//! connection, exact about what was sent) or a [`client::Client`] (ask and be answered). Only this crate names
//! rustls, hyper or Tokio's sockets.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod access_log;
pub mod body;
pub mod client;
mod dissect;
pub mod dns;
pub mod drain;
pub mod hand_over;
mod handler;
pub mod identity;
mod limit_hits;
mod limits;
mod local;
mod peer;
pub mod protocol;
pub mod reply;
mod server;
pub mod tls;

pub use body::{Body, BodyFault};
pub use bytes::Bytes;
pub use dissect::{Dissected, Dissection, dissect};
pub use drain::{Drain, DrainHandle, DrainPlan};
pub use handler::{Handler, HandlerFn};
pub use http;
pub use limit_hits::{Hit, LimitHits};
pub use limits::{Limits, LiveLimits};
pub use local::{LocalFault, LocalListener};
pub use peer::{Peer, PeerAddress};
pub use pki::Serial;
pub use server::{ListenFault, listen, serve_local, serve_local_listener, serve_plain, serve_tls};

/// A request with a streaming body.
pub type Request = http::Request<Body>;
/// A response with a streaming body.
pub type Response = http::Response<Body>;
