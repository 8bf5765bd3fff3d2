//! `ca_crl.pem`: a revocation is never taken back, a number never used again.

use super::Case;
use crate::command::Command;
use crate::foreign::{Finding, Remedy, Restore};
use pki::crl::RevocationList;
use pki::{Certificate, Serial, pem};
use std::collections::BTreeSet;

const FILE: &str = "ca_crl.pem";

/// The findings, and whether an older list of ours was put in place of a newer one.
pub(super) fn judge(case: &Case<'_>) -> (Vec<Finding>, bool) {
    let Some(content) = &case.found.lists else { return (Vec::new(), false) };
    let restore = |what: &str| (vec![Finding::restore(FILE, what, Restore::Lists)], false);
    let Some(bytes) = content.bytes() else { return restore("is missing") };
    let Ok(blocks) = pem::parse_all(bytes) else { return restore("is not PEM") };
    let issuer = case.state.issuer();
    let second = case.state.second().map(|second| &second.certificate);
    let mut own: Option<RevocationList> = None;
    let mut of_second: Option<RevocationList> = None;
    let mut others = Vec::new();
    for block in blocks.iter().filter(|block| block.label == "X509 CRL") {
        let Ok(list) = RevocationList::from_der(&block.der) else {
            return restore("holds something that is not a revocation list");
        };
        if list.is_issued_by(issuer) {
            if list.verify(issuer.spki_der()).is_err() {
                return restore("holds a list in our name that our key has not signed");
            }
            if own.as_ref().is_none_or(|known| list.number() > known.number()) {
                own = Some(list);
            }
        } else if let Some(second) = second.filter(|second| list.is_issued_by(second)) {
            if list.verify(second.spki_der()).is_err() {
                return restore("holds a list in the name of our second key that it has not signed");
            }
            of_second = Some(list);
        } else {
            others.push(list);
        }
    }
    let Some(own) = own else { return restore("has no list of ours") };
    let (mut findings, older) = own_list(case, &own);
    findings.extend(second_list(case, of_second));
    findings.extend(chain(case, others));
    (findings, older)
}

/// The list of our second key: only this CA issues it. What another one says more is revoked, for it may be true.
fn second_list(case: &Case<'_>, theirs: Option<RevocationList>) -> Option<Finding> {
    let ours = case.state.lists().second.as_ref()?;
    let Some(theirs) = theirs else {
        let what = "lacks the list of the CA's second key";
        return Some(Finding::restore(FILE, what, Restore::Lists));
    };
    if theirs.der() == ours.der() {
        return None;
    }
    let new: Vec<(Serial, i64)> =
        theirs.entries().filter(|(serial, _)| !case.state.is_revoked(serial)).collect();
    let what = "holds another list of the CA's second key";
    if new.is_empty() {
        return Some(Finding::restore(FILE, what, Restore::Lists));
    }
    let remedy = Remedy::Revoke { entries: new, above: 0 };
    Some(Finding { file: FILE.into(), what: what.into(), remedy, set_aside: true })
}

fn own_list(case: &Case<'_>, theirs: &RevocationList) -> (Vec<Finding>, bool) {
    let state = case.state;
    let ours = &state.lists().own;
    if theirs.der() == ours.der() {
        return (Vec::new(), false);
    }
    let (our_number, number) = (ours.number().unwrap_or(0), theirs.number().unwrap_or(0));
    let listed: BTreeSet<Serial> = theirs.entries().map(|(serial, _)| serial).collect();
    let new: Vec<(Serial, i64)> = theirs.entries().filter(|(serial, _)| !state.is_revoked(serial)).collect();
    let older = number < our_number;
    if number > our_number && lacks_nothing(case, &listed) {
        let what = format!("is a newer list of ours: number {number} after {our_number}");
        let command = Command::RevocationListAdopted { der: theirs.der().to_vec() };
        return (vec![Finding::adopt(FILE, what, vec![command])], false);
    }
    if new.is_empty() && number <= our_number {
        let what = if older {
            format!("holds an older list: number {number}, ours is {our_number}")
        } else {
            format!("holds another list of number {number}")
        };
        return (vec![Finding::restore(FILE, what, Restore::Lists)], older);
    }
    let what = format!(
        "holds a list of number {number} that differs from ours of number {our_number}: {} entries that ours lacks",
        new.len()
    );
    let remedy = Remedy::Revoke { entries: new, above: number.max(our_number) };
    (vec![Finding { file: FILE.into(), what, remedy, set_aside: true }], older)
}

/// Whether each of our entries is on the list, or has a certificate that has expired.
fn lacks_nothing(case: &Case<'_>, listed: &BTreeSet<Serial>) -> bool {
    let ours = case.state.lists().own.entries().map(|(serial, _)| serial);
    let missing: BTreeSet<Serial> = ours.filter(|one| !listed.contains(one)).collect();
    if missing.is_empty() {
        return true;
    }
    let mut expired = BTreeSet::new();
    for one in case
        .state
        .inventory()
        .values()
        .flat_map(|all| all.as_slice())
        .filter(|one| missing.contains(&one.serial))
    {
        if one.not_after >= case.now {
            return false;
        }
        expired.insert(one.serial);
    }
    expired == missing
}

/// Of each issuer above ours, the newest list of both sides.
fn chain(case: &Case<'_>, theirs: Vec<RevocationList>) -> Option<Finding> {
    let ours = RevocationList::all_from_pem(case.state.lists().chain_pem.as_bytes()).unwrap_or_default();
    if ours == theirs {
        return None;
    }
    let bundle = Certificate::all_from_pem(case.state.bundle_pem().as_bytes()).unwrap_or_default();
    let genuine = |list: &RevocationList| {
        bundle.iter().any(|issuer| list.is_issued_by(issuer) && list.verify(issuer.spki_der()).is_ok())
    };
    let mut merged = ours.clone();
    for list in theirs.into_iter().filter(genuine) {
        match merged.iter_mut().find(|known| known.issuer_der() == list.issuer_der()) {
            Some(known) if list.long_number() > known.long_number() => *known = list,
            Some(_) => {}
            None => merged.push(list),
        }
    }
    if merged == ours {
        let what = "holds other lists of the issuers above, none of them newer than ours";
        return Some(Finding::restore(FILE, what, Restore::Lists));
    }
    let lists_pem = merged.iter().map(RevocationList::to_pem).collect();
    let command = Command::ChainListsReplaced { lists_pem };
    Some(Finding::adopt(FILE, "holds newer lists of the issuers above", vec![command]).keeping_the_file())
}
