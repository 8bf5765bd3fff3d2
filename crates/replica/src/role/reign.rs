//! Being primary: from the registration of an epoch to its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::configuration::Configuration;
use crate::frame::{Body, Denial, Handoff};
use crate::name::MemberName;
use crate::position::{Entry, Position};
use crate::report::Role;
use crate::role::core::Core;
use crate::role::roster::Roster;
use crate::role::session::{Feed, Session};
use crate::role::{Action, Notice, Proposed, Refusal};

/// A primary's state. One value lives exactly as long as one epoch in one process life.
#[derive(Debug)]
pub(crate) struct Reign {
    pub(crate) roster: Roster,
    pub(crate) sessions: BTreeMap<MemberName, Session>,
    /// First entry of this epoch.
    pub(crate) marker: Position,
    /// The marker is final: decisions may be made.
    pub(crate) acting: bool,
    started: u64,
    proposals: VecDeque<Proposal>,
    handing: Option<Handing>,
}

#[derive(Debug)]
struct Proposal {
    ticket: u64,
    position: Position,
    since: u64,
}

/// A planned switchover, seen from the primary.
#[derive(Debug)]
struct Handing {
    target: MemberName,
    /// The front end's open request; none once it is answered.
    reply: Option<u64>,
    /// When this primary takes work again if nobody has followed it. Safe at any time: the target is a guarantor.
    until: u64,
}

impl Reign {
    /// Begins the epoch of `configuration`, in which this member is primary.
    pub(crate) fn begin(core: &mut Core, configuration: Configuration, now: u64) -> Reign {
        core.persist(configuration.clone(), true);
        let before = core.tail.last();
        let marker = Entry::after(&before, configuration.epoch, Vec::new());
        let marker_position = marker.position;
        core.append(vec![marker]);
        let peers: BTreeSet<MemberName> = core
            .settings
            .peers
            .iter()
            .chain(&configuration.in_sync)
            .filter(|peer| *peer != core.name())
            .cloned()
            .collect();
        let sessions = peers.into_iter().map(|peer| (peer, Session::new(before, now))).collect();
        let mut reign = Reign {
            roster: Roster::new(configuration),
            sessions,
            marker: marker_position,
            acting: false,
            started: now,
            proposals: VecDeque::new(),
            handing: None,
        };
        if core.settings.flaws.act_before_marker {
            reign.acting = true;
            core.committed = before.index;
            core.act(Action::Commit { up_to: before });
        }
        reign.feed_all(core, now);
        reign
    }

    pub(crate) fn role(&self) -> Role {
        match (self.acting, &self.handing) {
            (false, _) => Role::Starting,
            (true, None) => Role::Primary,
            (true, Some(_)) => Role::HandingOver,
        }
    }

    /// What this member and all that it counts on, or has heard in this reign, can apply.
    pub(crate) fn agreed_level(&self, core: &Core) -> u16 {
        let guarantors = self.roster.guarantors();
        let others = self
            .sessions
            .iter()
            .filter_map(|(peer, session)| session.level.or_else(|| guarantors.contains(peer).then_some(0)));
        others.fold(core.settings.level, u16::min)
    }

    /// Age of what is waiting longest, ms.
    pub(crate) fn stalled_ms(&self, now: u64) -> u64 {
        match self.proposals.front() {
            _ if !self.acting => now.saturating_sub(self.started),
            Some(proposal) => now.saturating_sub(proposal.since),
            None => 0,
        }
    }

    pub(crate) fn propose(&mut self, core: &mut Core, all: Vec<Proposed>, now: u64) {
        let refusal = if self.acting {
            self.handing.as_ref().map(|handing| Refusal::HandingOver { to: handing.target.clone() })
        } else {
            Some(Refusal::Starting)
        };
        let epoch = self.roster.registered().epoch;
        let mut last = core.tail.last();
        let mut entries = Vec::with_capacity(all.len());
        for Proposed { ticket, payload } in all {
            if payload.is_empty() {
                core.act(Action::Refused { ticket, reason: Refusal::Empty });
                continue;
            }
            if let Some(reason) = refusal.clone() {
                core.act(Action::Refused { ticket, reason });
                continue;
            }
            let entry = Entry::after(&last, epoch, payload);
            last = entry.position;
            self.proposals.push_back(Proposal { ticket, position: last, since: now });
            entries.push(entry);
        }
        if entries.is_empty() {
            return;
        }
        core.append(entries);
        self.feed_all(core, now);
        self.advance(core, now);
    }

