//! When the active CA last changed, why, and how long nobody was active: what status tells an operator.

use std::collections::BTreeMap;

use replica::monitor::View;

use crate::clock::wall_time;
use crate::hold::Helm;
use crate::status::LastFailover;

/// Follows the monitor's views.
#[derive(Debug, Default)]
pub struct History {
    /// Since when a member has not answered.
    trouble_since: BTreeMap<usize, u64>,
    /// The last member that was active, and its epoch.
    active: Option<(String, u64)>,
    /// The outage going on: since when, and how many requests had been held before it.
    outage: Option<(u64, u64)>,
    last: Option<LastFailover>,
}

impl History {
    /// A member did not answer what it was asked at `since_ms`.
    pub fn trouble(&mut self, member: usize, since_ms: u64) {
        self.trouble_since.entry(member).or_insert(since_ms);
    }

    /// A member answered.
    pub fn answered(&mut self, member: usize) {
        self.trouble_since.remove(&member);
    }

    /// The last change.
    pub fn last(&self) -> Option<&LastFailover> {
        self.last.as_ref()
    }

    /// Compares the new view with what was.
    pub fn follow(&mut self, view: &View, helm: &Helm, now_ms: u64) {
        let Some(active) = &view.active else {
            if self.outage.is_none() && self.active.is_some() {
                // Those that met the fault first wait already.
                self.outage = Some((self.trouble_began(view, now_ms), helm.held_total() - helm.held()));
            }
            return;
        };
        let now_active = (active.as_str().to_owned(), view.epoch.0);
        let before = self.active.replace(now_active.clone());
        let outage = self.outage.take();
        let Some(before) = before.filter(|before| *before != now_active) else { return };
        let (since, held_before) =
            outage.unwrap_or_else(|| (self.trouble_began(view, now_ms), helm.held_total() - helm.held()));
        self.last = Some(LastFailover {
            at: wall_time(),
            from: Some(before.0),
            to: now_active.0,
            reason: view.last_change.as_ref().map_or_else(String::new, |change| change.what.clone()),
            duration_ms: now_ms.saturating_sub(since),
            held: helm.held_total().saturating_sub(held_before),
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
