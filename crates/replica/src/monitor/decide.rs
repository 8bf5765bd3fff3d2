//! From what is known to what should be done, anew after every event.

use std::collections::BTreeSet;

use crate::configuration::Configuration;
use crate::monitor::view::{Cause, Change, Hold, MemberState, MemberView, View};
use crate::monitor::{Failback, Known, Monitor};
use crate::name::{Epoch, MemberName};

impl Monitor {
    pub(crate) fn decide(&mut self) {
        self.check_switching();
        if let Known::Set(configuration) = &self.register {
            let configuration = configuration.clone();
            self.note_states(&configuration);
            let behind = self.register_behind(&configuration).is_some();
            self.note_behind(behind);
            if self.asked.is_none() && !behind && self.unreadable_since.is_none() {
                self.keep_primary(&configuration);
            }
        } else if matches!(self.register, Known::Unset) && self.may_ask() {
            self.first_start();
        }
        self.note_overruled();
        self.tell_hold();
    }

    fn may_ask(&self) -> bool {
        self.asked.is_none() && self.unreadable_since.is_none()
    }

    pub(crate) fn grace(&self) -> bool {
        self.now < self.started + self.settings.timings.start_grace_ms
    }

    /// Sets a register that was never set, once it is certain that this is the beginning.
    fn first_start(&mut self) {
        let heard = self.members.values().all(|watch| watch.report.is_some());
        if self.register_lost().is_some() || (!heard && self.grace()) {
            return;
        }
        let Some(preferred) = self.settings.members.first().cloned() else { return };
        let has_log = self
            .members
            .get(&preferred)
            .and_then(|watch| watch.report.as_ref())
            .is_some_and(|(report, _)| report.position.index > 0);
        if has_log {
            let first = Configuration::first(self.settings.cluster.clone(), preferred.clone());
            self.ask(first, Change::FirstStart { primary: preferred });
        }
    }

    /// A member that has lived under a register, although there is none now.
    fn register_lost(&self) -> Option<Hold> {
        let (member, newer) =
            self.members.iter().find_map(|(name, watch)| Some((name, watch.newer.as_ref()?)))?;
        Some(Hold::RegisterLost { member: member.clone(), epoch: newer.epoch })
    }

    /// A member that knows more than the register.
    fn register_behind(&self, configuration: &Configuration) -> Option<Hold> {
        let (member, newer) = self.members.iter().find_map(|(name, watch)| {
            Some((name, watch.newer.as_ref().filter(|newer| newer.version > configuration.version)?))
        })?;
        Some(Hold::RegisterBehind { member: member.clone(), version: newer.version })
    }

    pub(crate) fn cause_of(&self, name: &MemberName, configuration: &Configuration) -> Option<Cause> {
        self.members.get(name)?.cause(configuration, &self.settings.timings, self.grace())
    }

    /// Keeps the times that decisions hang on, and says who went down or came up.
    fn note_states(&mut self, configuration: &Configuration) {
        let timings = self.settings.timings;
        let grace = self.grace();
        let now = self.now;
        let mut changes = Vec::new();
        for (name, watch) in &mut self.members {
            let cause = watch.cause(configuration, &timings, grace);
            let named = configuration.primary == *name;
            let well = watch.is_fit(configuration, &timings, now) && configuration.in_sync.contains(name);
            // The time as primary does not count: an operator who has just handed the reign on would see it go back
            // in the same moment.
            if named || cause.is_some() || !configuration.in_sync.contains(name) {
                watch.settled_since = None;
            } else if well {
                watch.settled_since.get_or_insert(now);
            }
            if named && watch.report.is_some() && !watch.acts_in(configuration) {
                watch.unready_since.get_or_insert(now);
            } else if !named || watch.acts_in(configuration) {
                watch.unready_since = None;
            }
            match cause {
                Some(cause) if !watch.told_down => {
                    watch.told_down = true;
                    changes.push(Change::Down { member: name.clone(), cause });
                }
                None if watch.told_down && !watch.is_doubtful() && watch.report.is_some() => {
                    watch.told_down = false;
                    changes.push(Change::Up { member: name.clone() });
                }
                _ => {}
            }
            if named && watch.acts_in(configuration) && self.announced < configuration.epoch {
                self.announced = configuration.epoch;
                changes.push(Change::Active { primary: name.clone(), epoch: configuration.epoch });
                if let Some(last) = &mut self.last_change {
                    last.ready_ms.get_or_insert(now);
                }
            }
        }
        changes.into_iter().for_each(|change| self.tell(change));
    }

