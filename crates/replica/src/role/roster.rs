//! On whose disks an entry must be before it is acknowledged, and keeping the register in step with that.
//!
//! Three sets: *registered* (what the register holds, as far as known), *exposed* (all that has been asked for and may
//! still be granted, because it was asked for on top of the registered version), *guarantors*. Always
//! `registered ∪ exposed ⊆ guarantors`. A guarantor leaves only when a newer version without it is known to be
//! registered: by then every request on top of older versions is dead.

use std::collections::BTreeSet;

use crate::configuration::Configuration;
use crate::name::MemberName;
use crate::role::core::Core;
use crate::role::notice::Silence;
use crate::role::reign::Reign;
use crate::role::settings::Timings;
use crate::role::{Action, Notice, RegisterOutcome};

/// A standby further behind than this is not yet worth waiting for.
const ADMISSION_LAG: u64 = 64;

#[derive(Debug)]
pub(crate) struct Roster {
    registered: Configuration,
    exposed: BTreeSet<MemberName>,
    guarantors: BTreeSet<MemberName>,
    asked: Option<Asked>,
    /// Nothing is asked before.
    retry_at: u64,
    /// Something is to be asked when `retry_at` has come.
    wanting: bool,
}

#[derive(Debug)]
struct Asked {
    ticket: u64,
    configuration: Configuration,
    since: u64,
}

impl Roster {
    pub(crate) fn new(registered: Configuration) -> Roster {
        Roster {
            guarantors: registered.in_sync.clone(),
            registered,
            exposed: BTreeSet::new(),
            asked: None,
            retry_at: 0,
            wanting: false,
        }
    }

    pub(crate) fn registered(&self) -> &Configuration {
        &self.registered
    }

    pub(crate) fn guarantors(&self) -> &BTreeSet<MemberName> {
        &self.guarantors
    }

    /// Whether the register counts on `peer`, or may do so without this member knowing it yet.
    pub(crate) fn may_count_on(&self, peer: &MemberName) -> bool {
        self.registered.in_sync.contains(peer) || self.exposed.contains(peer)
    }

    pub(crate) fn due(&self, timings: &Timings) -> Option<u64> {
        match &self.asked {
            Some(asked) => Some(asked.since + timings.register_ms),
            None => self.wanting.then_some(self.retry_at),
        }
    }
}

impl Reign {
    /// Marks guarantors that have been silent too long, and unmarks those that speak again.
    pub(crate) fn find_silent(&mut self, core: &mut Core, now: u64) {
        let timings = core.settings.timings;
        for (peer, session) in &mut self.sessions {
            if !self.roster.guarantors.contains(peer) || session.dropping.is_some() {
                continue;
            }
            if let Some(why) = session.silence(&timings, now) {
                session.dropping = Some(why);
                core.tell(Notice::Removing { member: peer.clone(), why });
            }
        }
    }

    /// A guarantor spoke: unless its removal is already asked for, or its disk is another one, it stays.
    pub(crate) fn keep(&mut self, peer: &MemberName) {
        if self.roster.asked.as_ref().is_some_and(|asked| !asked.configuration.in_sync.contains(peer)) {
            return;
        }
        if let Some(session) = self.sessions.get_mut(peer)
            && session.dropping != Some(Silence::DiskLost)
        {
            session.dropping = None;
        }
    }

    /// Starts the admission of a standby that has nearly everything.
    pub(crate) fn consider_admission(&mut self, core: &mut Core, peer: &MemberName) {
        let last = core.tail.last().index;
        let unfinished = core.settings.flaws.admit_unfinished;
        let Some(session) = self.sessions.get_mut(peer) else { return };
        let Some(matched) = session.matched else { return };
        let close = matched.index + ADMISSION_LAG >= last || unfinished;
        if !self.acting || self.roster.guarantors.contains(peer) || session.dropping.is_some() || !close {
            return;
        }
        // What is acknowledged up to now it must have before it is registered; what comes later waits for it, because
        // it is a guarantor from here on.
        session.admission = Some(if unfinished { 0 } else { core.committed });
        session.retry_at = 0;
        if !unfinished {
            self.roster.guarantors.insert(peer.clone());
        }
        core.tell(Notice::Admitting { member: peer.clone() });
        self.persist(core);
    }

