//! Planned switchovers, and the operator's word.

use std::collections::BTreeSet;

use crate::configuration::Configuration;
use crate::frame::{Body, Frame, Handoff};
use crate::monitor::view::{Change, Hold};
use crate::monitor::{Action, Failure, Known, Monitor};
use crate::name::{Epoch, MemberName};

/// A planned switchover under way.
#[derive(Debug)]
pub(crate) struct Switching {
    pub(crate) from: MemberName,
    pub(crate) to: MemberName,
    pub(crate) epoch: Epoch,
    ticket: u64,
    since: u64,
}

impl Monitor {
    /// An operator wants `to` to be primary.
    pub(crate) fn switch_over(&mut self, to: MemberName) {
        let Some(configuration) = self.configuration().cloned() else {
            return self.decline(to, "the register is not set");
        };
        let timings = self.settings.timings;
        let fit = self.members.get(&to).is_some_and(|watch| watch.is_fit(&configuration, &timings, self.now));
        if self.unreadable_since.is_some() {
            self.decline(to, "the register does not answer");
        } else if configuration.primary == to {
            self.decline(to, "it is primary already");
        } else if self.switching.is_some() || self.asked.is_some() {
            self.decline(to, "another change is under way");
        } else if !configuration.in_sync.contains(&to) {
            self.decline(to, "it does not have everything (not in the in-sync set)");
        } else if self.is_maintained(&to) {
            self.decline(to, "it is held back for maintenance");
        } else if !fit {
            self.decline(to, "it does not answer");
        } else {
            self.begin_switchover(&configuration, to);
        }
    }

    pub(crate) fn begin_switchover(&mut self, configuration: &Configuration, to: MemberName) {
        let from = configuration.primary.clone();
        let ticket = self.ticket();
        self.tell(Change::SwitchoverBegins { from: from.clone(), to: to.clone() });
        let frame = self.frame(Body::Handoff(Handoff { target: to.clone(), epoch: configuration.epoch }));
        self.out.push(Action::Handoff { member: from.clone(), ticket, frame });
        self.switching = Some(Switching { from, to, epoch: configuration.epoch, ticket, since: self.now });
    }

    /// The primary says that `to` has everything, or that it cannot be done.
    pub(crate) fn handoff_answered(&mut self, ticket: u64, result: Result<Frame, Failure>) {
        let Some(switching) = self.switching.as_ref().filter(|switching| switching.ticket == ticket) else {
            return;
        };
        let position = match result.map(|frame| frame.body) {
            Ok(Some(Body::HandedOver(position))) => position,
            Ok(Some(Body::Denied(denial))) => return self.give_up_switching(&denial.to_string()),
            Ok(_) => return self.give_up_switching("unusable answer"),
            Err(failure) => return self.give_up_switching(&failure.to_string()),
        };
        let (from, to) = (switching.from.clone(), switching.to.clone());
        let Some(configuration) = self.configuration() else {
            return self.give_up_switching("the register cannot be read");
        };
        if configuration.epoch != switching.epoch || !configuration.in_sync.contains(&to) {
            return self.give_up_switching("it has left the in-sync set");
        }
        let next = configuration.succeeded_by(to.clone(), configuration.in_sync.clone());
        let change = Change::Switchover { from, to, epoch: next.epoch, position };
        self.ask(next, change);
    }

    pub(crate) fn give_up_switching(&mut self, why: &str) {
        if let Some(switching) = self.switching.take() {
            self.switch_after = self.now + self.settings.timings.switchover_retry_ms;
            self.tell(Change::SwitchoverFailed { to: switching.to, why: why.to_owned() });
        }
    }

    /// Ends a switchover that takes too long, or whose epoch is over.
    pub(crate) fn check_switching(&mut self) {
        let Some(switching) = &self.switching else { return };
        let epoch = self.configuration().map(|configuration| configuration.epoch);
        if epoch != Some(switching.epoch) {
            self.give_up_switching("the epoch is over");
        } else if self.asked.is_none() && self.now >= switching.since + 2 * self.settings.timings.handoff_ms {
            self.give_up_switching("no answer");
        }
    }

    /// An operator wants `to` to be primary at any price.
    pub(crate) fn force(&mut self, to: MemberName) {
        if !self.members.contains_key(&to) {
            return self.decline(to, "no such member");
        }
        if matches!(self.register, Known::Nothing) || self.unreadable_since.is_some() {
            return self.decline(to, "the register cannot be written");
        }
        // Past everything that anyone may have on disk.
        let registered = self.configuration().map_or((0, Epoch::NONE), |value| (value.version, value.epoch));
        let shown = self.members.values().filter_map(|watch| watch.newer.as_ref());
        let (version, epoch) = shown
            .map(|value| (value.version, value.epoch))
            .fold(registered, |most, value| (most.0.max(value.0), most.1.max(value.1)));
        let next = Configuration {
            cluster: self.settings.cluster.clone(),
            version: version + 1,
            epoch: epoch.next(),
            primary: to.clone(),
            in_sync: BTreeSet::from([to.clone()]),
            forced: true,
        };
        self.asked = None;
        let change = Change::Forced { to, epoch: next.epoch };
        self.ask(next, change);
    }

    fn decline(&mut self, to: MemberName, why: &str) {
        self.tell(Change::Declined { to, why: why.to_owned() });
    }

    /// Asks the register for `next`.
    pub(crate) fn ask(&mut self, next: Configuration, change: Change) {
        let expected_version = self.configuration().map_or(0, |configuration| configuration.version);
        self.out.push(Action::CompareAndSet { expected_version, configuration: next.clone() });
        self.asked = Some((next, change));
        self.asked_at = self.now;
        self.asked_in_vain = false;
    }

    pub(crate) fn switching_hold(&self) -> Option<Hold> {
        self.switching.as_ref().map(|switching| Hold::Switching(switching.to.clone()))
    }
}
