//! Mends what needs no decision. Only in a directory that no CA has, and whose log has no other owner.

use super::{Problem, Repair, Report};
use crate::directory::{Layout, PUBLIC_MODE, sync_directory};
use crate::hand_over::HandOver;
use crate::store::{OpenFault, Store};
use crate::time;
use replica::MemberName;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::Path;
use thiserror::Error;

/// Why nothing could be mended.
#[derive(Debug, Error)]
pub enum RepairFault {
    /// It cannot be had.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// Others follow its log, or it follows another's.
    #[error("{0} shares its log with other members: start it, and it puts its own directory right")]
    Shared(String),
    /// The list could not be signed.
    #[error("the revocation list cannot be issued: {0}")]
    List(String),
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What was mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    pub done: Vec<Problem>,
}

/// Mends everything in `report` that has a repair. `member` is the name of the member whose directory this is. A
/// directory that no Bunraku has had is taken over by this: its log begins here.
///
/// # Errors
/// [`RepairFault`]; what was mended before stays so.
pub fn repair(cadir: &Path, member: &str, report: &Report) -> Result<Repaired, RepairFault> {
    // Declared before the store, so that it is dropped after it.
    let _hand_over = HandOver::of(Layout::new(cadir));
    let mut store = Store::open(cadir)?;
    if !store.membership.sole_owner(&MemberName::new(member)) {
        return Err(RepairFault::Shared(member.to_owned()));
    }
    let layout = store.directory.layout().clone();
    let mut repaired = Repaired::default();
    let wanted = |problem: &&Problem| problem.repair.is_some();

    // 1. Single files.
    let mut notes = Vec::new();
    for problem in report.problems.iter().filter(wanted) {
        let path = layout.root().join(&problem.file);
        match &problem.repair {
            Some(Repair::SetMode(mode)) => fs::set_permissions(&path, Permissions::from_mode(*mode))?,
            Some(Repair::SetAside) => set_aside(&layout, &problem.file)?,
            Some(Repair::SetOwner(user, group)) => match chown(&path, Some(*user), Some(*group)) {
                // Only root gives files away: it stays a problem.
                Err(fault) if fault.kind() == io::ErrorKind::PermissionDenied => continue,
                other => other?,
            },
            Some(Repair::WritePublicKey(pem)) => {
                store.directory.write(&layout.public_key(), pem.as_bytes(), PUBLIC_MODE)?;
            }
            _ => continue,
        }
        let remedy = problem.repair.as_ref().map(Repair::text).unwrap_or_default();
        notes.push(format!("fsck --repair: {} {}: {remedy}", problem.file, problem.what));
        repaired.done.push(problem.clone());
    }

    // 2. The rules for what others did, over everything and not only what is new.
    match fs::remove_file(layout.seen()) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault.into()),
        _ => {}
    }
    store.settle()?;
    store.note(notes)?;

    // 3. What is wrong in the log itself, too.
    let mut lines = String::new();
    for problem in report.problems.iter().filter(wanted) {
        match &problem.repair {
            Some(Repair::AddInventoryLines(more)) => more.iter().for_each(|line| lines.push_str(line)),
            Some(Repair::RaiseSerial(next)) => store.raise_serial(next)?,
            Some(Repair::IssueList) => store.issue_list().map_err(RepairFault::List)?,
            Some(Repair::Settle | Repair::EndInventoryLine) => {}
            _ => continue,
        }
        repaired.done.push(problem.clone());
    }
    store.complete_inventory(&lines)?;
    Ok(repaired)
}

fn set_aside(layout: &Layout, file: &str) -> io::Result<()> {
    let place = layout.found().join(time::format(time::now()).replace(':', ""));
    let target = place.join(file);
    let parent = target.parent().unwrap_or(&place);
    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    match fs::rename(layout.root().join(file), &target) {
        // The rules for what others did may have been quicker.
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    sync_directory(parent)?;
    let origin = layout.root().join(file);
    sync_directory(origin.parent().unwrap_or(layout.root()))
}