    fn persist(&self, core: &mut Core) {
        let configuration =
            Configuration { in_sync: self.roster.guarantors.clone(), ..self.roster.registered.clone() };
        core.persist(configuration, true);
    }

    /// Compares what is with what should be registered; asks the register when they differ.
    pub(crate) fn settle(&mut self, core: &mut Core, now: u64) {
        let timings = core.settings.timings;
        if self.roster.asked.as_ref().is_some_and(|asked| now >= asked.since + timings.register_ms) {
            self.roster.asked = None;
        }
        if self.roster.asked.is_some() {
            return;
        }
        self.drop_unexposed(core, now);
        let mut wanted = BTreeSet::from([core.name().clone()]);
        let mut stuck = false;
        for (peer, session) in &self.sessions {
            let registered = self.roster.registered.in_sync.contains(peer);
            let finished = session.joined
                && session
                    .admission
                    .is_some_and(|needed| session.matched.is_some_and(|matched| matched.index >= needed));
            if session.dropping.is_none() && (registered || finished) {
                wanted.insert(peer.clone());
            }
            stuck |= session.dropping.is_some() && self.roster.guarantors.contains(peer);
        }
        self.roster.wanting = stuck || wanted != self.roster.registered.in_sync;
        if !self.roster.wanting || now < self.roster.retry_at {
            return;
        }
        if core.settings.flaws.drop_without_register {
            self.roster.guarantors = wanted.clone();
        }
        self.roster.exposed.extend(wanted.iter().cloned());
        let configuration = self.roster.registered.with_in_sync(wanted);
        let ticket = core.ticket();
        let expected_version = self.roster.registered.version;
        self.roster.asked = Some(Asked { ticket, configuration: configuration.clone(), since: now });
        core.act(Action::CompareAndSet { ticket, expected_version, configuration });
        self.advance(core, now);
    }

    /// A guarantor that was never asked to be registered may go without asking.
    fn drop_unexposed(&mut self, core: &mut Core, now: u64) {
        let mut changed = false;
        for (peer, session) in &mut self.sessions {
            if session.dropping.is_some() && !self.roster.may_count_on(peer) {
                session.dropping = None;
                session.admission = None;
                changed |= self.roster.guarantors.remove(peer);
            }
        }
        if changed {
            self.persist(core);
            self.advance(core, now);
        }
    }

    /// The register answered. Gives the configuration that ends this reign, if it holds one.
    pub(crate) fn register_answered(
        &mut self,
        core: &mut Core,
        ticket: u64,
        outcome: RegisterOutcome,
        now: u64,
    ) -> Option<Configuration> {
        if self.roster.asked.as_ref().is_none_or(|asked| asked.ticket != ticket) {
            return None;
        }
        let asked = self.roster.asked.take()?;
        let current = match outcome {
            RegisterOutcome::Set => Some(asked.configuration),
            RegisterOutcome::Refused(current) => current,
            RegisterOutcome::Unknown => None,
        };
        let known = self.roster.registered.version;
        match current {
            Some(current) if current.epoch > self.roster.registered.epoch => return Some(current),
            Some(current) if current.version > known => self.registered(core, current, now),
            _ => self.roster.retry_at = now + core.settings.timings.retry_ms,
        }
        None
    }

    /// Learns what the register holds for this epoch.
    pub(crate) fn registered(&mut self, core: &mut Core, current: Configuration, now: u64) {
        let roster = &mut self.roster;
        if current.epoch != roster.registered.epoch || current.version <= roster.registered.version {
            return;
        }
        // Whatever was asked for on top of an older version is dead now.
        roster.asked = None;
        roster.exposed.clear();
        for (peer, session) in &mut self.sessions {
            let was = roster.registered.in_sync.contains(peer);
            let is = current.in_sync.contains(peer);
            if is {
                roster.guarantors.insert(peer.clone());
                session.admission = None;
            } else {
                if session.admission.is_none() || session.dropping.is_some() {
                    roster.guarantors.remove(peer);
                    session.admission = None;
                }
                session.dropping = None;
            }
            match (was, is) {
                (false, true) => core.tell(Notice::Admitted { member: peer.clone() }),
                (true, false) => core.tell(Notice::Removed { member: peer.clone() }),
                _ => {}
            }
        }
        roster.registered = current;
        self.persist(core);
        self.advance(core, now);
        self.settle(core, now);
        self.feed_all(core, now);
    }
}
