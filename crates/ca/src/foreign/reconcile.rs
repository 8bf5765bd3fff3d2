//! The rules: what is made of each difference between the log and the directory. Pure; no file is touched here.
//!
//! What makes the authority know more is taken over: requests, certificates that our key signed, inventory lines,
//! revocations, higher numbers. What would make it forget (a restored backup) is not: the log wins then, and the file
//! is set aside. A certificate file that is gone is the one thing that an operator takes away on purpose.

mod bundle;
mod certificates;
mod inventory;
mod lists;
mod requests;
mod serial;

pub(crate) use requests::judge_request;

use super::found::Found;
use super::{Finding, Remedy};
use crate::command::Command;
use crate::inventory::Row;
use crate::state::State;
use pki::Serial;
use std::collections::BTreeSet;

/// What the rules look at.
struct Case<'a> {
    state: &'a State,
    found: &'a Found,
    /// Unix seconds.
    now: i64,
    /// Whether the bytes of a certificate that is not in its file (any more) can be had elsewhere.
    recoverable: &'a dyn Fn(&str) -> bool,
    /// Files older than the log were put in place of newer ones: what is missing now was not taken away on purpose.
    backup: bool,
    /// Serials with a row in the inventory as it was found.
    rows: BTreeSet<(Serial, String)>,
}

/// Says what the log and the directory disagree about, and what follows. `found` are the files that may differ; `now`
/// is in Unix seconds; `recoverable` tells whether the bytes of a name's certificate can be had from elsewhere.
///
/// Findings come in the order in which they must be carried out: numbers and rows before what has them.
pub fn reconcile(state: &State, found: &Found, now: i64, recoverable: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut case = Case { state, found, now, recoverable, backup: false, rows: BTreeSet::new() };
    let (inventory, shrunk) = inventory::judge(&mut case);
    let (lists, older) = lists::judge(&case);
    case.backup = shrunk || older;
    let serial = serial::judge(&case);
    let certificates = certificates::judge(&case);
    let requests = requests::judge(&case);
    let strange = found.strange.iter().map(|file| Finding::leave(file, "is not a file that a CA has here"));
    let mut findings: Vec<Finding> = serial
        .into_iter()
        .chain(bundle::judge(&case))
        .chain(inventory)
        .chain(certificates)
        .chain(requests)
        .chain(lists)
        .chain(strange)
        .collect();
    raise_serial(state, &mut findings);
    findings
}

/// A serial that is in use must never be given again, whatever the file `serial` says.
fn raise_serial(state: &State, findings: &mut Vec<Finding>) {
    let mut next = state.next_serial();
    let mut needed = next;
    for finding in findings.iter() {
        let Remedy::Adopt(commands) = &finding.remedy else { continue };
        for command in commands {
            match command {
                Command::SerialsReserved { next: hex } => {
                    next = Serial::parse_hex(hex).map_or(next, |serial| next.max(serial));
                }
                Command::CertificateAdopted { serial, .. } => {
                    needed = Serial::parse_hex(serial).map_or(needed, |serial| needed.max(serial.next()));
                }
                Command::InventoryAdopted { text, .. } => {
                    let highest = text.lines().filter_map(Row::parse).map(|row| row.serial).max();
                    needed = highest.map_or(needed, |serial| needed.max(serial.next()));
                }
                _ => {}
            }
        }
    }
    if needed > next {
        let command = Command::SerialsReserved { next: needed.to_string() };
        findings.insert(0, Finding::adopt("serial", "was behind the certificates", vec![command]));
    }
}
