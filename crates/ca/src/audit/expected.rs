//! What the record must be, by the CA's own knowledge: its state, or snapshot and log of one that is stopped.

use super::{Audit, Gap, Head};
use crate::directory::Layout;
use crate::state::DirectoryEffect;
use crate::store::{self, OpenFault};
use crate::view::{self, SnapshotAndLog};

/// What the record must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// A line that must be there, with all before it.
    pub head: Head,
    /// Those after it, as far as the log has them.
    pub lines: Vec<String>,
    /// How many lines the files must have.
    pub count: u64,
    /// What is not held here, and why is known.
    pub gaps: Vec<Gap>,
    /// A CA is at work: there may be more lines by now.
    pub grows: bool,
}

impl Expected {
    /// By what a running CA says of its own record.
    pub fn of_running(head: Head, gaps: Vec<Gap>) -> Self {
        Self { head, lines: Vec::new(), count: head.count, gaps, grows: true }
    }
}

/// By snapshot and log. None in a directory that no Bunraku has ever had. `running` says that a CA has it.
///
/// # Errors
/// [`OpenFault`]; a log that is being shortened at this very moment may look damaged: ask again.
pub fn expected(layout: &Layout, running: bool) -> Result<Option<Expected>, OpenFault> {
    let Some(SnapshotAndLog { position, mut state, mark, entries }) = view::log(layout)? else {
        return Ok(None);
    };
    let begin: Audit = state.audit().clone();
    let mut lines = Vec::new();
    let mut count = begin.head().count;
    for entry in entries.iter().filter(|entry| entry.position.index > position.index) {
        let effects = store::apply(&mut state, entry)?;
        lines.extend(effects.into_iter().filter_map(|effect| match effect {
            DirectoryEffect::AppendAudit(append) => Some(append.text),
            _ => None,
        }));
        if entry.position.index <= mark {
            count = state.audit().head().count;
        }
    }
    let gaps = begin.gaps().to_vec();
    Ok(Some(Expected { head: begin.head(), lines, count, gaps, grows: running }))
}
