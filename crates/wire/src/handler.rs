//! What answers requests.

use std::future::Future;
use std::sync::Arc;

use crate::{Peer, Request, Response};

/// Answers the requests of a listener. One value serves all connections at the same time.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. The future is dropped when the client goes away: work that must not stop half-way
    /// belongs into a task of its own.
    fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> impl Future<Output = Response> + Send;

    /// Called with the answer to a request that the listener itself refused (malformed framing, a certificate
    /// revoked meanwhile), so that it can be logged; what it returns is sent.
    fn refused(self: &Arc<Self>, request: &Request, peer: &Arc<Peer>, answer: Response) -> Response {
        let _ = (request, peer);
        answer
    }
}

/// A handler made of a function: for small listeners and tests.
pub struct HandlerFn<F>(pub F);

impl<F, Answer> Handler for HandlerFn<F>
where
    F: Fn(Request, Arc<Peer>) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response> + Send + 'static,
{
    fn handle(self: &Arc<Self>, request: Request, peer: Arc<Peer>) -> impl Future<Output = Response> + Send {
        (self.0)(request, peer)
    }
}
