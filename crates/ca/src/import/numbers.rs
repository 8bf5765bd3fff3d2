//! `inventory.txt` and `serial`: nothing is forgotten, and no number is given twice.

use super::{Imported, bytes};
use crate::directory::{Layout, PRIVATE_MODE, PUBLIC_MODE};
use crate::fsck::HIGHEST_FOR_PUPPET;
use crate::import::ImportFault;
use crate::inventory::Row;
use crate::state::Signed;
use pki::Serial;
use pki::crl::RevocationList;
use std::collections::{BTreeMap, BTreeSet};

/// What the inventory holds, or will hold when it is mended.
pub(super) struct Inventory {
    pub bytes: Vec<u8>,
    pub rows: Vec<Row>,
    /// The highest number on any line, even one that is otherwise not understood.
    highest: Option<Serial>,
    was_empty: bool,
}

/// Reads the inventory. A last line that was cut off is ended, and certificates without a line get theirs.
pub(super) fn inventory(
    layout: &Layout,
    signed: &BTreeMap<String, Signed>,
    imported: &mut Imported,
) -> Result<Inventory, ImportFault> {
    let path = layout.inventory();
    let mut bytes = bytes(&path)?;
    let was_empty = bytes.trim_ascii().is_empty();
    // An old subject may be in another encoding; the file keeps its octets.
    let text = String::from_utf8_lossy(&bytes);
    let mut rows = Vec::new();
    let mut highest = None;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        highest = highest.max(first_number(line));
        match Row::parse(line) {
            Some(row) => rows.push(row),
            None => {
                imported.say(format!("line {} of inventory.txt cannot be understood; left alone", number + 1))
            }
        }
    }
    let mut added = String::new();
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        imported.say("the last line of inventory.txt was cut off; it is ended".to_owned());
        let torn = text.lines().next_back().unwrap_or_default();
        if let Some((row, rest)) = completed(torn, signed) {
            if Row::parse(torn).is_some() {
                rows.pop();
            }
            rows.push(row);
            added.push_str(&rest);
        } else {
            added.push('\n');
        }
    }
    let known: BTreeSet<(Serial, &str)> = rows.iter().map(|row| (row.serial, row.name.as_str())).collect();
    let lacking = signed.iter().filter(|(name, one)| !known.contains(&(one.serial, name.as_str())));
    let mut lacking: Vec<Row> = lacking
        .map(|(name, one)| Row {
            serial: one.serial,
            not_before: one.not_before,
            not_after: one.not_after,
            name: name.clone(),
        })
        .collect();
    lacking.sort_by_key(|row| row.serial);
    for row in &lacking {
        imported.say(format!("inventory.txt had no line for serial {} of {}; added", row.serial, row.name));
        added.push_str(&row.to_line());
    }
    rows.extend(lacking);
    if !added.is_empty() {
        bytes.extend_from_slice(added.as_bytes());
        imported.mend(path, bytes.clone(), PRIVATE_MODE);
    }
    Ok(Inventory { bytes, rows, highest, was_empty })
}

/// The row that a line would have become that was cut off, and what it lacks, if one of the certificates says so.
fn completed(torn: &str, signed: &BTreeMap<String, Signed>) -> Option<(Row, String)> {
    let number = first_number(torn);
    let rows = signed.iter().map(|(name, one)| Row {
        serial: one.serial,
        not_before: one.not_before,
        not_after: one.not_after,
        name: name.clone(),
    });
    let mut rows = rows.filter(|row| number == Some(row.serial));
    rows.find_map(|row| {
        let line = row.to_line();
        let rest = match Row::parse(torn) {
            // All but the end of the name.
            Some(cut) => row.name.strip_prefix(&cut.name).map(|rest| format!("{rest}\n")),
            None => line.strip_prefix(torn).map(str::to_owned),
        };
        rest.map(|rest| (row, rest))
    })
}

/// The number at the beginning of a line; only where it is marked as one, because any word may be hexadecimal.
fn first_number(line: &str) -> Option<Serial> {
    let first = line.split_ascii_whitespace().next()?;
    let marked = first.starts_with("0x") || first.starts_with("0X");
    let row = Row::parse(line).map(|row| row.serial);
    row.or_else(|| Serial::parse_hex(first).ok().filter(|_| marked))
}

/// The number that is used next: what `serial` says, and above all that is in use.
pub(super) fn next_serial(
    layout: &Layout,
    inventory: &Inventory,
    signed: &BTreeMap<String, Signed>,
    own: &RevocationList,
    imported: &mut Imported,
) -> Result<Serial, ImportFault> {
    let next = above_all(layout, inventory, signed, own, imported)?;
    if next.to_u64().is_none_or(|next| next > HIGHEST_FOR_PUPPET) {
        imported.say(format!("serial is {next}, and Puppet Server reads none above 7FFFFFFF: it cannot follow on this directory"));
    }
    Ok(next)
}

fn above_all(
    layout: &Layout,
    inventory: &Inventory,
    signed: &BTreeMap<String, Signed>,
    own: &RevocationList,
    imported: &mut Imported,
) -> Result<Serial, ImportFault> {
    let path = layout.serial();
    let text = bytes(&path)?;
    let text = String::from_utf8_lossy(&text);
    let written = match text.trim() {
        "" if inventory.was_empty => return Err(ImportFault::NoNumbers { path }),
        "" => None,
        digits => Some(Serial::parse_hex(digits).map_err(|fault| {
            let advice = "restore it; if it is lost, make it an empty file, and numbers go on above the highest in use";
            ImportFault::content(&path, format!("{fault}; {advice}"))
        })?),
    };
    let rows = inventory.rows.iter().map(|row| row.serial).chain(inventory.highest);
    let files = signed.values().map(|one| one.serial);
    let highest = rows.chain(files).chain(own.entries().map(|(serial, _)| serial)).max();
    let least = highest.map_or(Serial::from_u64(1), |highest| highest.next());
    match written {
        Some(written) if written >= least => return Ok(written),
        Some(written) => {
            imported.say(format!("serial was {written}, behind numbers in use; {least} is next"));
        }
        None => imported.say(format!("serial was empty; {least} is next, above the highest in use")),
    }
    imported.mend(path, least.to_string().into_bytes(), PUBLIC_MODE);
    Ok(least)
}

/// Says which numbers belong to several names.
pub(super) fn tell_duplicates(
    inventory: &Inventory,
    signed: &BTreeMap<String, Signed>,
    imported: &mut Imported,
) {
    let mut owners: BTreeMap<Serial, BTreeSet<&str>> = BTreeMap::new();
    let rows = inventory.rows.iter().map(|row| (row.serial, row.name.as_str()));
    for (serial, name) in rows.chain(signed.iter().map(|(name, one)| (one.serial, name.as_str()))) {
        owners.entry(serial).or_default().insert(name);
    }
    for (serial, names) in owners.into_iter().filter(|(_, names)| names.len() > 1) {
        let names: Vec<&str> = names.into_iter().collect();
        imported.say(format!(
            "serial {serial} belongs to several names: {}; revoking one revokes all of them, so replace all but one",
            names.join(", ")
        ));
    }
}
