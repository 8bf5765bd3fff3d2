//! What a listener allows its peers.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::LimitHits;

/// Limits of one listener. The defaults suit a public one.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    /// How long a peer may neither send a byte of a body that it owes, nor take a byte of its answer.
    pub stall_timeout: Duration,
    /// Fewest bytes per second, on the average, of a body that it sends and of answers that it takes, beyond one
    /// `stall_timeout`: who sends one byte a minute must not hold a connection for weeks. Only the time counts in which
    /// the connection waits for the peer.
    pub min_rate: u32,
    /// How long a kept-alive connection may be idle. Puppet's agent reuses one for up to 4 s, so anything below 15 s
    /// risks closing a connection in the moment that it is used.
    pub idle_timeout: Duration,
    /// From the accepted connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// Largest header section of a request, request line included, in bytes. A forwarded client certificate takes
    /// about 4 kB of it.
    pub max_header_bytes: usize,
    /// Most header lines of a request.
    pub max_headers: usize,
    /// Most open connections. When there are as many, those go first that have kept the listener waiting longest (without
    /// a certificate before those with one); while all are busy, further ones wait in the listen queue.
    pub max_connections: usize,
    /// Most open connections from one address (IPv6: one /64); further ones are closed at once. None: as many as there may
    /// be at all. A whole site can be behind one address.
    pub max_per_source: Option<usize>,
    /// Most TLS handshakes that are worked on at one time. Who keeps us waiting in the middle of one does not count, so that
    /// nobody can take all turns by saying nothing; what is bounded is how much work stands between a request and a core.
    pub max_handshakes: usize,
    /// Counts what was hit.
    pub hits: LimitHits,
}

/// Handshakes worked on at one time, for each core: one step takes a millisecond at most, so requests wait for few.
const HANDSHAKES_PER_CORE: usize = 4;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            min_rate: 256,
            idle_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
            max_header_bytes: 64 * 1024,
            max_headers: 100,
            max_connections: 8192,
            max_per_source: None,
            max_handshakes: HANDSHAKES_PER_CORE * std::thread::available_parallelism().map_or(1, usize::from),
            hits: LimitHits::default(),
        }
    }
}

/// Limits that can be exchanged while a listener is at work. Clones are the same ones.
#[derive(Debug, Clone)]
pub struct LiveLimits(Arc<ArcSwap<Limits>>);

impl LiveLimits {
    /// Those in force.
    pub fn now(&self) -> Arc<Limits> {
        self.0.load_full()
    }

    /// Goes by others: who is connected by those of time and size that were in force when it came, all by those of number
    /// (`max_handshakes` stays). What is counted goes on being counted in the same place.
    pub fn replace(&self, limits: Limits) {
        let hits = self.now().hits.clone();
        self.0.store(Arc::new(Limits { hits, ..limits }));
    }
}

impl From<Limits> for LiveLimits {
    fn from(limits: Limits) -> LiveLimits {
        LiveLimits(Arc::new(ArcSwap::from_pointee(limits)))
    }
}
