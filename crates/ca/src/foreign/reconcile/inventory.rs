//! `inventory.txt`: lines are added, none is ever forgotten.

use super::Case;
use crate::command::Command;
use crate::foreign::Finding;
use crate::inventory::Row;
use std::collections::BTreeSet;

const FILE: &str = "inventory.txt";

/// The finding, and whether the file holds less than it did.
pub(super) fn judge(case: &mut Case<'_>) -> (Option<Finding>, bool) {
    let Some(content) = &case.found.inventory else { return (None, false) };
    let bytes = content.bytes().unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let length = usize::try_from(case.state.inventory_length()).unwrap_or(usize::MAX);
    let intact = bytes.get(..length).is_some_and(|ours| crc32c::crc32c(ours) == case.state.inventory_sum());
    if intact && bytes.len() == length {
        return (None, false);
    }
    let rows: Vec<Row> = text.lines().filter_map(Row::parse).collect();
    case.rows = rows.into_iter().map(|row| (row.serial, row.name)).collect();
    if intact && let Some(added) = text.get(length..) {
        let rows = added.lines().filter(|line| Row::parse(line).is_some()).count();
        let command = Command::InventoryAdopted { offset: length as u64, text: added.to_owned() };
        return (
            Some(Finding::adopt(FILE, format!("has {rows} lines that the log has not"), vec![command])),
            false,
        );
    }
    // Something before the end is other than it was: what is there now, and whatever it lacks of ours after it.
    let mut whole = text.into_owned();
    if !whole.is_empty() && !whole.ends_with('\n') {
        whole.push_str(&end_of_torn(case, &whole));
        whole.push('\n');
    }
    let lacking = lacking(case);
    for row in &lacking {
        whole.push_str(&row.to_line());
        case.rows.insert((row.serial, row.name.clone()));
    }
    let what = match (content.bytes(), lacking.len()) {
        (None, count) => format!("is missing: written anew with the {count} lines of the log"),
        (Some(_), count) => format!("was changed, and {count} lines of the log were missing in it"),
    };
    let command = Command::InventoryAdopted { offset: 0, text: whole };
    let finding = Finding::adopt(FILE, what, vec![command]).keeping_the_file();
    (Some(finding), !lacking.is_empty())
}

/// What the last line lacks if it is one of the log's that was cut off in its name: else the rest of it would count as
/// another name with the same serial.
fn end_of_torn(case: &mut Case<'_>, text: &str) -> String {
    let Some(cut) = text.lines().next_back().and_then(Row::parse) else { return String::new() };
    let holders = case.state.inventory().iter().filter(|(name, issued)| {
        name.starts_with(&cut.name) && issued.as_slice().iter().any(|one| one.serial == cut.serial)
    });
    let names: Vec<String> = holders.map(|(name, _)| name.to_string()).collect();
    let [name] = &names[..] else { return String::new() };
    case.rows.remove(&(cut.serial, cut.name.clone()));
    case.rows.insert((cut.serial, name.clone()));
    name[cut.name.len()..].to_owned()
}

/// What the log knows and the file does not, by serial.
fn lacking(case: &Case<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, issued) in case.state.inventory() {
        for one in issued.as_slice() {
            let key = (one.serial, name.to_string());
            if case.rows.contains(&key) || !seen.insert(key) {
                continue;
            }
            let signed = case.state.signed().get(name).filter(|signed| signed.serial == one.serial);
            // No decision ever asks when a certificate's life began: only the file it is in knows.
            let not_before = signed.map_or(0, |signed| signed.not_before);
            rows.push(Row {
                serial: one.serial,
                not_before,
                not_after: one.not_after,
                name: name.to_string(),
            });
        }
    }
    rows.sort_by_key(|row| row.serial);
    rows
}
