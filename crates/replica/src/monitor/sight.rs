//! Several front ends over one shared register: what they tell each other, and what follows from it.
//!
//! Each live front end keeps its **sight** in the register, under its own name and a lease: which members it cannot use.
//! None of them leads. Whoever finds the primary down *and* reads that more than half of the live front ends (itself
//! counted) say so too, may fail over; the compare-and-set lets one of them win. So:
//!
//! - A front end that alone has lost the way to the primary deposes nobody: its requests go through one that has not, and
//!   it says why.
//! - A firewall before the primary's port is seen by all of them, and it is deposed although it goes on talking outwards.
//! - A front end that is dead, or cut off from the register, stops counting when its lease has run out.
//!
//! What a member says of itself (its disk is full, it was lost, it acknowledges nothing) needs no second witness.
//! Nothing here protects a promise: a failover too many costs a moment of service, never an acknowledged change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::configuration::Configuration;
use crate::monitor::view::{Cause, Hold};
use crate::monitor::{Action, Known, Monitor};
use crate::name::{Epoch, MemberName};

/// How long a member may know more than a shared register before that is called a register put back: reading it takes
/// a moment, and another front end may just have changed it.
const CATCHING_UP_MS: u64 = 2_000;

/// What one front end says of the members. JSON in the register.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sight {
    /// Who looks.
    pub front_end: MemberName,
    /// The epoch that this is about; in another one it says nothing.
    pub epoch: Epoch,
    /// Members that it cannot use, and why.
    pub down: BTreeMap<MemberName, String>,
    /// Members that an operator told it to hold back; that counts for all of them while it lives.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub held_back: BTreeSet<MemberName>,
}

impl Monitor {
    /// All live front ends' sights, as read together with the register.
    pub(crate) fn sights(&mut self, sights: Vec<Sight>) {
        let own = &self.settings.name;
        if sights.iter().find(|sight| sight.front_end == *own) != self.published.as_ref() {
            // The lease has run out, or an older word was late and came to stand there: say it again.
            self.published = None;
        }
        let fresh: BTreeMap<MemberName, Sight> = sights
            .into_iter()
            .filter(|sight| sight.front_end != *own)
            .map(|sight| (sight.front_end.clone(), sight))
            .collect();
        for (front_end, sight) in &fresh {
            let before = self.others.get(front_end);
            for member in sight.down.keys() {
                if before.is_none_or(|before| !before.down.contains_key(member))
                    && let Some(watch) = self.members.get_mut(member)
                {
                    // Somebody else has lost it: look now, not when the next probe is due.
                    watch.next_probe = self.now;
                }
            }
        }
        self.others = fresh;
    }

    /// Tells the others, when there is something new to tell.
    pub(crate) fn publish(&mut self) {
        let Known::Set(configuration) = &self.register else { return };
        if !self.settings.shared || !self.has_looked() {
            return;
        }
        let down = self.members.keys().filter_map(|name| {
            let cause = self.cause_of(name, configuration)?;
            // Not how it fails to answer: that may change with every probe, and each change is written to the register.
            let why = match cause {
                Cause::Failure(_) => "does not answer".to_owned(),
                cause => cause.to_string(),
            };
            Some((name.clone(), why))
        });
        let sight = Sight {
            front_end: self.settings.name.clone(),
            epoch: configuration.epoch,
            down: down.collect(),
            held_back: self.maintained.clone(),
        };
        if self.published.as_ref() != Some(&sight) {
            self.published = Some(sight.clone());
            self.out.push(Action::Publish(sight));
        }
    }

    /// Whether an operator has told this front end, or another live one, to hold `member` back.
    pub(crate) fn is_maintained(&self, member: &MemberName) -> bool {
        self.maintained.contains(member) || self.others.values().any(|sight| sight.held_back.contains(member))
    }

    /// A front end that has only just started knows nothing yet, and must not be counted as one that is content.
    fn has_looked(&self) -> bool {
        let timings = &self.settings.timings;
        !self.grace() || self.members.values().all(|watch| watch.report.is_some() || watch.is_lost(timings))
    }

