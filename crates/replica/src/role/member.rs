//! [`Member`]: which of the roles it is in, and what leads from one to the other.

use std::collections::BTreeMap;

use crate::configuration::{Configuration, Membership};
use crate::frame::{Body, Denial, Frame, VERSION};
use crate::position::Position;
use crate::report::{Fault, Report, Role};
use crate::role::core::Core;
use crate::role::follow::Follow;
use crate::role::reign::Reign;
use crate::role::tail::Tail;
use crate::role::{Action, Event, Notice, Origin, Proposed, Refusal, RegisterOutcome, Restored, Settings};

/// One member of the estate.
#[derive(Debug)]
pub struct Member {
    core: Core,
    follow: Follow,
    reign: Option<Reign>,
    renewal: Option<Renewal>,
    /// Answers to the front end that wait until this primary is ready.
    held: Vec<Held>,
    /// The role last announced.
    announced: Role,
    told_disk_lost: bool,
}

/// Asking the register for the next epoch, after a restart.
#[derive(Debug)]
struct Renewal {
    ticket: u64,
    configuration: Configuration,
    since: u64,
}

#[derive(Debug)]
struct Held {
    reply: u64,
    until: u64,
}

impl Member {
    /// A member that has just started, with what its disk held.
    pub fn new(settings: Settings, restored: Restored) -> Member {
        let tail = Tail::new(restored.base, restored.entries);
        let committed = restored.applied.clamp(tail.base().index, tail.last().index);
        let mut core = Core::new(settings, restored.membership, tail, committed);
        let max_bytes = core.settings.timings.tail_bytes;
        core.tail.trim(max_bytes, committed);
        let mut member = Member {
            core,
            follow: Follow::default(),
            reign: None,
            renewal: None,
            held: Vec::new(),
            announced: Role::Joining,
            told_disk_lost: false,
        };
        member.announced = member.role();
        member
    }

