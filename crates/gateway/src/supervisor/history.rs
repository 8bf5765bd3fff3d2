//! When the active CA last changed, why, and how long nobody was active: what status tells an operator.

use std::collections::{BTreeMap, BTreeSet};

use replica::monitor::View;
use tokio::sync::watch;

use super::record::Record;
use crate::clock::wall_time;
use crate::hold::{Helm, Waited};
use crate::status::LastFailover;

/// Follows the monitor's views.
#[derive(Debug)]
pub struct History {
    /// Since when a member has not answered.
    trouble_since: BTreeMap<usize, u64>,
    /// The last member that was active, and its epoch.
    active: Option<(String, u64)>,
    /// The outage going on: since when, and what had waited before it.
    outage: Option<(u64, Waited)>,
    /// What outlives this process.
    record: watch::Sender<Record>,
}

impl History {
    /// Goes on where `record` ends.
    pub fn new(record: watch::Sender<Record>) -> History {
        History { trouble_since: BTreeMap::new(), active: None, outage: None, record }
    }

    /// A member did not answer what it was asked at `since_ms`.
    pub fn trouble(&mut self, member: usize, since_ms: u64) {
        self.trouble_since.entry(member).or_insert(since_ms);
    }

    /// A member answered.
    pub fn answered(&mut self, member: usize) {
        self.trouble_since.remove(&member);
    }

    /// What outlives this process.
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Members held back for maintenance.
    pub fn hold_back(&mut self, members: BTreeSet<String>) {
        self.record.send_modify(|record| record.held_back = members);
    }

    /// Compares the new view with what was; gives the change that is complete with it.
    pub fn follow(&mut self, view: &View, helm: &Helm, now_ms: u64) -> Option<LastFailover> {
        self.note_departures(view);
        let Some(active) = &view.active else {
            if self.outage.is_none() && self.active.is_some() {
                // Those that met the fault first wait already.
                self.outage = Some((self.trouble_began(view, now_ms), helm.waited_before_now()));
            }
            return None;
        };
        let now_active = (active.as_str().to_owned(), view.epoch.0);
        let before = self.active.replace(now_active.clone());
        let outage = self.outage.take();
        let before = before.filter(|before| *before != now_active)?;
        let (since, waited_before) =
            outage.unwrap_or_else(|| (self.trouble_began(view, now_ms), helm.waited_before_now()));
        let waited = helm.waited();
        let decided = view.last_change.as_ref().filter(|change| change.epoch == view.epoch);
        let (reason, kind) = match decided {
            Some(change) => (change.what.clone(), change.kind),
            None if before.0 != now_active.0 => {
                (format!("another front end made {active} primary of epoch {}", view.epoch), "elsewhere")
            }
            // A primary whose process was started anew has itself named in the next epoch.
            None => (format!("{active} was restarted and goes on in epoch {}", view.epoch), "restart"),
        };
        let failover = LastFailover {
            at: wall_time(),
            from: Some(before.0),
            to: now_active.0,
            epoch: now_active.1,
            kind: kind.to_owned(),
            reason,
            duration_ms: now_ms.saturating_sub(since),
            held: waited.held.saturating_sub(waited_before.held),
            timed_out: waited.timed_out.saturating_sub(waited_before.timed_out),
        };
        self.record.send_modify(|record| record.add(failover.clone()));
        Some(failover)
    }

    /// Since when a member is out of the in-sync set.
    fn note_departures(&mut self, view: &View) {
        if view.version == 0 {
            return;
        }
        self.record.send_if_modified(|record| {
            let before = record.left_in_sync.clone();
            for member in &view.members {
                let name = member.name.as_str();
                if member.in_sync {
                    record.left_in_sync.remove(name);
                } else {
                    record.left_in_sync.entry(name.to_owned()).or_insert_with(wall_time);
                }
            }
            before != record.left_in_sync
        });
    }

    /// The first failure of the member that was active, if it is still unanswered: the outage began before it was
    /// noticed as one.
    fn trouble_began(&self, view: &View, now_ms: u64) -> u64 {
        let was = self.active.as_ref().map(|(name, _)| name.as_str());
        let member = view.members.iter().position(|member| Some(member.name.as_str()) == was);
        member.and_then(|member| self.trouble_since.get(&member)).copied().unwrap_or(now_ms)
    }
}