    /// Replaces a primary that is down, or gives the reign back to the preferred member.
    fn keep_primary(&mut self, configuration: &Configuration) {
        let primary = &configuration.primary;
        if let Some(cause) = self.cause_of(primary, configuration).or_else(|| self.stalled(configuration)) {
            if self.doubt.is_none_or(|(epoch, _)| epoch != configuration.epoch) {
                self.doubt = Some((configuration.epoch, self.last_ticket()));
                self.members.values_mut().for_each(|watch| watch.probe_again(self.now));
            }
            if self.overruled(configuration, primary, cause).is_none() {
                self.fail_over(configuration, cause);
            }
            return;
        }
        self.doubt = None;
        let Failback::After(after) = self.settings.failback else { return };
        let Some(preferred) =
            self.settings.members.first().filter(|preferred| *preferred != primary).cloned()
        else {
            return;
        };
        if self.is_maintained(&preferred) {
            return;
        }
        let ready = self.members.get(primary).is_some_and(|watch| watch.acts_in(configuration));
        let timings = self.settings.timings;
        let settled = self.members.get(&preferred).is_some_and(|watch| {
            let long = watch.settled_since.is_some_and(|since| self.now >= since + after);
            long && watch.is_fit(configuration, &timings, self.now)
        });
        let flawed = self.settings.flaws.fail_back_unsynced
            && self
                .members
                .get(&preferred)
                .is_some_and(|watch| !watch.is_doubtful() && watch.report.is_some());
        let first = self.may_fail_back(configuration, &preferred);
        if ready && first && self.switching.is_none() && self.now >= self.switch_after {
            if flawed {
                let next = Configuration {
                    forced: true,
                    ..configuration.succeeded_by(preferred.clone(), BTreeSet::new())
                };
                let change = Change::Forced { to: preferred, epoch: next.epoch };
                self.ask(next, change);
            } else if settled {
                self.begin_switchover(configuration, preferred);
            }
        }
    }

    /// A primary that answers but does not do its work.
    fn stalled(&self, configuration: &Configuration) -> Option<Cause> {
        let limit = self.settings.timings.stall_ms;
        let watch = self.members.get(&configuration.primary)?;
        let unready = watch.unready_since.is_some_and(|since| self.now >= since + limit);
        let stuck = watch.report.as_ref().is_some_and(|(report, _)| report.stalled_ms >= limit);
        let helped = self.successors(configuration).next().is_some();
        ((unready || stuck) && helped).then_some(Cause::Stalled)
    }

