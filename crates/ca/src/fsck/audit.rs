//! The audit record is whole, and is the one that the log knows.

use super::{Material, Report};
use crate::audit::{expected, verify};
use std::time::Duration;

const CHECK: &str = "audit";
/// A CA at work may be shortening its log at this very moment.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) fn check(material: &Material, report: &mut Report) {
    let layout = &material.layout;
    let known = match expected(layout, material.running) {
        Err(_) if material.running => {
            std::thread::sleep(AGAIN_AFTER);
            expected(layout, material.running)
        }
        other => other,
    };
    // A log that cannot be read is another check's matter.
    let Ok(Some(known)) = known else { return };
    let found = match verify(layout, Some(&known), None) {
        Ok(found) => found,
        Err(fault) => {
            report.problem(CHECK, "bunraku/audit", format!("cannot be read: {fault}"));
            return;
        }
    };
    for damage in &found.damages {
        let what = format!("line {} (octet {}) {}", damage.place.line, damage.place.octet, damage.what);
        report.problem(CHECK, format!("bunraku/audit/{}", damage.place.file), what);
    }
    let more = found.damage_count - found.damages.len();
    if more > 0 {
        report.problem(CHECK, "bunraku/audit", format!("{more} more lines are damaged"));
    }
    for missing in &found.missing {
        let remedy = if missing.in_log { "; the next start of the CA writes them again" } else { "" };
        let what = format!("lacks the lines {} to {}{remedy}", missing.from, missing.to);
        report.problem(CHECK, "bunraku/audit", what);
    }
    for (from, to) in &found.not_held {
        let what = format!("never had the lines {from} to {to}: this member was fed by a snapshot");
        report.notice(CHECK, "bunraku/audit", what);
    }
}
