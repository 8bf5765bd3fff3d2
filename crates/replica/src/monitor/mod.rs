//! The front end's brain: who is up, who is primary, who should be. Pure: events in, actions out.
//!
//! It alone moves the epoch, because only here is known whether the clients' way in reaches the primary. What it may
//! do is bounded by the register's law ([`crate::register::admissible`]); a wrong guess here costs a moment of service,
//! never an acknowledged change.
//!
//! - The primary's port refuses, or there is no route (seen by a probe or by a client's request): another member of the
//!   in-sync set takes over at once. Silence and resets must repeat first, but where the network has said on an open
//!   connection that there is no way, a short silence will do (such answers are rationed: see [`Event::Warned`]). The
//!   successor must have answered a probe
//!   sent *after* the primary was found down: an older answer may come from a process, or a disk, that is gone as well.
//! - A primary that answers but cannot write, has lost its disk, or acknowledges nothing for long is replaced too.
//! - Nobody left who has everything and answers: hold, say so, wait. Never guess.
//! - The preferred member, once it has been back in the in-sync set for a while, gets the reign back by a planned
//!   switchover: the primary stops admitting and confirms the last entry before the register changes.
//! - A register that was never set is set to the preferred member alone, unless any member shows that it has lived
//!   under a register before: then the register was lost, and only an operator may say what is true.

mod decide;
mod event;
mod force;
mod handover;
mod lag;
mod settings;
mod sight;
mod view;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use crate::configuration::Configuration;
use crate::frame::{Body, Configure, Frame};
use crate::monitor::handover::Switching;
use crate::monitor::lag::Advance;
use crate::monitor::watch::{Probe, Watch};
use crate::name::{Epoch, MemberName};

pub use event::{Action, Event, Failure};
pub use force::{ForcePlan, ForceRefusal, Lacking};
pub use settings::{Failback, Settings, Timings};
pub use sight::Sight;
pub use view::{Cause, Change, Hold, LastChange, MemberState, MemberView, View};

/// A shared register has so long to do what it was asked; if it does not show by then, it is asked anew.
const ASKED_MS: u64 = 3_000;

/// The front end's view of the CA members.
#[derive(Debug)]
pub struct Monitor {
    settings: Settings,
    started: u64,
    /// When the last event happened.
    now: u64,
    members: BTreeMap<MemberName, Watch>,
    register: Known,
    /// The primary is down: in which epoch that was found, and the last probe sent before. Whoever is to take over
    /// must have answered a later one, so that nobody is promoted who is gone already (or back without its disk).
    doubt: Option<(Epoch, u64)>,
    /// A change that has been asked for, and what to say once it is made.
    asked: Option<(Configuration, Change)>,
    asked_at: u64,
    /// A shared register has been silent since: what was asked for is over, done or not, and the next reading tells.
    asked_in_vain: bool,
    /// Other live front ends.
    others: BTreeMap<MemberName, Sight>,
    /// The own sight that was last given out.
    published: Option<Sight>,
    /// Since when a shared register does not answer; the value known is the last one.
    unreadable_since: Option<u64>,
    /// Since when this front end alone does not reach the primary.
    overruled_since: Option<u64>,
    /// Since when a member knows more than the register.
    behind_since: Option<u64>,
    /// The newest version that a shared register was read again for.
    wanted_version: u64,
    switching: Option<Switching>,
    /// Under maintenance: not given the reign back by itself.
    maintained: BTreeSet<MemberName>,
    /// How far the primary's log was, and when.
    advance: Advance,
    /// No switchover is begun before.
    switch_after: u64,
    last_change: Option<LastChange>,
    /// Epoch whose primary has been announced as active.
    announced: Epoch,
    told_hold: Option<Hold>,
    next_ticket: u64,
    out: Vec<Action>,
}

/// What is known of the register.
#[derive(Debug)]
enum Known {
    /// Not read yet, or not readable.
    Nothing,
    /// Never set.
    Unset,
    /// Its value.
    Set(Configuration),
}

impl Monitor {
    /// Goes by other times from now on. What has been seen, and what is under way, stays.
    pub fn retune(&mut self, failback: Failback, timings: Timings) {
        self.settings.failback = failback;
        self.settings.timings = timings;
        for watch in self.members.values_mut() {
            watch.next_probe = watch.next_probe.min(self.now + timings.probe_interval_ms);
        }
    }