    /// Members that could take over, in the order of the configuration file.
    pub(crate) fn successors<'a>(
        &'a self,
        configuration: &'a Configuration,
    ) -> impl Iterator<Item = &'a MemberName> + 'a {
        let timings = &self.settings.timings;
        let anyone = self.settings.flaws.fail_over_to_anyone;
        self.settings.members.iter().filter(move |name| {
            **name != configuration.primary
                && (anyone || configuration.in_sync.contains(*name))
                && self.members.get(*name).is_some_and(|watch| {
                    watch.is_fit(configuration, timings, self.now) || (anyone && watch.report.is_some())
                })
        })
    }

    /// The best of them: not under maintenance, the newest history, then the more preferred.
    pub(crate) fn best<'a>(&self, of: impl Iterator<Item = &'a MemberName>) -> Option<MemberName> {
        let position = |name: &MemberName| {
            let report = self.members.get(name).and_then(|watch| watch.report.as_ref());
            (!self.is_maintained(name), report.map(|(report, _)| report.position))
        };
        let mut best: Option<&MemberName> = None;
        for name in of {
            if best.is_none_or(|best| position(name) > position(best)) {
                best = Some(name);
            }
        }
        best.cloned()
    }

    fn fail_over(&mut self, configuration: &Configuration, cause: Cause) {
        let before = self.doubt.map_or(0, |(_, ticket)| ticket);
        let confirmed =
            |name: &MemberName| self.members.get(name).is_some_and(|watch| watch.heard_ticket > before);
        let Some(to) = self.best(self.successors(configuration).filter(|name| confirmed(name))) else {
            return;
        };
        // Others that have everything and answer stay counted on, so that one more loss finds another copy.
        let in_sync: BTreeSet<MemberName> = self
            .successors(configuration)
            .filter(|name| configuration.in_sync.contains(*name))
            .cloned()
            .collect();
        let mut next = configuration.succeeded_by(to.clone(), in_sync);
        next.forced = self.settings.flaws.fail_over_to_anyone;
        let from = configuration.primary.clone();
        let change = Change::FailOver { from, cause, to, epoch: next.epoch };
        self.switching = None;
        self.ask(next, change);
    }

    pub(crate) fn hold(&self) -> Option<Hold> {
        let configuration = match &self.register {
            Known::Nothing => return Some(Hold::RegisterUnavailable),
            Known::Unset => {
                let preferred = || self.settings.members.first().cloned().map(Hold::FirstStart);
                return self.register_lost().or_else(preferred);
            }
            Known::Set(configuration) => configuration,
        };
        if let Some(behind) = self.register_behind(configuration) {
            return Some(if self.may_catch_up() { Hold::Reading } else { behind });
        }
        let primary = configuration.primary.clone();
        if let Some(cause) = self.cause_of(&primary, configuration) {
            return Some(if self.unreadable_since.is_some() {
                Hold::NoRegister { primary, cause }
            } else if let Some(by) = self.overruled(configuration, &primary, cause) {
                Hold::Overruled { primary, cause, by }
            } else {
                Hold::NoSuccessor { primary, cause }
            });
        }
        if let Some(hold) = self.switching_hold() {
            return Some(hold);
        }
        let ready = self.members.get(&primary).is_some_and(|watch| watch.acts_in(configuration));
        (!ready).then_some(Hold::Starting(primary))
    }

    fn tell_hold(&mut self) {
        let hold = self.hold();
        let told = |hold: &Option<Hold>| hold.as_ref().map(Hold::gist);
        if told(&hold) != told(&self.told_hold) {
            self.told_hold.clone_from(&hold);
            // Starting and switching are said by other lines already.
            let passing =
                |hold: &Hold| matches!(hold, Hold::Starting(_) | Hold::Switching(_) | Hold::Reading);
            if let Some(hold) = hold.filter(|hold| !passing(hold))
                && self.asked.is_none()
            {
                self.tell(Change::Holding(hold));
            }
        }
    }

    /// What it has concluded.
    pub fn view(&self) -> View {
        let configuration = self.configuration();
        let hold = self.hold();
        let primary = configuration.map(|configuration| configuration.primary.clone());
        let through = self.detour(hold.as_ref());
        let active = if hold.is_none() || !through.is_empty() { primary.clone() } else { None };
        let end =
            primary.as_ref().and_then(|primary| self.members.get(primary)).and_then(|w| w.report.as_ref());
        let end = end.map(|(report, _)| report.position.index);
        let members = self.settings.members.iter().filter_map(|name| {
            let watch = self.members.get(name)?;
            let cause = configuration.and_then(|configuration| self.cause_of(name, configuration));
            let in_sync = configuration.is_some_and(|configuration| configuration.in_sync.contains(name));
            let acting = primary.as_ref() == Some(name)
                && configuration.is_some_and(|configuration| watch.acts_in(configuration));
            let state = match (&watch.report, &cause) {
                (None, _) | (_, Some(_)) => MemberState::Down,
                _ if acting => MemberState::Active,
                _ if in_sync && primary.as_ref() != Some(name) => MemberState::Standby,
                _ => MemberState::CatchingUp,
            };
            let report = watch.report.as_ref().map(|(report, _)| report.clone());
            let lag = report.as_ref().and_then(|report| Some(end?.saturating_sub(report.position.index)));
            let cause = cause.map(|cause| cause.to_string());
            let lag_ms = report.as_ref().map(|report| self.advance.since(report.position.index, self.now));
            Some(MemberView {
                name: name.clone(),
                state,
                in_sync,
                report,
                lag,
                lag_ms,
                silent_ms: watch.report.as_ref().map(|(_, at)| self.now.saturating_sub(*at)),
                maintained: self.is_maintained(name),
                cause,
            })
        });
        let members = members.collect();
        View {
            epoch: configuration.map_or(Epoch::NONE, |configuration| configuration.epoch),
            version: configuration.map_or(0, |configuration| configuration.version),
            primary,
            active,
            hold,
            through,
            members,
            successor: configuration
                .filter(|_| self.unreadable_since.is_none())
                .and_then(|configuration| self.best(self.successors(configuration))),
            last_change: self.last_change.clone(),
            unreadable_since: self.unreadable_since,
            front_ends: self.others.values().chain(&self.published).cloned().collect(),
        }
    }
}
