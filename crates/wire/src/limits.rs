//! What a listener allows its peers.

use std::time::Duration;

/// Limits of one listener. The defaults suit a public one.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Most open connections; further ones wait in the listen queue.
    pub max_connections: usize,
    /// Most TLS handshakes at one time; further ones wait (within their time-out).
    pub max_handshakes: usize,
}

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
            max_handshakes: 256,
        }
    }
}
