//! `ca_crt.pem`: a certificate of our own key under our own name may be renewed by other tools; one without it is another
//! CA's, and no certificate at all is an accident.

use super::Case;
use crate::command::Command;
use crate::foreign::{Finding, Restore};
use pki::Certificate;

const FILE: &str = "ca_crt.pem";

pub(super) fn judge(case: &Case<'_>) -> Option<Finding> {
    let content = case.found.bundle.as_ref()?;
    let restore = |what: &str| Some(Finding::restore(FILE, what, Restore::Bundle));
    if content.bytes().is_none() {
        return restore("is missing");
    }
    let Some(text) = content.text() else { return restore("is no text") };
    let ours = Certificate::all_from_pem(case.state.bundle_pem().as_bytes()).unwrap_or_default();
    let theirs = match Certificate::all_from_pem(text.as_bytes()) {
        Ok(theirs) if theirs.is_empty() => return restore("has no certificate"),
        Ok(theirs) => theirs,
        Err(_) => return restore("cannot be read"),
    };
    if ours == theirs {
        return None;
    }
    let has = |wanted: &Certificate| {
        let same = |one: &Certificate| {
            one.spki_der() == wanted.spki_der() && one.subject_der() == wanted.subject_der()
        };
        theirs.iter().any(same)
    };
    if let Some(second) = case.state.second().filter(|second| !has(&second.certificate)) {
        let what = format!(
            "lacks {}: a new key is on its way (`bunraku ca rollover --status`), and both keys' certificates stay until \
             that is done",
            second.certificate.subject_rfc2253()
        );
        return Some(Finding::restore(FILE, what, Restore::Bundle));
    }
    let issuer = case.state.issuer();
    if case.state.second().is_some() && theirs.first().is_none_or(|one| one.spki_der() != issuer.spki_der()) {
        let what = "does not begin with the certificate of the key that signs";
        return Some(Finding::restore(FILE, what, Restore::Bundle));
    }
    let of_our_key =
        |one: &&Certificate| one.spki_der() == issuer.spki_der() && one.subject_der() == issuer.subject_der();
    // The one that lives longest: a renewed one may stand beside the one before.
    let Some(renewed) = theirs.iter().filter(of_our_key).max_by_key(|one| one.not_after()) else {
        let what = "has no certificate of our key; this CA goes on with the one it has, and needs the other key for this";
        return Some(Finding::leave(FILE, what));
    };
    if !renewed.is_ca() || !renewed.may_sign_certificates() {
        let what = "has a certificate of our key that is not a CA's; this CA goes on with the one it has";
        return Some(Finding::leave(FILE, what));
    }
    if renewed.not_after() < issuer.not_after() {
        let what = "has an older certificate of our key; this CA goes on with the one it has";
        return Some(Finding::leave(FILE, what));
    }
    let command =
        Command::AuthorityRenewed { issuer_der: renewed.der().to_vec(), bundle_pem: text.to_owned() };
    Some(Finding::adopt(FILE, "has another certificate of our key, or another chain", vec![command]))
}