    /// Commits what all guarantors have, and does what waited for that.
    pub(crate) fn advance(&mut self, core: &mut Core, now: u64) {
        let mine =
            if core.settings.flaws.primary_acks_before_flush { core.tail.last() } else { core.flushed };
        let mut common = mine.index;
        let mut most = 0;
        for peer in self.roster.guarantors() {
            if peer != core.name() {
                let matched = self.sessions.get(peer).and_then(|session| session.matched);
                let matched = matched.map_or(0, |position| position.index);
                common = common.min(matched);
                most = most.max(matched);
            }
        }
        if core.settings.flaws.confirm_with_any && most > 0 {
            common = mine.index.min(most);
        }
        if common > core.committed {
            core.commit(common, self.needed_by_snapshots());
            while self.proposals.front().is_some_and(|proposal| proposal.position.index <= common) {
                if let Some(Proposal { ticket, position, .. }) = self.proposals.pop_front() {
                    core.act(Action::Accepted { ticket, position });
                }
            }
        }
        if !self.acting && core.committed >= self.marker.index {
            self.acting = true;
            core.tell(Notice::Acting { epoch: self.roster.registered().epoch, position: self.marker });
        }
        self.finish_handoff(core, now);
    }

    /// The oldest entry that a snapshot under way still needs after it.
    fn needed_by_snapshots(&self) -> Option<u64> {
        let positions = self.sessions.values().filter_map(|session| match session.feed {
            Feed::Snapshot { position, .. } => Some(position.index),
            _ => None,
        });
        positions.min()
    }

    /// The front end asks for a planned switchover.
    pub(crate) fn hand_over(&mut self, core: &mut Core, wanted: Handoff, reply: u64, now: u64) {
        let registered = self.roster.registered();
        let fits = self.acting
            && wanted.epoch == registered.epoch
            && wanted.target != *core.name()
            && registered.in_sync.contains(&wanted.target);
        if !fits {
            core.deny(reply, Denial::Busy);
            return;
        }
        if let Some(Handing { reply: Some(earlier), .. }) = self.handing.take() {
            core.deny(earlier, Denial::Busy);
        }
        let until = now + core.settings.timings.handoff_ms;
        self.handing = Some(Handing { target: wanted.target, reply: Some(reply), until });
        self.finish_handoff(core, now);
    }

    fn finish_handoff(&mut self, core: &mut Core, now: u64) {
        let Some(handing) = &mut self.handing else { return };
        let last = core.tail.last();
        let matched = self.sessions.get(&handing.target).and_then(|session| session.matched);
        if core.committed == last.index
            && matched == Some(last)
            && let Some(reply) = handing.reply.take()
        {
            handing.until = now + core.settings.timings.handoff_ms;
            core.reply(reply, Body::HandedOver(last));
        }
    }

    pub(crate) fn tick(&mut self, core: &mut Core, now: u64) {
        let timings = core.settings.timings;
        if self.handing.as_ref().is_some_and(|handing| now >= handing.until)
            && let Some(Handing { reply: Some(reply), .. }) = self.handing.take()
        {
            core.deny(reply, Denial::Busy);
        }
        while self.proposals.front().is_some_and(|proposal| now >= proposal.since + timings.propose_ms) {
            if let Some(Proposal { ticket, .. }) = self.proposals.pop_front() {
                core.act(Action::Refused { ticket, reason: Refusal::OutcomeUnknown });
            }
        }
        for session in self.sessions.values_mut() {
            if session.in_flight.as_ref().is_some_and(|in_flight| now >= in_flight.since + timings.silence_ms)
            {
                session.in_flight = None;
            }
        }
        self.find_silent(core, now);
        self.settle(core, now);
        self.feed_all(core, now);
    }

    /// When a tick is wanted at the latest.
    pub(crate) fn wake_at(&self, core: &Core) -> u64 {
        let timings = &core.settings.timings;
        let sessions = self.sessions.iter().map(|(peer, session)| {
            session.due(timings, core.committed, self.roster.guarantors().contains(peer))
        });
        let proposal = self.proposals.front().map(|proposal| proposal.since + timings.propose_ms);
        let handing = self.handing.as_ref().map(|handing| handing.until);
        sessions.chain(proposal).chain(handing).chain(self.roster.due(timings)).min().unwrap_or(u64::MAX)
    }

    /// Ends the reign. Everything unacknowledged is refused with `reason`.
    pub(crate) fn end(mut self, core: &mut Core, reason: Refusal) -> usize {
        let outstanding = self.proposals.len();
        for proposal in self.proposals {
            core.act(Action::Refused { ticket: proposal.ticket, reason: reason.clone() });
        }
        for (peer, session) in &self.sessions {
            if session.feed != Feed::Entries {
                core.act(Action::DropSnapshot { to: peer.clone() });
            }
        }
        if let Some(reply) = self.handing.take().and_then(|handing| handing.reply) {
            core.stale(reply);
        }
        outstanding
    }
}
