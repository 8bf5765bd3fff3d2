//! One frame to a CA member and its answer, on a connection of its own.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use replica::frame::Frame;
use replica::monitor::Failure;
use wire::client::ConnectFault;
use wire::protocol::internal::{FRAME, REPLICA_PATH};
use wire::{Request, body};

use crate::upstream::Upstream;

/// Largest answer read. Reports are small; a newer configuration too.
const MAX_ANSWER: usize = 1024 * 1024;

/// Sends a frame. On failure: what it means, and the cause in the system's words.
pub async fn frame(
    upstream: &Upstream,
    frame: &Frame,
    timeout: Duration,
) -> Result<Frame, (Failure, String)> {
    match tokio::time::timeout(timeout, ask(upstream, frame, timeout)).await {
        Ok(result) => result,
        Err(_) => Err((Failure::TimedOut, format!("no answer within {} ms", timeout.as_millis()))),
    }
}

async fn ask(upstream: &Upstream, frame: &Frame, timeout: Duration) -> Result<Frame, (Failure, String)> {
    let mut connection =
        upstream.open(timeout).await.map_err(|fault| (failure_of(&fault), fault.to_string()))?;
    let mut request = Request::new(body::full(frame.encode()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(REPLICA_PATH);
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FRAME));
    let response =
        connection.send(request).await.map_err(|fault| (Failure::Reset, fault.cause().to_string()))?;
    let status = response.status();
    let bytes = body::collect(response.into_body(), MAX_ANSWER)
        .await
        .map_err(|fault| (Failure::Reset, fault.to_string()))?;
    if status != StatusCode::OK {
        return Err((Failure::Unusable, format!("it answers a replication frame with {status}")));
    }
    Frame::decode(&bytes).map_err(|fault| (Failure::Unusable, fault.to_string()))
}

/// What a failed connection says about the member.
pub fn failure_of(fault: &ConnectFault) -> Failure {
    match fault {
        ConnectFault::Refused => Failure::Refused,
        ConnectFault::NoRoute | ConnectFault::NetworkUnreachable | ConnectFault::Prohibited => {
            Failure::Unreachable
        }
        ConnectFault::TimedOut | ConnectFault::HandshakeTimedOut => Failure::TimedOut,
        _ => Failure::Reset,
    }
}
