//! What the front end knows, as `GET /bunraku/v1/status` and `bunraku status --json` show it.

use serde::{Deserialize, Serialize};
use wire::protocol::internal::{MemberStatus, WorkerStatus};

/// The whole view. A reader of [`wire::protocol::internal::Status`] understands it too: there is only more here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Epoch of the register; 0 while it has none.
    pub epoch: u64,
    /// The certificate authority and its members.
    pub ca: CaStatus,
    /// The catalog workers.
    pub workers: Vec<WorkerStatus>,
    /// Requests answered or refused since the start, all routes.
    pub requests_total: u64,
}

/// The certificate authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaStatus {
    /// Name of the member that CA requests go to; none while they are held.
    pub active: Option<String>,
    /// All configured members, the preferred one first.
    pub members: Vec<CaMemberStatus>,
    /// Requests waiting for an active member now.
    pub held: u64,
    /// Requests that had to wait since the start.
    pub held_total: u64,
    /// The last change of the active member.
    pub last_failover: Option<LastFailover>,
    /// What keeps the front end from naming an active member, when something does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub obstacle: Option<String>,
    /// The member that would take over if the active one died now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub successor: Option<String>,
}

/// One CA member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaMemberStatus {
    /// What it is and does.
    #[serde(flatten)]
    pub member: MemberStatus,
    /// Why it is down.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<String>,
}

/// A change of the active CA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailover {
    /// When it was complete; RFC 3339, UTC.
    pub at: String,
    /// The member that was active before.
    pub from: Option<String>,
    /// The member that is active since.
    pub to: String,
    /// Why.
    pub reason: String,
    /// Time without an active CA, in milliseconds, as far as the front end could see.
    pub duration_ms: u64,
    /// Requests that waited for it.
    pub held: u64,
}
