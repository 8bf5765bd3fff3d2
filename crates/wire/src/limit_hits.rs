//! Which limits of a listener were hit, counted for whoever watches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A limit of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A connection had to wait, because as many were open as may be.
    Connections,
    /// A connection was closed, because as many were open from its address as may be.
    Source,
    /// A connection that kept the listener waiting was closed to make room for another.
    MadeRoom,
    /// The system gave no descriptor, or no memory, for a connection.
    Descriptors,
    /// A TLS handshake was not finished in time.
    HandshakeTime,
    /// A header was not complete in time.
    HeaderTime,
    /// A header was too long, or had too many lines.
    HeaderSize,
    /// A body did not come, or came too slowly.
    BodyTime,
    /// An answer was not taken, or taken too slowly.
    AnswerTime,
    /// A request that two readers could understand differently was refused.
    Framing,
}

/// All of them, with their names in metrics.
const ALL: [(Hit, &str); 10] = [
    (Hit::Connections, "connections"),
    (Hit::Source, "connections-per-source"),
    (Hit::MadeRoom, "made-room"),
    (Hit::Descriptors, "descriptors"),
    (Hit::HandshakeTime, "handshake-time"),
    (Hit::HeaderTime, "header-time"),
    (Hit::HeaderSize, "header-size"),
    (Hit::BodyTime, "body-time"),
    (Hit::AnswerTime, "answer-time"),
    (Hit::Framing, "framing"),
];

/// The counts, and how many connections are open. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct LimitHits {
    counts: Arc<[AtomicU64; ALL.len()]>,
    open: Arc<AtomicU64>,
}

impl LimitHits {
    pub(crate) fn count(&self, hit: Hit) {
        self.counts[hit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often a limit was hit.
    pub fn of(&self, hit: Hit) -> u64 {
        self.counts[hit as usize].load(Ordering::Relaxed)
    }

    /// Every limit by name, with its count.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        ALL.iter().map(|(hit, name)| (*name, self.of(*hit)))
    }

    /// Connections that are open now, unfinished handshakes included.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts one open connection for as long as what it gives lives.
    pub(crate) fn opened(&self) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.open))
    }
}

/// See [`LimitHits::opened`].
#[derive(Debug)]
pub(crate) struct Open(Arc<AtomicU64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_its_own_count_and_name() {
        let hits = LimitHits::default();
        for (number, (hit, _)) in ALL.iter().enumerate() {
            assert_eq!(*hit as usize, number);
            (0..=number).for_each(|_| hits.count(*hit));
        }
        assert_eq!(
            hits.all().map(|(_, count)| count).collect::<Vec<_>>(),
            (1..=ALL.len() as u64).collect::<Vec<_>>()
        );
        let open = (hits.opened(), hits.clone().opened());
        assert_eq!(hits.open(), 2);
        drop(open);
        assert_eq!(hits.open(), 0);
    }
}
