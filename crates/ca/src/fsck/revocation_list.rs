//! `ca_crl.pem`: ours is there, signed by our key, numbered, current; those of the chain are theirs.

use super::{Material, Repair, Report};
use crate::time;
use pki::crl::RevocationList;
use std::collections::BTreeMap;

const CHECK: &str = "revocation_list";
const FILE: &str = "ca_crl.pem";

pub(super) fn check(material: &Material, report: &mut Report) {
    let lists = match &material.lists {
        Ok(lists) => lists,
        Err(fault) => {
            report.problem(CHECK, FILE, format!("cannot be read: {fault}"));
            return;
        }
    };
    let Some(issuer) = &material.issuer else { return };
    let bundle = material.bundle.as_deref().unwrap_or_default();
    match lists.iter().position(|list| list.is_issued_by(issuer)) {
        None => {
            report.problem(CHECK, FILE, "has no list of this CA");
        }
        Some(0) => {}
        Some(_) => {
            report.problem(CHECK, FILE, "does not begin with the list of this CA");
        }
    }
    for list in lists {
        let of = list.issuer_rfc2253();
        match bundle.iter().find(|one| list.is_issued_by(one)) {
            Some(issuer) if list.verify(issuer.spki_der()).is_err() => {
                report.problem(CHECK, FILE, format!("the list of {of} is not signed by its key"));
            }
            Some(_) => {}
            None => {
                report.problem(CHECK, FILE, format!("the list of {of} is of nobody in ca_crt.pem"));
            }
        }
        let own = list.is_issued_by(issuer);
        expiry(material, report, list, own);
        if own {
            own_list(report, list);
        }
    }
}

fn expiry(material: &Material, report: &mut Report, list: &RevocationList, own: bool) {
    let Some(end) = list.next_update() else { return };
    if end < material.now {
        let what = format!("the list of {} has expired ({})", list.issuer_rfc2253(), time::format(end));
        let problem = report.problem(CHECK, FILE, what);
        if own {
            problem.repair(Repair::IssueList);
        }
    }
}

fn own_list(report: &mut Report, list: &RevocationList) {
    if list.number().is_none() {
        report.problem(CHECK, FILE, "our list has no number").repair(Repair::IssueList);
    }
    let mut counts = BTreeMap::new();
    for (serial, _) in list.entries() {
        *counts.entry(serial).or_insert(0_usize) += 1;
    }
    let twice = counts.values().filter(|count| **count > 1).count();
    if twice > 0 {
        report.notice(CHECK, FILE, format!("{twice} serials are on our list more than once"));
    }
}
