//! The log can be read, and the directory shows what it says.

use super::{Material, Repair, Report};
use crate::foreign::reconcile::reconcile;
use crate::foreign::stamp::Seen;
use crate::foreign::{Finding, Remedy, look};
use crate::keys;
use crate::store::OpenFault;
use crate::view;
use pki::Certificate;
use replica::membership::MembershipFile;
use std::time::Duration;

const CHECK: &str = "log";
/// A CA at work changes files while they are compared: what differs must still differ after this.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(super) fn check(material: &Material, report: &mut Report) {
    if !material.layout.configuration().exists() {
        if material.layout.log().exists() {
            let what =
                "is missing, and bunraku/log is there: the next start takes the directory over as it stands";
            report.problem(CHECK, "bunraku/configuration", what);
        }
        return;
    }
    if let Err(fault) = MembershipFile::at(&material.layout.configuration()).load() {
        let fault = OpenFault::Membership { path: material.layout.configuration(), fault };
        report.problem(CHECK, "bunraku/configuration", fault.to_string());
    }
    let first = match differences(material) {
        Err(_) if material.running => {
            // It may have been shortening its log.
            std::thread::sleep(AGAIN_AFTER);
            differences(material)
        }
        other => other,
    };
    let mut findings = match first {
        Ok((findings, keys)) => {
            missing_keys(material, &keys, report);
            findings
        }
        // Told by another check.
        Err(OpenFault::Io { .. })
            if !material.layout.signed().exists() || !material.layout.requests().exists() =>
        {
            return;
        }
        Err(fault) => {
            report.problem(CHECK, "bunraku/log", fault.to_string());
            return;
        }
    };
    if material.running && !findings.is_empty() {
        std::thread::sleep(AGAIN_AFTER);
        let still = differences(material).map(|(findings, _)| findings).unwrap_or_default();
        findings.retain(|finding| still.contains(finding));
    }
    for finding in findings {
        let what = format!("differs from the log: {}", finding.what);
        if finding.remedy == Remedy::Leave {
            report.notice(CHECK, finding.file, what);
        } else {
            report.problem(CHECK, finding.file, what).repair(Repair::Settle);
        }
    }
}

/// The keys that the log says this CA has, and that no file holds.
fn missing_keys(material: &Material, certificates: &[Certificate], report: &mut Report) {
    for certificate in certificates {
        if let Err(problem) = keys::read(&material.layout, certificate.spki_der()) {
            let file = format!("ca_key-{}.pem", keys::id(certificate.spki_der()));
            let subject = certificate.subject_rfc2253();
            report.problem(CHECK, file, format!("the key of {subject} cannot be used: {problem}"));
        }
    }
}

/// What differs, and the certificates of the keys in use.
fn differences(material: &Material) -> Result<(Vec<Finding>, Vec<Certificate>), OpenFault> {
    let layout = &material.layout;
    let io = |source| OpenFault::Io { path: layout.root().to_owned(), source };
    let Some(view) = view::view(layout)? else {
        // A standby that has been fed nothing yet has neither.
        let begun = layout.key().exists() && layout.bundle().exists();
        return match begun {
            true => Err(OpenFault::NoSnapshot { path: layout.snapshot() }),
            false => Ok((Vec::new(), Vec::new())),
        };
    };
    let now = Seen::now(layout).map_err(io)?;
    let mut found = look::look(layout, None, &now, &view.shown, None).map_err(io)?;
    // Other checks have something to say of these.
    found.strange.clear();
    view.explained.subtract(&mut found);
    // A key that signs and is missing is another check's.
    let keys = view.shown.second().map(|second| second.certificate.clone()).into_iter().collect();
    Ok((reconcile(&view.shown, &found, material.now, &|_| false), keys))
}
