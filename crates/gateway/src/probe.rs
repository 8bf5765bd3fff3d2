//! Active probes of the catalog workers: one task per worker, each probe on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use wire::client::ConnectFault;
use wire::{Request, body};

use crate::health::Event;
use crate::upstream::{Upstream, conclusive};
use crate::workers::Workers;

/// What is asked.
const PATH: &str = "/status/v1/simple";

/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// Probes one worker for ever.
pub async fn watch(workers: Arc<Workers>, index: usize, upstream: Arc<Upstream>, timeout: Duration) {
    loop {
        workers.probe_due(index).await;
        let event = match tokio::time::timeout(timeout, ask(&upstream, timeout)).await {
            Ok(None) => continue,
            Ok(Some(event)) => event,
            Err(_) => failed(format!("no answer to a probe within {} ms", timeout.as_millis()), false),
        };
        if !matches!(event, Event::ProbeAnswered) {
            upstream.forget_idle();
        }
        workers.observe(index, event);
    }
}

/// None when nothing was learned, because we could not even ask.
async fn ask(upstream: &Upstream, timeout: Duration) -> Option<Event> {
    let mut connection = match upstream.open(timeout).await {
        Ok(connection) => connection,
        Err(ConnectFault::NoDescriptor) => {
            // A descriptor is free sooner or later; until then nobody is asked.
            tokio::time::sleep(timeout).await;
            return None;
        }
        Err(fault) => return Some(failed(fault.to_string(), conclusive(&fault))),
    };
    let mut request = Request::new(body::empty());
    *request.uri_mut() = http::Uri::from_static(PATH);
    Some(match connection.send(request).await {
        Ok(response) if response.status() == StatusCode::OK => {
            match body::collect(response.into_body(), MAX_ANSWER).await {
                Ok(_) => Event::ProbeAnswered,
                Err(fault) => failed(fault.to_string(), false),
            }
        }
        Ok(response) => failed(format!("it answers {PATH} with {}", response.status()), false),
        Err(fault) => failed(fault.to_string(), false),
    })
}

fn failed(cause: String, conclusive: bool) -> Event {
    Event::ProbeFailed { cause, conclusive }
}
