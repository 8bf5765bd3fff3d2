//! `serial` is above every serial in use, and each serial belongs to one certificate.

use super::{Material, Repair, Report};
use pki::Serial;
use std::collections::BTreeMap;

const CHECK: &str = "serials";
const FILE: &str = "serial";
/// The highest that Puppet Server reads back from `serial`.
pub(crate) const HIGHEST_FOR_PUPPET: u64 = 0x7FFF_FFFF;

pub(super) fn check(material: &Material, report: &mut Report) {
    let mut owners: BTreeMap<Serial, Vec<(String, &str)>> = BTreeMap::new();
    for row in material.rows.iter().filter_map(|line| line.row.as_ref()) {
        own(&mut owners, row.serial, &row.name, "inventory.txt");
    }
    for (name, certificate) in material.ours() {
        own(&mut owners, certificate.serial(), name, "signed/");
    }
    for (serial, names) in owners.iter().filter(|(_, names)| names.len() > 1) {
        let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let what = format!("serial {serial} belongs to several: {}; replace all but one", names.join(", "));
        report.problem(CHECK, "inventory.txt", what);
    }
    // A number that only the list knows was given to somebody, too.
    let listed = material.own_list.iter().flat_map(|list| list.entries()).map(|(serial, _)| serial);
    let highest = owners.keys().next_back().copied().into_iter().chain(listed).max();
    let Some(text) = material.serial.bytes() else {
        let problem = report.problem(CHECK, FILE, "is missing");
        if let Some(highest) = highest {
            problem.repair(Repair::RaiseSerial(highest.next().to_string()));
        }
        return;
    };
    match Serial::parse_hex(&String::from_utf8_lossy(text)) {
        Err(fault) => {
            let problem = report.problem(CHECK, FILE, format!("cannot be read: {fault}"));
            if let Some(highest) = highest {
                problem.repair(Repair::RaiseSerial(highest.next().to_string()));
            }
        }
        Ok(next) => {
            if let Some(highest) = highest.filter(|highest| *highest >= next) {
                let what =
                    format!("is {next}, but {highest} is in use: the next certificate would repeat one");
                report.problem(CHECK, FILE, what).repair(Repair::RaiseSerial(highest.next().to_string()));
            } else if next.to_u64().is_none_or(|next| next > HIGHEST_FOR_PUPPET) {
                report.notice(CHECK, FILE, format!("is {next}, which Puppet Server cannot read"));
            }
        }
    }
}

fn own<'a>(owners: &mut BTreeMap<Serial, Vec<(String, &'a str)>>, serial: Serial, name: &str, file: &'a str) {
    let names = owners.entry(serial).or_default();
    if names.iter().all(|(known, _)| known != name) {
        names.push((name.to_owned(), file));
    }
}
