//! Entries leave our own revocation list by an operator's word: those that stand there more than once, those of expired
//! certificates, those that are named.

use super::revoke::Pruning;
use super::{Authority, Caller, Failure};
use crate::state::State;
use crate::time;
use pki::Serial;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tracing::info;

/// Which entries are to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PruneRequest {
    /// All but the first of those that stand there more than once.
    pub duplicates: bool,
    /// Those of expired certificates.
    pub expired: bool,
    /// Those of these serial numbers (hexadecimal).
    pub serials: Vec<String>,
    /// Those of all certificates of these names.
    pub certnames: Vec<String>,
}

/// What became of a [`PruneRequest`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries of the list before.
    pub total: usize,
    /// Entries that stood there more than once and left.
    pub duplicates: usize,
    /// Entries of other certificates that left.
    pub removed: usize,
}

impl Authority {
    /// Takes entries off our own list, with a new list if there are any. A certificate whose entry is gone and that has
    /// not expired is valid again.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn prune(self: &Arc<Self>, caller: &Caller, wanted: &PruneRequest) -> Result<Pruned, Failure> {
        let now = time::now();
        let found = self.ledger.read(|state| choose(state, wanted, now));
        let (pruned, pruning) = found.ok_or(Failure::NoState)?;
        if !pruning.dropped.is_empty() {
            self.order_pruned_list(caller, pruning).await?;
        }
        info!(duplicates = pruned.duplicates, removed = pruned.removed, "revocation list pruned");
        Ok(pruned)
    }
}

fn choose(state: &State, wanted: &PruneRequest, now: i64) -> (Pruned, Pruning) {
    // How often each serial is there, and its first date.
    let mut entries: BTreeMap<Serial, (usize, i64)> = BTreeMap::new();
    for (serial, date) in state.lists().own.entries() {
        entries.entry(serial).or_insert((0, date)).0 += 1;
    }
    let mut named: BTreeSet<Serial> =
        wanted.serials.iter().filter_map(|hex| Serial::parse_hex(hex).ok()).collect();
    for certname in &wanted.certnames {
        named.extend(state.issued_to(certname).iter().map(|one| one.serial));
        named.extend(state.signed().get(certname.as_str()).map(|one| one.serial));
    }
    if wanted.expired {
        named.extend(state.revocations_expired_before(now));
    }
    let mut pruned = Pruned { total: state.lists().own.len(), ..Pruned::default() };
    let mut pruning = Pruning::default();
    for (serial, (count, date)) in entries {
        if named.contains(&serial) {
            pruned.removed += count;
            pruning.dropped.insert(serial);
        } else if wanted.duplicates && count > 1 {
            pruned.duplicates += count - 1;
            pruning.dropped.insert(serial);
            pruning.again.push((serial, date));
        }
    }
    (pruned, pruning)
}
