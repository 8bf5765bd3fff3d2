//! Checks a CA directory against itself, and against its log.
//!
//! Everything is read once ([`material`]); then each check, one file each, looks at it. Files are read in the reverse
//! of the order in which a CA writes them, so that one that is at work meanwhile looks consistent: certificates before
//! the inventory that has them, the inventory before `serial`.

mod audit;
mod chain;
mod inventory;
mod key;
mod leftovers;
mod log;
mod material;
mod permissions;
mod repair;
mod requests;
mod revocation_list;
mod serials;
mod signatures;

pub(crate) use material::parallel;
pub use material::{Material, Progress, is_running};
pub use repair::{RepairFault, Repaired, repair};
pub(crate) use serials::HIGHEST_FOR_PUPPET;

use crate::directory::Layout;
use crate::time;
use serde::Serialize;
use std::io;
use std::path::Path;
use thiserror::Error;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the directory works.
    Notice,
    /// Something is wrong.
    Problem,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Name of the check.
    pub check: &'static str,
    pub severity: Severity,
    /// Below the CA directory.
    pub file: String,
    /// What is the matter.
    pub what: String,
    /// What `--repair` does about it; none when that takes a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
}

/// What can be mended without a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Give the file these permissions.
    SetMode(u32),
    /// Move the file to `bunraku/found`.
    SetAside,
    /// Write the next serial number.
    RaiseSerial(String),
    /// Add lines to the inventory.
    AddInventoryLines(Vec<String>),
    /// End the last line of the inventory.
    EndInventoryLine,
    /// Issue a new revocation list with the same entries.
    IssueList,
    /// Apply the rules for changes by others.
    Settle,
    /// Give the file to this user and group.
    SetOwner(u32, u32),
    /// Write `ca_pub.pem`, which follows from the key.
    WritePublicKey(String),
}

impl Repair {
    /// For the operator.
    pub fn text(&self) -> String {
        match self {
            Self::SetMode(mode) => format!("set its mode to {mode:04o}"),
            Self::SetAside => "move it to bunraku/found".into(),
            Self::RaiseSerial(next) => format!("write {next}"),
            Self::AddInventoryLines(lines) => format!("add {} lines", lines.len()),
            Self::EndInventoryLine => "end the line".into(),
            Self::IssueList => "issue a new list with the same entries".into(),
            Self::SetOwner(user, group) => format!("give it to user {user}, group {group} (as root)"),
            Self::WritePublicKey(_) => "write it from ca_key.pem".into(),
            Self::Settle => "apply the rules for changes by others (docs/CA-DIRECTORY.md)".into(),
        }
    }
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub problems: Vec<Problem>,
    /// Certificates in `signed/`.
    pub certificates: usize,
    /// Requests that wait.
    pub requests: usize,
    /// Lines of the inventory.
    pub inventory_lines: usize,
    /// Entries of our own revocation list.
    pub revocations: usize,
    /// A CA has the directory at the moment.
    pub running: bool,
}

impl Report {
    /// Nothing is wrong; there may be notices.
    pub fn is_clean(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Notice)
    }

    fn problem(
        &mut self,
        check: &'static str,
        file: impl Into<String>,
        what: impl Into<String>,
    ) -> &mut Problem {
        self.add(check, Severity::Problem, file.into(), what.into())
    }

    fn notice(
        &mut self,
        check: &'static str,
        file: impl Into<String>,
        what: impl Into<String>,
    ) -> &mut Problem {
        self.add(check, Severity::Notice, file.into(), what.into())
    }

    fn add(&mut self, check: &'static str, severity: Severity, file: String, what: String) -> &mut Problem {
        self.problems.push(Problem { check, severity, file, what, repair: None });
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }
}

impl Problem {
    fn repair(&mut self, repair: Repair) {
        self.repair = Some(repair);
    }
}

/// Why a directory cannot be checked at all.
#[derive(Debug, Error)]
pub enum FsckFault {
    /// It is no CA directory.
    #[error("{0} is not a CA directory: it has neither ca_crt.pem nor ca_key.pem")]
    NotACa(String),
    /// The file system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A check: what it is called, and what it does.
type Check = (&'static str, fn(&Material, &mut Report));

/// All of them, in the order of the report.
const CHECKS: [Check; 11] = [
    ("key", key::check),
    ("chain", chain::check),
    ("revocation_list", revocation_list::check),
    ("serials", serials::check),
    ("inventory", inventory::check),
    ("signatures", signatures::check),
    ("requests", requests::check),
    ("permissions", permissions::check),
    ("leftovers", leftovers::check),
    ("log", log::check),
    ("audit", audit::check),
];

/// Checks the directory; changes nothing in it.
///
/// # Errors
/// [`FsckFault`].
pub fn check(cadir: &Path, progress: &mut Progress<'_>) -> Result<Report, FsckFault> {
    let layout = Layout::new(cadir);
    if ![layout.bundle(), layout.key(), layout.configuration()].iter().any(|file| file.exists()) {
        return Err(FsckFault::NotACa(cadir.display().to_string()));
    }
    let material = Material::read(&layout, time::now(), progress)?;
    let mut report = Report {
        certificates: material.signed.len(),
        requests: material.requests.len(),
        inventory_lines: material.rows.len(),
        revocations: material.own_list.as_ref().map_or(0, |list| list.len()),
        running: material.running,
        ..Report::default()
    };
    for (name, check) in CHECKS {
        progress(name, 0, 0);
        check(&material, &mut report);
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