    /// Lets `event` happen at `now` (ms of a monotonic clock); gives what is to be done, in order.
    pub fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        match event {
            Event::Tick => self.tick(now),
            Event::Propose(all) => self.propose(all, now),
            Event::Flushed { up_to } => self.flushed(up_to, now),
            Event::LogFailed { fault, kept } => self.log_failed(fault, kept),
            Event::LogRecovered => {
                if self.core.fault.take().is_some() {
                    self.core.tell(Notice::Recovered);
                }
            }
            Event::FrameReceived { from, frame, reply } => self.frame_received(from, frame, reply, now),
            Event::FrameAnswered { to, ticket, result } => {
                if let Some(reign) = &mut self.reign
                    && let Some(newer) = reign.answered(&mut self.core, &to, ticket, result, now)
                    && newer.primary != *self.core.name()
                {
                    self.follow(newer);
                }
            }
            Event::RegisterAnswered { ticket, outcome } => self.register_answered(ticket, outcome, now),
            Event::SnapshotTaken { to, position, length } => match &mut self.reign {
                Some(reign) => reign.snapshot_taken(&mut self.core, &to, position, length, now),
                None => self.core.act(Action::DropSnapshot { to }),
            },
            Event::SnapshotFailed { to } => {
                if let Some(reign) = &mut self.reign {
                    reign.snapshot_failed(&mut self.core, &to, now);
                }
            }
            Event::SnapshotLoaded { position } => self.follow.snapshot_loaded(&mut self.core, position),
            Event::SnapshotUnusable => self.follow.snapshot_unusable(&mut self.core),
        }
        self.announce(now);
        std::mem::take(&mut self.core.out)
    }

    /// When the next `Event::Tick` is wanted at the latest (ms of the clock given to `step`); `u64::MAX`: not at all.
    pub fn wake_at(&self) -> u64 {
        let reign = self.reign.as_ref().map(|reign| reign.wake_at(&self.core));
        let renewal =
            self.renewal.as_ref().map(|renewal| renewal.since + self.core.settings.timings.register_ms);
        let held = self.held.iter().map(|held| held.until);
        held.chain(reign).chain(renewal).min().unwrap_or(u64::MAX)
    }

    /// What it is doing.
    pub fn role(&self) -> Role {
        if self.core.fault.is_some() {
            return Role::Faulted;
        }
        if let Some(reign) = &self.reign {
            return reign.role();
        }
        match &self.core.membership.configuration {
            _ if self.renewal.is_some() => Role::Starting,
            _ if !self.core.membership.joined => Role::Joining,
            Some(configuration) if configuration.primary == *self.core.name() => Role::Starting,
            Some(_) => Role::Standby,
            None => Role::Joining,
        }
    }

    /// What is on its disk besides the log.
    pub fn membership(&self) -> &Membership {
        &self.core.membership
    }

    /// Epoch in which this member acts as primary now: the only one in which a request to write may be carried out.
    pub fn acting_epoch(&self) -> Option<crate::name::Epoch> {
        let reign = self.reign.as_ref().filter(|reign| reign.role() == Role::Primary)?;
        self.core.fault.is_none().then(|| reign.roster.registered().epoch)
    }

    /// The newest kind of entry that may be proposed now: every member that must be able to apply it says that it can.
    /// A member of an older build would stop at an entry that it does not know.
    pub fn agreed_level(&self) -> u16 {
        self.reign.as_ref().map_or(self.core.settings.level, |reign| reign.agreed_level(&self.core))
    }

    /// Whether clients may read here (CA certificate, CRL, certificates): it acts as primary, or follows one as a
    /// member of the in-sync set and has heard from it within `Timings::silence_ms`. What a standby shows may be some
    /// tens of ms old (`Timings::commit_news_ms`).
    pub fn may_serve_reads(&self, now: u64) -> bool {
        if let Some(reign) = &self.reign {
            return reign.acting;
        }
        let counted_on = match &self.core.membership.configuration {
            Some(configuration) => configuration.in_sync.contains(self.core.name()),
            None => false,
        };
        let recent =
            self.follow.heard_at.is_some_and(|heard| now < heard + self.core.settings.timings.silence_ms);
        counted_on && recent && self.core.membership.joined && self.core.fault.is_none()
    }

    /// Its account of itself.
    pub fn report(&self, now: u64) -> Report {
        let mut matched = BTreeMap::new();
        let mut stalled_ms = 0;
        if let Some(reign) = &self.reign {
            stalled_ms = reign.stalled_ms(now);
            for (peer, session) in &reign.sessions {
                if let Some(position) = session.matched {
                    matched.insert(peer.clone(), position);
                }
            }
        } else if let Some(renewal) = &self.renewal {
            stalled_ms = now.saturating_sub(renewal.since);
        }
        Report {
            name: self.core.name().clone(),
            role: self.role(),
            configuration: self.core.membership.configuration.clone(),
            position: self.core.flushed,
            committed: self.core.committed,
            joined: self.core.membership.joined,
            fault: self.core.fault,
            stalled_ms,
            matched,
            level: self.core.settings.level,
        }
    }

    fn tick(&mut self, now: u64) {
        if let Some(reign) = &mut self.reign {
            reign.tick(&mut self.core, now);
        }
        let limit = self.core.settings.timings.register_ms;
        self.renewal = self.renewal.take().filter(|renewal| now < renewal.since + limit);
    }

    fn propose(&mut self, all: Vec<Proposed>, now: u64) {
        if let Some(reign) = &mut self.reign {
            reign.propose(&mut self.core, all, now);
            return;
        }
        let named =
            self.core.membership.configuration.as_ref().map(|configuration| configuration.primary.clone());
        let reason = if named.as_ref() == Some(self.core.name()) {
            Refusal::Starting
        } else {
            Refusal::NotPrimary { primary: named }
        };
        for Proposed { ticket, .. } in all {
            self.core.act(Action::Refused { ticket, reason: reason.clone() });
        }
    }

    fn flushed(&mut self, up_to: Position, now: u64) {
        if !self.core.note_flushed(up_to) {
            return;
        }
        match &mut self.reign {
            Some(reign) => reign.advance(&mut self.core, now),
            None => self.follow.answer_flushed(&mut self.core),
        }
    }

    /// The disk says no: memory goes back to what the disk has, and this member stands aside. A primary's epoch ends
    /// with that, because standbys may have entries of it that are lost here.
    fn log_failed(&mut self, fault: Fault, kept: Position) {
        self.core.fault = Some(fault);
        if self.core.tail.last().index > kept.index {
            // The log on disk ends there already; whoever mirrors it (entries waiting to be applied) must follow.
            self.core.truncate(kept);
        }
        self.core.tell(Notice::Faulted { fault });
        self.follow.disk_failed(&mut self.core);
        self.renewal = None;
        if let Some(reign) = self.reign.take() {
            reign.end(&mut self.core, Refusal::OutcomeUnknown);
        }
    }

    fn frame_received(&mut self, from: Origin, frame: Frame, reply: u64, now: u64) {
        if frame.cluster != self.core.settings.cluster {
            let denial = Denial::OtherCluster(self.core.settings.cluster.clone());
            return self.core.deny(reply, denial);
        }
        if !frame.readable() {
            return self.core.deny(reply, Denial::Version(VERSION));
        }
        let Some(body) = frame.body else {
            return self.core.deny(reply, Denial::Unsupported);
        };
        match (from, body) {
            (Origin::FrontEnd, Body::Configure(configure)) => {
                self.configure(configure.configuration, reply, now)
            }
            (Origin::FrontEnd, Body::Handoff(wanted)) => match &mut self.reign {
                Some(reign) => reign.hand_over(&mut self.core, wanted, reply, now),
                None if wanted.epoch < self.core.epoch() => self.core.stale(reply),
                None => self.core.deny(reply, Denial::Busy),
            },
            (Origin::Member(member), Body::Append(append)) => {
                let entitled = append.configuration.primary == member && frame.sender == member;
                if self.submit(&append.configuration, entitled, reply) {
                    self.follow.append(&mut self.core, append, reply, now);
                }
            }
            (Origin::Member(member), Body::Snapshot(part)) => {
                let entitled = part.configuration.primary == member && frame.sender == member;
                if self.submit(&part.configuration, entitled, reply) {
                    self.follow.snapshot(&mut self.core, part, reply, now);
                }
            }
            _ => self.core.deny(reply, Denial::NotAllowed),
        }
    }

    /// Whether the sender of a frame in `configuration` is this member's primary; learns a newer configuration from
    /// it, refuses an older one.
    fn submit(&mut self, configuration: &Configuration, entitled: bool, reply: u64) -> bool {
        let known = self.core.membership.configuration.as_ref();
        let unchecked = self.core.settings.flaws.no_epoch_check;
        if configuration.epoch < self.core.epoch() && !unchecked {
            self.core.stale(reply);
            return false;
        }
        let contradicts = known.is_some_and(|known| {
            known.epoch == configuration.epoch && known.primary != configuration.primary
        });
        if !entitled || contradicts || configuration.primary == *self.core.name() {
            self.core.deny(reply, Denial::NotAllowed);
            return false;
        }
        if configuration.is_newer_than(known) && configuration.epoch >= self.core.epoch() {
            self.follow(configuration.clone());
        }
        true
    }

    /// The front end says what the register holds.
    fn configure(&mut self, configuration: Option<Configuration>, reply: u64, now: u64) {
        if let Some(configuration) = configuration {
            if configuration.cluster != self.core.settings.cluster || configuration.epoch < self.core.epoch()
            {
                return self.core.stale(reply);
            }
            self.learn(configuration, now);
        }
        let until = now + self.core.settings.timings.start_answer_ms;
        self.held.push(Held { reply, until });
    }

    /// Learns what the register holds, from the front end or from the register itself.
    fn learn(&mut self, configuration: Configuration, now: u64) {
        let me = self.core.name().clone();
        if configuration.version < self.core.membership.version() || configuration.epoch < self.core.epoch() {
            return;
        }
        if configuration.primary != me {
            if configuration.is_newer_than(self.core.membership.configuration.as_ref()) {
                self.follow(configuration);
            }
            return;
        }
        if let Some(reign) = &mut self.reign
            && reign.roster.registered().epoch == configuration.epoch
        {
            reign.registered(&mut self.core, configuration, now);
            return;
        }
        if !self.may_lead(&configuration) {
            return;
        }
        if configuration.epoch > self.core.epoch() || self.core.settings.flaws.same_epoch_after_restart {
            self.lead(configuration, now);
        } else if self.renewal.is_none() {
            let next = configuration.succeeded_by(me, configuration.in_sync.clone());
            let ticket = self.core.ticket();
            self.renewal = Some(Renewal { ticket, configuration: next.clone(), since: now });
            self.core.act(Action::CompareAndSet {
                ticket,
                expected_version: configuration.version,
                configuration: next,
            });
        }
    }

    /// Whether this disk may be the base of a reign.
    fn may_lead(&mut self, configuration: &Configuration) -> bool {
        let core = &mut self.core;
        let first_start = configuration.version == 1 && core.membership.configuration.is_none();
        let complete = core.membership.joined
            || first_start
            || configuration.forced
            || core.settings.flaws.trust_lost_disk;
        let has_log = core.tail.last() != Position::ZERO || core.settings.flaws.trust_lost_disk;
        let whole = complete && has_log;
        if !whole && !self.told_disk_lost {
            self.told_disk_lost = true;
            core.tell(Notice::DiskLost);
        }
        whole
            && core.fault.is_none()
            && !self.follow.is_loading()
            && core.tail.last().epoch <= configuration.epoch
    }

    fn register_answered(&mut self, ticket: u64, outcome: RegisterOutcome, now: u64) {
        if self.renewal.as_ref().is_some_and(|renewal| renewal.ticket == ticket) {
            let renewal = self.renewal.take();
            match (outcome, renewal) {
                (RegisterOutcome::Set, Some(renewal)) => self.learn(renewal.configuration, now),
                (RegisterOutcome::Refused(Some(current)), _) => self.learn(current, now),
                _ => {}
            }
        } else if let Some(reign) = &mut self.reign
            && let Some(newer) = reign.register_answered(&mut self.core, ticket, outcome, now)
        {
            self.learn(newer, now);
        }
    }

    /// Begins a reign.
    fn lead(&mut self, configuration: Configuration, now: u64) {
        self.renewal = None;
        if let Some(reign) = self.reign.take() {
            reign.end(&mut self.core, Refusal::Deposed { by: configuration.clone() });
        }
        let reign = Reign::begin(&mut self.core, configuration, now);
        self.follow.epoch_over(&mut self.core);
        self.reign = Some(reign);
    }

    /// Follows the primary of `configuration`, which is newer than what is on disk.
    fn follow(&mut self, configuration: Configuration) {
        let before = self.core.epoch();
        let (epoch, primary) = (configuration.epoch, configuration.primary.clone());
        let joined = self.core.membership.joined;
        self.renewal = None;
        self.core.persist(configuration.clone(), joined);
        if let Some(reign) = self.reign.take() {
            let outstanding = reign.end(&mut self.core, Refusal::Deposed { by: configuration });
            self.core.tell(Notice::Deposed { epoch, primary, outstanding });
        } else if epoch > before {
            self.core.tell(Notice::Epoch { epoch, primary });
        }
        if epoch > before {
            self.follow.epoch_over(&mut self.core);
        }
    }

    /// Says what changed in this step: the role to the state machine, the report to a front end that waits for it.
    fn announce(&mut self, now: u64) {
        let role = self.role();
        if role != self.announced {
            self.announced = role;
            self.core.act(Action::RoleChanged { role });
        }
        if self.held.is_empty() {
            return;
        }
        for held in std::mem::take(&mut self.held) {
            if role == Role::Starting && now < held.until {
                self.held.push(held);
            } else {
                let report = self.report(now);
                self.core.reply(held.reply, Body::Report(report));
            }
        }
    }
}
