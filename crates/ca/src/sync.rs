//! One CA directory brought to the state of another: what a nightly rsync was for, without what it destroys.
//!
//! For directories of Puppet Server, which do not replicate. [`compare`] finds what the destination has that the source
//! lacks, and what contradicts it (a serial number issued twice, two revocation lists of the same number): facts, no
//! file is touched. [`apply`] makes the new directory beside the old one, checks it, and exchanges the two in one step.

mod apply;
mod compare;
mod puppetserver;

pub use apply::{Applied, SyncFault, apply, sweep};
pub use compare::{compare, read};
pub use puppetserver::running as running_puppetserver;

use pki::Serial;
use serde::Serialize;
use std::collections::BTreeMap;

/// Something that the destination has and the source does not, or has otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing: `certificate`, `request`, `inventory`, `revocation`, `revocation-list`, `serial`,
    /// `repeated-serial`, `authority`, `file`.
    pub kind: &'static str,
    /// Below the directory, or a certname.
    pub name: String,
    /// What is the matter.
    pub what: String,
    /// What `--merge` does about it; none when that takes a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<&'static str>,
}

/// Why a directory is none of those that can be brought in step: a sentence.
pub fn owned_by_bunraku(cadir: &std::path::Path) -> Option<String> {
    let layout = crate::directory::Layout::new(cadir);
    let root = cadir.display();
    if crate::fsck::is_running(&layout) {
        Some(format!("{root} is in use by a running CA: stop it first"))
    } else if layout.configuration().exists() {
        Some(format!(
            "{root} belongs to a CA of Bunraku, whose members keep each other in step by themselves (docs/FAILOVER.md). \
             To leave Bunraku, remove its folder {root}/bunraku first"
        ))
    } else {
        None
    }
}

/// Where a file of the result comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Source,
    Destination,
    Made(Vec<u8>),
}

/// What is to be done.
#[derive(Debug, Default, Serialize)]
pub struct Plan {
    /// What the destination has beyond the source, and contradictions. Without `--merge` there may be none.
    pub findings: Vec<Finding>,
    /// Files that the destination does not have yet.
    pub new: Vec<String>,
    /// Files that it has otherwise.
    pub changed: Vec<String>,
    /// Files that go: the source knows of them and has dropped them.
    pub dropped: Vec<String>,
    /// Files that stay as they are.
    pub unchanged: usize,
    /// Files of the source that are not part of a CA and are left alone.
    pub ignored: Vec<String>,
    /// The whole result: each file, below the directory.
    #[serde(skip)]
    pub(crate) result: BTreeMap<String, Origin>,
    /// What the result's revocation list must hold.
    #[serde(skip)]
    pub(crate) revoked: Vec<Serial>,
    /// The result's certificates.
    #[serde(skip)]
    pub(crate) certificates: usize,
}

impl Plan {
    /// Whether the destination may be brought to the source's state, with or without merging.
    pub fn is_clear(&self, merge: bool) -> bool {
        self.findings.iter().all(|finding| merge && finding.merge.is_some())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.dropped.is_empty()
    }
}
