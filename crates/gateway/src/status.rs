//! What the front end knows, as `GET /bunraku/v1/status` and `bunraku status --json` show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::protocol::internal::{MemberStatus, WorkerStatus};

/// The whole view. A reader of [`wire::protocol::internal::Status`] understands it too: there is only more here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Epoch of the register; 0 while it has none.
    pub epoch: u64,
    /// The certificate authority and its members.
    pub ca: CaStatus,
    /// The catalog workers.
    pub workers: Vec<WorkerStatus>,
    /// Where the register is, and how.
    #[serde(default)]
    pub register: RegisterStatus,
    /// The live front ends, this one too, when several share the register.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub front_ends: Vec<FrontEndStatus>,
    /// What cannot happen now, or should be looked at, as sentences.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
    /// Requests that wait for a worker.
    #[serde(default)]
    pub queue: QueueStatus,
    /// Requests answered or refused since the start, all routes.
    pub requests_total: u64,
}

/// Where the register is, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegisterStatus {
    /// `embedded` or `etcd`.
    pub kind: String,
    /// Whether it can be read and changed.
    pub answers: bool,
    /// Since when that is so; RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
    /// Where etcd is asked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub endpoints: Vec<String>,
}

/// What one front end sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontEndStatus {
    /// Its certname.
    pub name: String,
    /// The epoch that it knows.
    pub epoch: u64,
    /// CA members that it cannot use, and why.
    pub down: BTreeMap<String, String>,
}

/// Requests that wait, or have waited, because every catalog worker had as many as it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStatus {
    /// Now.
    pub waiting: usize,
    /// Since the start.
    pub waited_total: u64,
    /// Since the start, those that were answered 503: too many waited, or for too long.
    pub turned_away_total: u64,
}

impl From<crate::workers::Queue> for QueueStatus {
    fn from(queue: crate::workers::Queue) -> Self {
        Self { waiting: queue.waiting, waited_total: queue.waited, turned_away_total: queue.turned_away }
    }
}

/// The certificate authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaStatus {
    /// Name of the member that CA requests go to; none while they are held.
    pub active: Option<String>,
    /// All configured members, the preferred one first.
    pub members: Vec<CaMemberStatus>,
    /// Requests waiting for an active member now.
    pub held: u64,
    /// Requests that had to wait since the start.
    pub held_total: u64,
    /// Requests that nobody took in time, since the start.
    #[serde(default)]
    pub timed_out_total: u64,
    /// The last change of the active member.
    pub last_failover: Option<LastFailover>,
    /// The last changes, oldest first; they outlive a restart of the front end.
    #[serde(default)]
    pub failovers: Vec<LastFailover>,
    /// How many changes of the active member there have been, by [`LastFailover::kind`].
    #[serde(default)]
    pub failover_totals: std::collections::BTreeMap<String, u64>,
    /// What would happen if the primary died now, as a sentence.
    #[serde(default)]
    pub if_primary_died: String,
    /// What keeps the front end from naming an active member, when something does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub obstacle: Option<String>,
    /// The member that would take over if the active one died now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub successor: Option<String>,
}

/// One CA member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaMemberStatus {
    /// What it is and does.
    #[serde(flatten)]
    pub member: MemberStatus,
    /// Why it is down.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
    /// Entries that it is behind the primary.
    #[serde(default)]
    pub lag_entries: Option<u64>,
    /// How long it has been behind, in seconds; 0 when it is not.
    #[serde(default)]
    pub lag_seconds: Option<f64>,
    /// Seconds since it last answered a probe.
    #[serde(default)]
    pub silent_seconds: Option<f64>,
    /// When it left the in-sync set, if it is not in it; RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub out_of_sync_since: Option<String>,
    /// Held back for maintenance: not made primary by itself again.
    #[serde(default)]
    pub held_back: bool,
    /// The newest kind of change that it knows; while one member knows less, the primary makes none of that kind.
    #[serde(default)]
    pub level: Option<u16>,
}

/// A change of the active CA.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LastFailover {
    /// When it was complete; RFC 3339, UTC.
    pub at: String,
    /// The member that was active before.
    pub from: Option<String>,
    /// The member that is active since.
    pub to: String,
    /// The epoch that began with it.
    pub epoch: u64,
    /// Why, in a word: `refused`, `unreachable`, `silent`, `reset`, `unusable`, `disk-full`, `disk`, `disk-lost`,
    /// `stalled`, `restart`, `switchover`, `forced`, `elsewhere` (another front end decided; its log says why).
    pub kind: String,
    /// Why.
    pub reason: String,
    /// Time without an active CA, in milliseconds, as far as the front end could see.
    pub duration_ms: u64,
    /// Requests that waited for it.
    pub held: u64,
    /// Those of them that waited in vain.
    pub timed_out: u64,
}

impl LastFailover {
    /// For the log.
    pub fn sentence(&self) -> String {
        format!(
            "CA requests go to {} in epoch {}, after {} ms without an active CA ({}); {} requests waited, {} of them in vain",
            self.to, self.epoch, self.duration_ms, self.reason, self.held, self.timed_out
        )
    }
}
