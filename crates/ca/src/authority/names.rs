//! One decision at a time for each certname: two simultaneous requests for one name must not both be signed.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The certnames about which something is being decided.
#[derive(Debug, Default)]
pub(super) struct NameLocks {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    locks: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
    /// How often it was asked since names were last forgotten.
    asked: usize,
    /// How many were left then.
    left: usize,
}

/// Names are forgotten no oftener than once in so many times that one is asked for.
const FORGET_AFTER: usize = 1024;

/// Holds one certname, or several, until dropped.
#[derive(Debug)]
pub(super) struct NameGuard {
    _held: Vec<OwnedMutexGuard<()>>,
}

impl NameLocks {
    /// Waits for one certname.
    pub(super) async fn hold(&self, certname: &str) -> NameGuard {
        let lock = self.lock(certname);
        NameGuard { _held: vec![lock.lock_owned().await] }
    }

    /// Waits for one certname, unless so many wait for it already.
    pub(super) async fn hold_unless_crowded(&self, certname: &str, most: usize) -> Option<NameGuard> {
        let lock = self.lock(certname);
        // One count is the table's, one is ours.
        if Arc::strong_count(&lock) > most + 2 {
            return None;
        }
        Some(NameGuard { _held: vec![lock.lock_owned().await] })
    }

    /// Waits for many. In the order of the names, so that two callers never wait for each other.
    pub(super) async fn hold_all(&self, certnames: &[String]) -> NameGuard {
        let mut sorted: Vec<&String> = certnames.iter().collect();
        sorted.sort();
        sorted.dedup();
        let mut held = Vec::with_capacity(sorted.len());
        for certname in sorted {
            held.push(self.lock(certname).lock_owned().await);
        }
        NameGuard { _held: held }
    }

    fn lock(&self, certname: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        // Names nobody holds or waits for are forgotten now and then, or names of strangers would pile up; not each time
        // while somebody holds a hundred thousand.
        table.asked += 1;
        if table.asked >= FORGET_AFTER.max(table.left) {
            table.locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            table.left = table.locks.len();
            table.asked = 0;
        }
        Arc::clone(table.locks.entry(certname.to_owned()).or_default())
    }
}

/// Each of the names once, in their order: one that is given twice is meant once.
pub(super) fn each_once(certnames: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    certnames.iter().filter(|certname| seen.insert(certname.as_str())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_held_name_waits_and_another_does_not() {
        let names = NameLocks::default();
        let first = names.hold("a").await;
        let wait = Duration::from_millis(10);
        assert!(tokio::time::timeout(wait, names.hold("a")).await.is_err());
        assert!(tokio::time::timeout(wait, names.hold("b")).await.is_ok());
        drop(first);
        let all = ["b".to_owned(), "a".to_owned(), "b".to_owned()];
        assert!(tokio::time::timeout(wait, names.hold_all(&all)).await.is_ok());
    }

    #[tokio::test]
    async fn so_many_wait_for_a_name_and_no_more() {
        let names = Arc::new(NameLocks::default());
        let first = names.hold_unless_crowded("a", 2).await.unwrap();
        let wait = || {
            let names = Arc::clone(&names);
            tokio::spawn(async move { names.hold_unless_crowded("a", 2).await.is_some() })
        };
        let two = [wait(), wait()];
        tokio::task::yield_now().await;
        assert!(!wait().await.unwrap(), "two wait already");
        assert!(names.hold_unless_crowded("b", 2).await.is_some(), "for another one nobody does");
        drop(first);
        for waited in two {
            assert!(waited.await.unwrap());
        }
        assert!(names.hold_unless_crowded("a", 0).await.is_some());
    }

    #[tokio::test]
    async fn names_that_nobody_holds_are_forgotten() {
        let names = NameLocks::default();
        let kept = names.hold("kept").await;
        for number in 0..3000 {
            drop(names.hold(&number.to_string()).await);
        }
        assert!(names.table.lock().unwrap().locks.len() <= FORGET_AFTER + 1);
        assert!(names.table.lock().unwrap().locks.contains_key("kept"));
        drop(kept);
    }
}
