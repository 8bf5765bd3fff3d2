//! `signed/`: what our key signed is ours, whoever used it; a file that is gone was taken away.

use super::Case;
use crate::authority::details_of_certificate;
use crate::command::Command;
use crate::foreign::{Finding, Restore};
use pki::{Certificate, Serial};

pub(super) fn judge(case: &Case<'_>) -> Vec<Finding> {
    case.found.signed.iter().filter_map(|(name, content)| one(case, name, content.bytes())).collect()
}

fn one(case: &Case<'_>, name: &str, bytes: Option<&[u8]>) -> Option<Finding> {
    let file = format!("signed/{name}.pem");
    let known = case.state.signed().get(name);
    let recoverable = (case.recoverable)(name);
    let restore = || Restore::Certificate(name.to_owned());
    let removed = || vec![Command::CertificateRemoved { certname: name.to_owned() }];
    let Some(bytes) = bytes else {
        known?;
        return Some(if case.backup && recoverable {
            Finding::restore(file, "is missing after older files were restored", restore())
        } else {
            Finding::adopt(file, "was deleted: the certificate is removed, and not revoked", removed())
        });
    };
    let certificate = match judge_certificate(case, name, bytes) {
        Ok(certificate) => certificate,
        Err(what) if known.is_none() => return Some(Finding::leave(file, what)),
        Err(what) if recoverable => return Some(Finding::restore(file, what, restore())),
        Err(what) => {
            let what = format!("{what}; the certificate that was there is lost, and stays in the inventory");
            return Some(Finding::adopt(file, what, removed()).keeping_the_file());
        }
    };
    let serial = certificate.serial();
    if known.is_some_and(|known| {
        known.serial == serial && known.fingerprints == pki::fingerprint::Digests::of(certificate.der())
    }) {
        return None;
    }
    let in_log = case.state.issued_to(name).iter().any(|one| one.serial == serial);
    if case.backup && in_log {
        match known {
            // It has been removed since the backup was made.
            None => return Some(Finding::restore(file, "came back with older files", Restore::Nothing)),
            Some(_) if recoverable => {
                return Some(Finding::restore(file, "is an older certificate of this name", restore()));
            }
            Some(_) => {}
        }
    }
    let what = match (known, in_log) {
        (Some(_), true) => format!("is another certificate of this name now: serial {serial}, issued before"),
        (Some(_), false) => format!("is a new certificate of this name: serial {serial}"),
        (None, true) => format!("is back: serial {serial}"),
        (None, false) => format!("is a new certificate: serial {serial}"),
    };
    let what = match holder(case, name, serial) {
        Some(other) => format!("{what}, WHICH {other} HAS TOO: one of the two must be replaced"),
        None => what,
    };
    let in_file = case.rows.contains(&(serial, name.to_owned()));
    let command = Command::CertificateAdopted {
        certname: name.to_owned(),
        der: certificate.der().to_vec(),
        serial: serial.to_string(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        details: details_of_certificate(&certificate),
        row: !in_log && !in_file,
    };
    Some(Finding::adopt(file, what, vec![command]))
}

/// What makes it a certificate of this name by our key, or why it is none.
fn judge_certificate(case: &Case<'_>, name: &str, bytes: &[u8]) -> Result<Certificate, String> {
    let certificate =
        Certificate::from_pem(bytes).map_err(|fault| format!("is not a certificate: {fault}"))?;
    if certificate.subject_cn() != Some(name) {
        let subject = certificate.subject_cn().unwrap_or_default();
        return Err(format!("is a certificate of another name, {subject:?}"));
    }
    let issuer = case.state.authority_of(case.state.side_of(&certificate.serial()));
    certificate
        .verify(issuer.unwrap_or(case.state.issuer()).spki_der())
        .map_err(|_| "is a certificate that our key has not signed".to_owned())?;
    Ok(certificate)
}

/// Another name that the log knows to have this serial.
fn holder(case: &Case<'_>, name: &str, serial: Serial) -> Option<String> {
    let mut inventory = case.state.inventory().iter();
    inventory
        .find(|(other, issued)| &***other != name && issued.as_slice().iter().any(|one| one.serial == serial))
        .map(|(other, _)| other.to_string())
}
