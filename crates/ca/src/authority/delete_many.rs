//! Many signed certificates are dropped at once: those that have expired, that have been revoked, or that are named.

use super::{Authority, Caller, Failure};
use crate::command::{Command, Outcome};
use crate::state::State;
use crate::{answer, time};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use tracing::info;

/// Certificates that one entry of the log drops.
const GROUP: usize = 1024;

/// Which certificates are to be dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deletion {
    /// Those that have ended.
    pub expired: bool,
    /// Those on the revocation list.
    pub revoked: bool,
    /// Every one.
    pub all: bool,
    /// Those of these names.
    pub certnames: Vec<String>,
}

impl Deletion {
    fn reason(&self) -> String {
        let asked = [
            (self.all, "all"),
            (self.expired, "expired"),
            (self.revoked, "revoked"),
            (!self.certnames.is_empty(), "by name"),
        ];
        let words: Vec<&str> = asked.iter().filter(|(asked, _)| *asked).map(|(_, word)| *word).collect();
        format!("delete: {}", words.join(" or "))
    }
}

/// What became of a [`Deletion`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Names whose certificate was dropped.
    pub deleted: Vec<String>,
    /// Names that were asked for and have none.
    pub missing: Vec<String>,
}

impl Authority {
    /// Drops the certificates that `wanted` describes. This revokes nothing.
    ///
    /// # Errors
    /// [`Failure`]; some may have been dropped then.
    pub async fn delete_signed(
        self: &Arc<Self>,
        caller: &Caller,
        wanted: &Deletion,
    ) -> Result<Deleted, Failure> {
        let now = time::now();
        let found = self.ledger.read(|state| choose(state, wanted, now)).ok_or(Failure::NoState)?;
        let _names = self.names.hold_all(&found.deleted).await;
        let groups = found.deleted.chunks(GROUP);
        let last = groups.len().saturating_sub(1);
        for (number, group) in groups.enumerate() {
            let removed =
                group.iter().map(|certname| Command::CertificateRemoved { certname: certname.clone() });
            let commands = std::iter::once(Command::Because { text: wanted.reason() }).chain(removed);
            let outcome = (number == last).then(|| Outcome {
                status: 200,
                content_type: answer::JSON_UTF8.to_owned(),
                body: answer::deleted_many(&found),
            });
            self.ledger.complete(caller.epoch, caller.envelope(outcome, commands.collect())).await?;
        }
        info!(count = found.deleted.len(), "certificates deleted");
        Ok(found)
    }
}

fn choose(state: &State, wanted: &Deletion, now: i64) -> Deleted {
    let named: BTreeSet<&str> = wanted.certnames.iter().map(String::as_str).collect();
    let chosen = state.signed().iter().filter(|(name, one)| {
        wanted.all
            || wanted.expired && one.not_after < now
            || wanted.revoked && state.is_revoked(&one.serial)
            || named.contains(name.as_ref() as &str)
    });
    let deleted: Vec<String> = chosen.map(|(name, _)| name.to_string()).collect();
    let missing = wanted.certnames.iter().filter(|name| !state.signed().contains_key(name.as_str()));
    Deleted { deleted, missing: missing.cloned().collect() }
}