    /// A monitor that knows nothing yet. `now`: ms of a monotonic clock.
    pub fn new(settings: Settings, now: u64) -> Monitor {
        let watch = |name: &MemberName| (name.clone(), Watch::from(now));
        Monitor {
            members: settings.members.iter().map(watch).collect(),
            settings,
            started: now,
            now,
            register: Known::Nothing,
            doubt: None,
            asked: None,
            asked_at: 0,
            asked_in_vain: false,
            others: BTreeMap::new(),
            published: None,
            unreadable_since: None,
            overruled_since: None,
            behind_since: None,
            wanted_version: 0,
            switching: None,
            maintained: BTreeSet::new(),
            advance: Advance::default(),
            switch_after: 0,
            last_change: None,
            announced: Epoch::NONE,
            told_hold: None,
            next_ticket: 0,
            out: Vec::new(),
        }
    }

    /// Lets `event` happen at `now` (ms of a monotonic clock); gives what is to be done, in order.
    pub fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Tick => {}
            Event::Register(value) => self.register_read(value),
            Event::RegisterUnavailable => self.register_unavailable(),
            Event::Sights(sights) => self.sights(sights),
            Event::Remembered(configuration) => self.remember(configuration),
            Event::Probed { member, ticket, result } => self.probed(&member, ticket, result),
            Event::ConnectFailed { member, failure } => self.connect_failed(&member, failure),
            Event::Warned { member } => self.warned(&member),
            Event::Disowned { member, epoch } => self.disowned(&member, epoch),
            Event::HandoffAnswered { ticket, result, .. } => self.handoff_answered(ticket, result),
            Event::Switchover { to } => self.switch_over(to),
            Event::Maintain { members } => self.maintained = members,
            Event::Force { to } => self.force(to),
        }
        for watch in self.members.values_mut() {
            watch.believe_warning(&self.settings.timings, now);
        }
        self.decide();
        self.publish();
        self.send_probes();
        std::mem::take(&mut self.out)
    }

    /// When the next `Event::Tick` is wanted at the latest (ms of the clock given to `step`).
    pub fn wake_at(&self) -> u64 {
        let timings = &self.settings.timings;
        let due = self.members.values().map(|watch| {
            let probe = match &watch.probe {
                Some(probe) => probe.since + 2 * timings.probe_timeout_ms,
                None => watch.next_probe,
            };
            watch.warned_until(timings).map_or(probe, |until| probe.min(until))
        });
        let detour = self.overruled_since.map(|since| since + timings.detour_ms).filter(|at| *at > self.now);
        due.chain(detour).min().unwrap_or(u64::MAX).min(self.now + timings.probe_interval_ms)
    }

    fn configuration(&self) -> Option<&Configuration> {
        match &self.register {
            Known::Set(configuration) => Some(configuration),
            Known::Nothing | Known::Unset => None,
        }
    }

    fn tell(&mut self, change: Change) {
        self.out.push(Action::Tell(change));
    }

    fn last_ticket(&self) -> u64 {
        self.next_ticket
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn frame(&self, body: Body) -> Frame {
        let epoch = self.configuration().map_or(Epoch::NONE, |configuration| configuration.epoch);
        Frame::new(self.settings.cluster.clone(), epoch, self.settings.name.clone(), body)
    }

    fn register_read(&mut self, value: Option<Configuration>) {
        let (shared, now, asked_at) = (self.settings.shared, self.now, self.asked_at);
        let in_vain = std::mem::take(&mut self.asked_in_vain);
        let version = value.as_ref().map_or(0, |value| value.version);
        self.unreadable_since = None;
        let changed = match (&self.register, &value) {
            (Known::Set(known), Some(value)) => known != value,
            (Known::Unset, None) => false,
            _ => true,
        };
        if let Some((asked, change)) = self.asked.take_if(|(asked, _)| {
            // Read before what was asked for was done, perhaps: it may still come.
            !shared || in_vain || version >= asked.version || now >= asked_at + ASKED_MS
        }) {
            if value.as_ref() == Some(&asked) {
                self.last_change = Some(LastChange {
                    what: change.to_string(),
                    kind: change.kind(),
                    epoch: asked.epoch,
                    decided_ms: self.now,
                    ready_ms: None,
                });
                self.tell(change);
                self.switching = None;
            } else {
                self.give_up_switching("the register was changed by another hand");
            }
        }
        if let (Some(before), Some(after)) = (self.configuration(), &value)
            && before.epoch != after.epoch
        {
            for watch in self.members.values_mut() {
                watch.unready_since = None;
            }
        }
        self.register = value.map_or(Known::Unset, Known::Set);
        if changed {
            // Everybody hears it now, whatever is still under way.
            for watch in self.members.values_mut() {
                watch.probe_again(self.now);
            }
        }
    }

    fn probed(&mut self, member: &MemberName, ticket: u64, result: Result<Frame, Failure>) {
        let timings = self.settings.timings;
        let known = self.configuration().map_or(0, |configuration| configuration.version);
        let primary = self.configuration().map(|configuration| configuration.primary.clone());
        let cluster = self.settings.cluster.clone();
        let Some(watch) = self.members.get_mut(member) else { return };
        let Some(probe) = watch.probe.take_if(|probe| probe.ticket == ticket) else { return };
        let body = match result {
            Ok(frame) if frame.cluster == cluster && frame.sender == *member => {
                frame.body.ok_or(Failure::Unusable)
            }
            Ok(_) => Err(Failure::Unusable),
            Err(failure) => Err(failure),
        };
        let own = match body {
            Ok(Body::Report(report)) => {
                let own = report.configuration.clone();
                if report.is_ready() && primary.as_ref() == Some(member) {
                    self.advance.note(self.now, report.position.index);
                }
                watch.answered(report, &probe, self.now);
                own
            }
            Ok(Body::Stale(configuration)) => {
                watch.spoke(&probe);
                watch.report = None;
                Some(configuration)
            }
            Ok(_) => return self.doubt(member, Failure::Unusable),
            Err(failure) => return self.doubt(member, failure),
        };
        watch.newer = own.filter(|own| own.version > known);
        watch.next_probe = watch.next_probe.min(self.now + timings.probe_interval_ms);
        if let Some(newer) = watch.newer.clone() {
            self.shown(newer);
        }
    }

    /// A probe of `member` failed.
    fn doubt(&mut self, member: &MemberName, failure: Failure) {
        let timings = self.settings.timings;
        if let Some(watch) = self.members.get_mut(member) {
            watch.failed(failure, &timings);
            if !watch.is_lost(&timings) {
                watch.next_probe = self.now;
            }
        }
    }

    fn connect_failed(&mut self, member: &MemberName, failure: Failure) {
        match failure {
            Failure::Refused | Failure::Unreachable => self.doubt(member, failure),
            // A client's connection may have been slow for reasons of its own: look.
            _ => {
                if let Some(watch) = self.members.get_mut(member) {
                    watch.next_probe = self.now;
                }
            }
        }
    }

    fn warned(&mut self, member: &MemberName) {
        let (now, before, timings) = (self.now, self.last_ticket(), self.settings.timings);
        // Several connections say the same; the first word counts.
        if let Some(watch) = self.members.get_mut(member)
            && !watch.is_warned()
            && !watch.is_lost(&timings)
        {
            watch.warn(now, before);
        }
    }

    fn disowned(&mut self, member: &MemberName, epoch: Epoch) {
        let current = self.configuration().is_some_and(|configuration| configuration.epoch == epoch);
        if let Some(watch) = self.members.get_mut(member).filter(|_| current) {
            watch.report = None;
            watch.probe_again(self.now);
        }
    }

    fn send_probes(&mut self) {
        let timings = self.settings.timings;
        let mut due: Vec<MemberName> = Vec::new();
        for (name, watch) in &mut self.members {
            if watch
                .probe
                .as_ref()
                .is_some_and(|probe| self.now >= probe.since + 2 * timings.probe_timeout_ms)
            {
                watch.probe = None;
            }
            if watch.probe.is_none() && self.now >= watch.next_probe {
                due.push(name.clone());
            }
        }
        // The primary first: requests are waiting for it.
        let primary = self.configuration().map(|configuration| configuration.primary.clone());
        due.sort_by_key(|name| Some(name) != primary.as_ref());
        for member in due {
            let configuration = self.configuration().cloned();
            let version = configuration.as_ref().map_or(0, |configuration| configuration.version);
            let frame = self.frame(Body::Configure(Configure { configuration }));
            let ticket = self.ticket();
            if let Some(watch) = self.members.get_mut(&member) {
                watch.probe = Some(Probe { ticket, since: self.now, version });
                watch.next_probe = self.now + timings.probe_interval_ms;
            }
            self.out.push(Action::Probe { member, ticket, frame });
        }
    }
}
