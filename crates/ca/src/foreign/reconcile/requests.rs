//! `requests/`: who puts a request there wants it signed; who takes one away does not.

use super::Case;
use crate::authority::details_of_request;
use crate::command::{AutosignMark, Command};
use crate::foreign::{Finding, Restore};
use pki::{Certificate, Certname, Request};

pub(super) fn judge(case: &Case<'_>) -> Vec<Finding> {
    case.found.requests.iter().filter_map(|(name, content)| one(case, name, content.bytes())).collect()
}

fn one(case: &Case<'_>, name: &str, bytes: Option<&[u8]>) -> Option<Finding> {
    let file = format!("requests/{name}.pem");
    let known = case.state.pending().get(name);
    let restore = || Restore::Request(name.to_owned());
    let Some(bytes) = bytes else {
        known?;
        return Some(if case.backup {
            Finding::restore(file, "is missing after older files were restored", restore())
        } else {
            let command = Command::RequestDeleted { certname: name.to_owned() };
            Finding::adopt(file, "was deleted: the request is dropped", vec![command])
        });
    };
    let request = match judge_request(name, bytes) {
        Ok(request) if known.is_some_and(|known| known.der == request.der()) => return None,
        Ok(request) => request,
        Err(what) if known.is_some() => return Some(Finding::restore(file, what, restore())),
        Err(what) => return Some(Finding::leave(file, what)),
    };
    if case.backup {
        let what = "came back with older files";
        let restore = if known.is_some() { restore() } else { Restore::Nothing };
        return Some(Finding::restore(file, what, restore));
    }
    if is_leftover(case, name, &request) {
        let what = "has been signed already: a leftover of an interrupted signing";
        return Some(Finding::restore(file, what, Restore::Nothing));
    }
    let command = Command::RequestSaved {
        certname: name.to_owned(),
        der: request.der().to_vec(),
        autosign: AutosignMark::Manual,
        details: details_of_request(&request),
    };
    let what = if known.is_some() { "was replaced by another request" } else { "is a new request" };
    let finding = Finding::adopt(file, what, vec![command]);
    Some(finding)
}

/// What makes it a request for this name, or why it is none.
pub(crate) fn judge_request(name: &str, bytes: &[u8]) -> Result<Request, String> {
    let request =
        Request::from_pem(bytes).map_err(|fault| format!("is not a certificate request: {fault}"))?;
    if Certname::parse(name).is_err() || name == "ca" {
        return Err("has a name that no certificate may have".into());
    }
    if request.subject_cn() != Some(name) {
        let subject = request.subject_cn().unwrap_or_default();
        return Err(format!("is a request for another name, {subject:?}"));
    }
    request.verify_signature().map_err(|_| "is not signed with its own key".to_owned())?;
    Ok(request)
}

/// Puppet Server writes the certificate first and removes the request then: it may have been stopped in between.
fn is_leftover(case: &Case<'_>, name: &str, request: &Request) -> bool {
    let beside = case.found.beside_requests.get(name).map(Vec::as_slice);
    let beside = beside.or_else(|| case.found.signed.get(name).and_then(|content| content.bytes()));
    beside
        .and_then(|bytes| Certificate::from_pem(bytes).ok())
        .is_some_and(|certificate| certificate.spki_der() == request.spki_der())
}
