//! What others do to the CA directory: an operator with an editor, a restored backup, Puppet Server while this CA was
//! stopped. It is noticed, told, and dealt with by a stated rule; nothing of it is ever lost without a trace.
//!
//! 1. [`stamp`]: has anything changed at all? Six `stat` calls, whatever the size of the directory.
//! 2. [`look`]: if so, which names? Only files that are new or changed since are read.
//! 3. [`reconcile`]: pure; the rule for each (docs/CA-DIRECTORY.md has them as a table).
//! 4. [`settle`]: what is adopted becomes commands in the log; what is not is set aside under `bunraku/found`, and the
//!    file written anew.

pub mod acted;
pub mod explained;
pub mod found;
pub mod look;
pub mod reconcile;
pub mod settle;
pub mod stamp;
mod start;

use crate::command::Command;
use pki::Serial;

/// One thing in the directory that the log knows nothing of, and the rule for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Below the CA directory: `signed/a.example.com.pem`.
    pub file: String,
    /// What is the matter, as a sentence without its subject: `was put there by somebody else`.
    pub what: String,
    /// What is done about it.
    pub remedy: Remedy,
    /// The file is copied to `bunraku/found` first, because the remedy takes its place.
    pub set_aside: bool,
}

/// What is done about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It enters the log.
    Adopt(Vec<Command>),
    /// Entries of a revocation list of ours that we have not: they are put on our next list, whose number is above both.
    Revoke { entries: Vec<(Serial, i64)>, above: u64 },
    /// The log wins: the file is written anew.
    Restore(Restore),
    /// It is none of ours, and stays as it is.
    Leave,
}

/// What is written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restore {
    /// `ca_crt.pem`.
    Bundle,
    Serial,
    Lists,
    /// Only what the log knows of it.
    Inventory,
    Request(String),
    Certificate(String),
    /// The file goes: the log says that there is none.
    Nothing,
}

impl Finding {
    fn adopt(file: impl Into<String>, what: impl Into<String>, commands: Vec<Command>) -> Self {
        Self { file: file.into(), what: what.into(), remedy: Remedy::Adopt(commands), set_aside: false }
    }

    fn restore(file: impl Into<String>, what: impl Into<String>, restore: Restore) -> Self {
        Self { file: file.into(), what: what.into(), remedy: Remedy::Restore(restore), set_aside: true }
    }

    fn leave(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self { file: file.into(), what: what.into(), remedy: Remedy::Leave, set_aside: false }
    }

    fn keeping_the_file(mut self) -> Self {
        self.set_aside = true;
        self
    }

    /// What is done, for the operator.
    pub fn consequence(&self) -> &'static str {
        match &self.remedy {
            Remedy::Adopt(_) => "taken over",
            Remedy::Revoke { .. } => "its entries go on our next revocation list",
            Remedy::Restore(Restore::Nothing) => "set aside in bunraku/found",
            Remedy::Restore(_) => "set aside in bunraku/found and written anew",
            Remedy::Leave => "left alone",
        }
    }
}
