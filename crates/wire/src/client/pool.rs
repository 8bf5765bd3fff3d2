//! Idle connections to one worker, ready to be used again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Connection;
use super::send_fault::SendFault;
use crate::body::{self, Attendant, HttpBody};
use crate::{Request, Response};

/// How many idle connections are kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Most idle connections kept.
    pub max_idle: usize,
    /// An idle connection is used again for so long. Must be clearly shorter than the worker's own limit, else a
    /// request can meet a connection that is being closed.
    pub idle_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        PoolSettings { max_idle: 64, idle_timeout: Duration::from_secs(10) }
    }
}

/// The idle connections to one worker. The last used is taken first, so that surplus ones grow old and go.
#[derive(Debug)]
pub struct Pool {
    settings: PoolSettings,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl Pool {
    /// An empty pool.
    pub fn new(settings: PoolSettings) -> Arc<Pool> {
        Arc::new(Pool { settings, idle: Mutex::new(Vec::new()) })
    }

    /// An idle connection that is not known to be closed.
    pub fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while let Some((connection, since)) = idle.pop() {
            if now.duration_since(since) >= self.settings.idle_timeout {
                // All below are older.
                idle.clear();
                return None;
            }
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Gives a connection back whose last answer has been read to its end.
    pub fn give(&self, connection: Connection) {
        if connection.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        idle.retain(|(connection, since)| {
            !connection.is_closed() && now.duration_since(*since) < self.settings.idle_timeout
        });
        if idle.len() < self.settings.max_idle {
            idle.push((connection, now));
        }
    }

    /// Closes all idle connections (the worker is gone, or is to be left).
    pub fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many connections are idle.
    pub fn idle(&self) -> usize {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Sends a request on a connection (of [`Pool::take`], or a fresh one); the connection comes to the pool when the
    /// answer's body has been read to its end, and is closed when the body is dropped before.
    pub async fn send(
        self: &Arc<Self>,
        mut connection: Connection,
        request: Request,
    ) -> Result<Response, SendFault> {
        let response = connection.send(request).await?;
        let closing = response
            .headers()
            .get_all(http::header::CONNECTION)
            .iter()
            .any(|value| value.to_str().is_ok_and(|value| value.to_ascii_lowercase().contains("close")));
        let (parts, inner) = response.into_parts();
        if inner.is_end_stream() {
            if !closing {
                self.give(connection);
            }
            return Ok(Response::from_parts(parts, inner));
        }
        let held = if closing { Held::Closing(connection) } else { Held::Kept(connection) };
        let body = body::attended(inner, Returning { held: Some(held), pool: self.clone() });
        Ok(Response::from_parts(parts, body))
    }
}

/// A connection while its answer is read. A closing one is only held, so that it does not close under the body.
enum Held {
    Kept(Connection),
    Closing(#[allow(dead_code, reason = "held, not used")] Connection),
}

/// Brings a connection back at the end of the answer's body.
struct Returning {
    held: Option<Held>,
    pool: Arc<Pool>,
}

impl Attendant for Returning {
    fn piece(&mut self, _bytes: u64, is_last: bool) {
        if is_last {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(Held::Kept(connection)) = self.held.take() {
            self.pool.give(connection);
        }
    }

    fn broken(&mut self) {
        self.held = None;
    }
}
