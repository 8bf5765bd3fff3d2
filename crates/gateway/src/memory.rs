//! How much memory bodies may take that are held whole, all requests together.
//!
//! A body is held so that it can be sent again. That is worth memory, not any amount of it: eight thousand connections
//! with eight megabytes each would be 64 GiB, and a stranger can open them. When the common store is used up, a body
//! that could have been held streams instead, and is sent once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The common store. Clones share it.
#[derive(Debug, Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    most: usize,
    used: AtomicUsize,
    refused: AtomicU64,
}

impl Memory {
    /// A store of `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { inner: Arc::new(Inner { most, used: AtomicUsize::new(0), refused: AtomicU64::new(0) }) }
    }

    /// A lease of nothing, to be made larger.
    pub fn lease(&self) -> Lease {
        Lease { store: self.clone(), bytes: 0 }
    }

    /// Bytes that are leased now.
    pub fn used(&self) -> usize {
        self.inner.used.load(Ordering::Relaxed)
    }

    /// How often somebody got less than wanted.
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }
}

/// Part of the store, until it is dropped.
#[derive(Debug)]
pub struct Lease {
    store: Memory,
    bytes: usize,
}

impl Lease {
    /// Takes so many bytes more; false, and nothing taken, when there are not as many.
    pub fn grow(&mut self, bytes: usize) -> bool {
        let inner = &self.store.inner;
        let taken = inner.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= inner.most)
        });
        if taken.is_err() {
            inner.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.store.inner.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_leased_comes_back_and_never_exceeds_the_store() {
        let memory = Memory::new(10);
        let (mut first, mut second) = (memory.lease(), memory.lease());
        assert!(first.grow(6) && second.grow(4) && !second.grow(1) && !first.grow(usize::MAX));
        assert_eq!((memory.used(), memory.refused()), (10, 2));
        drop(first);
        assert!(second.grow(6) && !second.grow(1));
        drop(second);
        assert_eq!(memory.used(), 0);
    }
}
