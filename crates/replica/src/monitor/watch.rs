//! What is known of one member.

use crate::configuration::Configuration;
use crate::monitor::view::Cause;
use crate::monitor::{Failure, Timings};
use crate::report::Report;

#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Its last report, and when it came.
    pub(crate) report: Option<(Report, u64)>,
    /// Version of the register that the last report answers to.
    heard_version: u64,
    /// Number of the probe that the last report answers.
    pub(crate) heard_ticket: u64,
    /// Newest configuration it has shown, if newer than the register's was then.
    pub(crate) newer: Option<Configuration>,
    /// Probes lost in a row.
    missed: u32,
    failure: Option<Failure>,
    /// When the network said that there is no way to it, and the last probe sent before.
    warned: Option<(u64, u64)>,
    /// Whether it has ever answered this monitor.
    seen: bool,
    pub(crate) probe: Option<Probe>,
    pub(crate) next_probe: u64,
    /// Since when it has been a standby in the in-sync set and well, without a break.
    pub(crate) settled_since: Option<u64>,
    /// Since when it has been named primary, answering, but not ready.
    pub(crate) unready_since: Option<u64>,
    /// What the log last said of it.
    pub(crate) told_down: bool,
}

#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) ticket: u64,
    pub(crate) since: u64,
    /// Version of the register's value that it carries.
    pub(crate) version: u64,
}

impl Watch {
    /// Nothing known; to be probed at `now`.
    pub(crate) fn from(now: u64) -> Watch {
        Watch { next_probe: now, ..Watch::default() }
    }

    pub(crate) fn answered(&mut self, report: Report, to: &Probe, now: u64) {
        self.heard_version = to.version;
        self.heard_ticket = to.ticket;
        self.report = Some((report, now));
        self.spoke(to);
    }

    /// Asks again at once, whatever is still under way.
    pub(crate) fn probe_again(&mut self, now: u64) {
        self.probe = None;
        self.next_probe = now;
    }

    /// It is there, whatever it said to this probe.
    pub(crate) fn spoke(&mut self, to: &Probe) {
        self.missed = 0;
        self.failure = None;
        self.seen = true;
        self.warned = self.warned.filter(|(_, before)| to.ticket <= *before);
    }

    /// The network says that there is no way to it: it is asked anew, and what was asked before (`before`) proves nothing.
    pub(crate) fn warn(&mut self, now: u64, before: u64) {
        self.warned = Some((now, before));
        self.probe_again(now);
    }

    /// Whether it has been warned of, and nothing else is known yet.
    pub(crate) fn is_warned(&self) -> bool {
        self.warned.is_some()
    }

    /// When silence proves the warning right.
    pub(crate) fn warned_until(&self, timings: &Timings) -> Option<u64> {
        self.warned.map(|(at, _)| at + timings.warned_ms)
    }

    /// Takes silence for what the warning said, once it has lasted.
    pub(crate) fn believe_warning(&mut self, timings: &Timings, now: u64) {
        if self.warned_until(timings).is_some_and(|until| now >= until) {
            self.failed(Failure::Unreachable, timings);
        }
    }

    /// A probe, or the opening of a client's connection, failed.
    pub(crate) fn failed(&mut self, failure: Failure, timings: &Timings) {
        self.failure = Some(failure);
        let at_once = matches!(failure, Failure::Refused | Failure::Unreachable);
        self.missed = if at_once { timings.missed_probes } else { self.missed + 1 };
        if at_once {
            self.warned = None;
        }
    }

    /// A lost probe may be chance; so many are not.
    pub(crate) fn is_lost(&self, timings: &Timings) -> bool {
        self.missed >= timings.missed_probes
    }

    pub(crate) fn is_doubtful(&self) -> bool {
        self.missed > 0 || self.is_warned()
    }

    /// Why it cannot be (or become) primary under `registered`; none if it can. `grace`: everything may be starting.
    pub(crate) fn cause(&self, registered: &Configuration, timings: &Timings, grace: bool) -> Option<Cause> {
        if self.is_lost(timings) {
            return self.failure.filter(|_| self.seen || !grace).map(Cause::Failure);
        }
        let (report, _) = self.report.as_ref()?;
        if let Some(fault) = report.fault {
            return Some(Cause::Fault(fault));
        }
        // It was told that the register counts on it, and does not count on itself. (The first start makes a member of
        // the first primary; an operator's word of anyone.)
        let counted_on =
            registered.in_sync.contains(&report.name) && registered.version > 1 && !registered.forced;
        (counted_on && !report.joined && self.heard_version >= registered.version).then_some(Cause::DiskLost)
    }

    /// Whether it answers, freshly, and could take over.
    pub(crate) fn is_fit(&self, registered: &Configuration, timings: &Timings, now: u64) -> bool {
        let fresh = self.report.as_ref().is_some_and(|(_, at)| now <= at + timings.fresh_ms);
        let joined = self.report.as_ref().is_some_and(|(report, _)| report.joined);
        fresh && joined && !self.is_doubtful() && self.cause(registered, timings, false).is_none()
    }

    /// Whether it acts as primary of exactly this configuration's epoch.
    pub(crate) fn acts_in(&self, registered: &Configuration) -> bool {
        self.report.as_ref().is_some_and(|(report, _)| {
            report.is_ready()
                && report.configuration.as_ref().is_some_and(|own| own.epoch == registered.epoch)
        })
    }
}
