//! `inventory.txt` has a line for each certificate, and each of its lines can be read.

use super::{Material, Repair, Report};
use crate::inventory::Row;
use std::collections::{BTreeMap, BTreeSet};

const CHECK: &str = "inventory";
const FILE: &str = "inventory.txt";

pub(super) fn check(material: &Material, report: &mut Report) {
    let Some(bytes) = material.inventory.bytes() else {
        let lines = material.ours().map(|(name, one)| line(name, one)).collect();
        report.problem(CHECK, FILE, "is missing").repair(Repair::AddInventoryLines(lines));
        return;
    };
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        let what = "its last line does not end: whoever wrote it was interrupted";
        // A CA at work may be writing it at this moment.
        if !material.running {
            report.problem(CHECK, FILE, what).repair(Repair::EndInventoryLine);
        }
    }
    for line in material.rows.iter().filter(|line| line.row.is_none()) {
        report.notice(CHECK, FILE, format!("line {} cannot be understood: {:?}", line.number, line.text));
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &material.rows {
        *counts.entry(line.text.as_str()).or_default() += 1;
    }
    let twice = counts.values().filter(|count| **count > 1).count();
    if twice > 0 {
        report.notice(CHECK, FILE, format!("{twice} lines are there more than once; it does no harm"));
    }
    let rows: BTreeSet<(pki::Serial, &str)> = material
        .rows
        .iter()
        .filter_map(|line| line.row.as_ref())
        .map(|row| (row.serial, row.name.as_str()))
        .collect();
    for (name, certificate) in material.ours() {
        if !rows.contains(&(certificate.serial(), name)) {
            let what = format!(
                "has no line for serial {} of {name}: revoking that name would miss it",
                certificate.serial()
            );
            let repair = Repair::AddInventoryLines(vec![line(name, certificate)]);
            report.problem(CHECK, FILE, what).repair(repair);
        }
    }
}

fn line(name: &str, certificate: &pki::Certificate) -> String {
    let row = Row {
        serial: certificate.serial(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        name: name.to_owned(),
    };
    row.to_line()
}