    /// The live front ends that do not say that `member` is down in the epoch of `configuration`, if so few say it that
    /// nothing may be concluded.
    pub(crate) fn overruled(
        &self,
        configuration: &Configuration,
        member: &MemberName,
        cause: Cause,
    ) -> Option<Vec<MemberName>> {
        if !self.settings.shared || !matches!(cause, Cause::Failure(_)) {
            return None;
        }
        let agrees = |sight: &&Sight| sight.epoch == configuration.epoch && sight.down.contains_key(member);
        let content: Vec<MemberName> = self
            .others
            .values()
            .filter(|sight| !agrees(sight))
            .map(|sight| sight.front_end.clone())
            .collect();
        let agreeing = 1 + self.others.len() - content.len();
        (2 * agreeing <= 1 + self.others.len()).then_some(content)
    }

    /// Keeps the time since when this front end alone does not reach the primary.
    pub(crate) fn note_overruled(&mut self) {
        if matches!(self.hold(), Some(Hold::Overruled { .. })) {
            self.overruled_since.get_or_insert(self.now);
        } else {
            self.overruled_since = None;
        }
    }

    /// The front ends through which requests go while `hold` is so: live, in this epoch, and content with the primary.
    pub(crate) fn detour(&self, hold: Option<&Hold>) -> Vec<MemberName> {
        let Some(Hold::Overruled { primary, by, .. }) = hold else { return Vec::new() };
        let settled =
            self.overruled_since.is_some_and(|since| self.now >= since + self.settings.timings.detour_ms);
        let epoch = self.configuration().map(|configuration| configuration.epoch);
        let reaches = |name: &&MemberName| {
            self.others
                .get(*name)
                .is_some_and(|sight| Some(sight.epoch) == epoch && !sight.down.contains_key(primary))
        };
        if settled { by.iter().filter(reaches).cloned().collect() } else { Vec::new() }
    }

    /// Whether this front end is the one that returns the reign to the preferred member: the first of the live ones by
    /// name, and all of them can use that member.
    pub(crate) fn may_fail_back(&self, configuration: &Configuration, preferred: &MemberName) -> bool {
        let first = self.others.keys().all(|other| self.settings.name < *other);
        let content =
            |sight: &Sight| sight.epoch == configuration.epoch && !sight.down.contains_key(preferred);
        !self.settings.shared || (first && self.others.values().all(content))
    }

    /// The register does not answer. Alone, it is gone with it; shared, the last value goes on, and nothing changes.
    pub(crate) fn register_unavailable(&mut self) {
        if self.settings.shared {
            // What was asked for stays open: the next read tells what became of it. If it was not done by then, it is
            // asked for anew at once, on top of what was read; should it be done late, that one is refused.
            self.asked_in_vain = true;
            self.give_up_switching("the register does not answer");
            self.unreadable_since.get_or_insert(self.now);
            if self.settings.flaws.trust_unconfirmed
                && let Some((asked, _)) = self.asked.take()
            {
                self.register = Known::Set(asked);
            }
        } else {
            self.asked = None;
            self.register = Known::Nothing;
        }
    }

    /// The last value that an earlier life of this front end has read, when the register does not answer.
    pub(crate) fn remember(&mut self, configuration: Configuration) {
        if self.settings.shared && matches!(self.register, Known::Nothing) {
            self.unreadable_since.get_or_insert(self.now);
            self.register = Known::Set(configuration);
            self.members.values_mut().for_each(|watch| watch.probe_again(self.now));
        }
    }

    /// A member has shown a configuration that is newer than the known one. It was registered, or no member would have
    /// it; so while the register cannot be read, it is taken from there.
    pub(crate) fn shown(&mut self, newer: Configuration) {
        if !self.settings.shared {
            return;
        }
        if self.unreadable_since.is_none() {
            if self.wanted_version < newer.version {
                self.wanted_version = newer.version;
                self.out.push(Action::ReadRegister);
            }
        } else if newer.cluster == self.settings.cluster && !matches!(self.register, Known::Unset) {
            self.register = Known::Set(newer);
            self.members.values_mut().for_each(|watch| watch.probe_again(self.now));
        }
    }

    /// Keeps the time since when a member knows more than the register.
    pub(crate) fn note_behind(&mut self, behind: bool) {
        if behind {
            self.behind_since.get_or_insert(self.now);
        } else {
            self.behind_since = None;
        }
    }

    /// Whether a register that knows less than a member may just not have been read yet.
    pub(crate) fn may_catch_up(&self) -> bool {
        self.settings.shared && self.behind_since.is_none_or(|since| self.now < since + CATCHING_UP_MS)
    }
}
