//! `serial`: numbers only grow.

use super::Case;
use crate::command::Command;
use crate::foreign::found::Content;
use crate::foreign::{Finding, Restore};
use pki::Serial;

const FILE: &str = "serial";

pub(super) fn judge(case: &Case<'_>) -> Option<Finding> {
    let ours = case.state.next_serial();
    let found = case.found.serial.as_ref()?;
    let theirs = found.text().and_then(|text| Serial::parse_hex(text).ok());
    Some(match theirs {
        Some(theirs) if theirs == ours => return None,
        Some(theirs) if theirs > ours => {
            let command = Command::SerialsReserved { next: theirs.to_string() };
            Finding::adopt(FILE, format!("is ahead: {theirs}, ours was {ours}"), vec![command])
        }
        Some(theirs) => {
            Finding::restore(FILE, format!("is behind: {theirs}, ours is {ours}"), Restore::Serial)
        }
        None if *found == Content::Missing => Finding::restore(FILE, "is missing", Restore::Serial),
        None => Finding::restore(FILE, "is not a serial number", Restore::Serial),
    })
}
