//! Warnings before anything ends: once a day in the log, at any time in the status.

use super::Authority;
use crate::expiry::{self, Report, Urgency, Warning};
use crate::keys;
use crate::time;
use std::sync::{Arc, PoisonError};
use tracing::{error, info, warn};

/// How long a report is good for, seconds. Whoever watches may ask often, and counting a hundred thousand certificates
/// takes milliseconds.
const FRESH: i64 = 60;

/// The last report, and when it was made (Unix seconds).
pub(super) type Kept = Option<(i64, Arc<(Report, Vec<Warning>)>)>;

impl Authority {
    /// What ends when, and what is to be warned of; none before there is a state. At most a minute old.
    pub fn expiry(&self) -> Option<(Report, Vec<Warning>)> {
        self.look_at_ends().map(|kept| (*kept).clone())
    }

    /// What is to be warned of.
    pub fn expiry_warnings(&self) -> Vec<Warning> {
        self.look_at_ends().map(|kept| kept.1.clone()).unwrap_or_default()
    }

    /// Writes what is to be warned of into the log.
    pub fn warn_of_ends(&self) {
        for warning in self.expiry_warnings() {
            match warning.urgency {
                Urgency::Expired | Urgency::Urgent => error!("{warning}"),
                Urgency::Soon | Urgency::None => warn!("{warning}"),
            }
        }
    }

    /// Writes into the log why this member cannot sign, if so: whoever waits for its first signature to learn it has an
    /// estate without a CA.
    pub fn tell_lost_keys(&self) {
        self.lost_keys().into_iter().for_each(|text| error!("{text}"));
    }

    fn lost_keys(&self) -> Vec<String> {
        let needed =
            self.ledger.read(|state| keys::needed(state).into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
        let problem = |spki: &Vec<u8>| keys::read(&self.layout, spki).err();
        let problems = needed.iter().flatten().filter_map(problem);
        problems.map(|problem| format!("this member cannot sign: {problem}")).collect()
    }

    /// Writes the head of the audit record into the log: where that is kept elsewhere, nobody can write the record anew.
    pub fn tell_audit_head(&self) {
        if let Some(head) = self.ledger.read(|state| state.audit().head()) {
            info!(%head, "audit record");
        }
    }

    /// The CA's certificates or lists are others: look again.
    pub(super) fn forget_ends(&self) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn look_at_ends(&self) -> Option<Arc<(Report, Vec<Warning>)>> {
        let now = time::now();
        let mut kept = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, report)) = &*kept
            && (0..FRESH).contains(&(now - made))
        {
            return Some(Arc::clone(report));
        }
        let report = self.ledger.read(|state| expiry::of_state(state, &self.policy.roles, now))?;
        let mut warnings = report.warnings(now);
        let lost = |text| Warning { urgency: Urgency::Expired, text };
        warnings.extend(self.lost_keys().into_iter().map(lost));
        let report = Arc::new((report, warnings));
        *kept = Some((now, Arc::clone(&report)));
        Some(report)
    }
}
