//! Bunraku's own endpoints and headers, between roles. All need a role's or an operator's certificate.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// Prefix of all of them. The front end passes on to the active CA what is below [`OPERATOR_PREFIX`], and nothing else.
pub const PREFIX: &str = "/bunraku/v1";
/// `POST`, on CA members: one frame in, one frame out ([`FRAME`]).
pub const REPLICA_PATH: &str = "/bunraku/v1/replica";
/// `GET ?id=ID`, on CA members, for the other members alone: the private key of that name, PEM. 404: there is none that
/// this CA uses.
pub const KEY_PATH: &str = "/bunraku/v1/ca/key";
/// `GET`, on CA members, for front ends: [`CaSummary`].
pub const SUMMARY_PATH: &str = "/bunraku/v1/ca/summary";
/// `POST`, on the front end: [`RegisterRequest`] in, [`RegisterAnswer`] out. For CA members.
pub const REGISTER_PATH: &str = "/bunraku/v1/register";
/// `GET`, on the front end: [`Status`].
pub const STATUS_PATH: &str = "/bunraku/v1/status";
/// `GET`, on the front end: all that its status page shows.
pub const OVERVIEW_PATH: &str = "/bunraku/status.json";
/// What the page's script fetches every second.
pub const LIVE_PATH: &str = "/bunraku/live";
/// `POST`, on the front end: [`SwitchoverRequest`] in; makes another member the primary.
pub const SWITCHOVER_PATH: &str = "/bunraku/v1/ca/switchover";
/// `POST`, on the front end: [`ForceRequest`] in; makes a member the primary that may lack something.
pub const FORCE_PATH: &str = "/bunraku/v1/ca/force";
/// `POST`, on the front end: [`HoldRequest`] in; holds a member back for maintenance.
pub const HOLD_PATH: &str = "/bunraku/v1/ca/hold";

/// `POST`, on the front end: [`WorkerRequest`] in; takes a catalog worker out of use, or puts it back.
pub const WORKERS_PATH: &str = "/bunraku/v1/workers";

/// `POST`, on the front end: reads the configuration again; [`ReloadAnswer`] comes back.
pub const RELOAD_PATH: &str = "/bunraku/v1/reload";

/// Prefix, on the front end, for the other front ends alone: `/MEMBER` and the target of a CA request follow. It is passed
/// on to that CA member as it is, whoever is active; the answer bears [`X_BUNRAKU_RELAY`].
pub const RELAY_PREFIX: &str = "/bunraku/v1/relay/";

/// Prefix of what operators ask of the active CA beyond Puppet's API.
pub const OPERATOR_PREFIX: &str = "/bunraku/v1/authority";
/// `GET ?within=SECONDS`: what ends within that time.
pub const EXPIRING_PATH: &str = "/bunraku/v1/authority/expiring";
/// `POST`: drops signed certificates.
pub const DELETE_PATH: &str = "/bunraku/v1/authority/delete";
/// `POST`: takes entries off the revocation list.
pub const PRUNE_PATH: &str = "/bunraku/v1/authority/prune";
/// `GET`: what of the authority ends when, and what is to be warned of.
pub const EXPIRY_PATH: &str = "/bunraku/v1/authority/expiry";
/// `GET`: [`AuditHead`].
pub const AUDIT_PATH: &str = "/bunraku/v1/authority/audit";
/// `POST`: [`RolloverRequest`] in. `GET`: where the way to a new key is.
pub const ROLLOVER_PATH: &str = "/bunraku/v1/authority/rollover";
/// `POST`, a certificate (PEM) in: the same name, key and extensions with a new serial number and life come back.
pub const RENEW_PATH: &str = "/bunraku/v1/authority/renew";
/// `POST`: the infrastructure's revocation list is begun, on all members.
pub const INFRA_PATH: &str = "/bunraku/v1/authority/infra";
/// `POST`, on a CA member's local socket alone: a certificate that may operate the CA.
pub const OPERATOR_PATH: &str = "/bunraku/v1/authority/local/operator";

/// Content type of a replication frame.
pub const FRAME: &str = "application/cbor";

/// The epoch in which the front end believes to be, on every CA request that it passes on.
pub const X_BUNRAKU_EPOCH: HeaderName = HeaderName::from_static("x-bunraku-epoch");
/// The identity of a CA write, the same each time it is sent: it is executed at most once.
pub const X_BUNRAKU_REQUEST: HeaderName = HeaderName::from_static("x-bunraku-request");
/// In the answer to a request below [`RELAY_PREFIX`]: [`RELAYED`] when it is the member's answer, [`NOT_SENT`] when nothing
/// of the request was sent to it, [`NO_ANSWER`] when it was, in vain. Without it nobody has looked at the request.
pub const X_BUNRAKU_RELAY: HeaderName = HeaderName::from_static("x-bunraku-relay");
/// See [`X_BUNRAKU_RELAY`].
pub const RELAYED: &str = "relayed";
/// See [`X_BUNRAKU_RELAY`].
pub const NOT_SENT: &str = "not-sent";
/// See [`X_BUNRAKU_RELAY`].
pub const NO_ANSWER: &str = "no-answer";

/// In a 421 answer of a CA member that may not answer: [`Stale`].
pub const X_BUNRAKU_STALE: HeaderName = HeaderName::from_static("x-bunraku-stale");

/// What came of reading the configuration again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadAnswer {
    /// What is different now, a sentence part each.
    pub changes: Vec<String>,
    /// What else there is to know.
    pub notes: Vec<String>,
    /// Everything for which it was refused; then nothing has changed.
    pub refused: Vec<String>,
}

/// What a CA member knows of its audit record: everything up to `head` is in its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// Number of lines, a colon, the hash of the last line.
    pub head: String,
    /// Lines that this member never had: the head before them, and the head that the last of them is.
    pub gaps: Vec<(String, String)>,
}

/// What a front end shows of the CA to people. No names of nodes: whoever may see those asks the CA under his own name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaSummary {
    /// Requests for certificates that wait for an operator.
    pub waiting: usize,
    /// What ends soon, the most pressing first.
    pub warnings: Vec<EndWarning>,
}

/// Something that ends soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndWarning {
    /// `soon`, `urgent` or `expired`.
    pub urgency: String,
    /// What, for a person.
    pub text: String,
}

/// What is to become of the CA's own certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloverRequest {
    /// What is to be done.
    pub action: RolloverAction,
    /// Life from now on, seconds; as long as it had, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<i64>,
    /// What an issuer above has signed, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Kind of the new key, by name; that of the present one, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_type: Option<String>,
    /// Common name of the new CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_name: Option<String>,
    /// Do it although it is too early for agents, or certificates hang on the former key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
}

/// The kinds of rollover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloverAction {
    /// A longer life for the same key.
    SameKey,
    /// Nothing but a certificate request for an issuer above.
    Request,
    /// A new key is introduced beside the present one.
    NewKey,
    /// The new key signs from now on.
    Activate,
    /// The former key is not trusted any more.
    Retire,
    /// The new key is given up before it signs.
    Abort,
}

/// What a CA member knows that will not answer in the epoch of a request. It has done nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The epoch it is in.
    pub epoch: u64,
    /// The primary of that epoch, if it knows one.
    pub primary: Option<String>,
}

impl Stale {
    /// As header value: `epoch=E primary=NAME`.
    pub fn to_header(&self) -> HeaderValue {
        let text = match &self.primary {
            Some(primary) => format!("epoch={} primary={primary}", self.epoch),
            None => format!("epoch={}", self.epoch),
        };
        // A member with an unsayable name is as good as one that is not known.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from(self.epoch))
    }

    /// Reads [`Stale::to_header`].
    pub fn parse(header: &HeaderValue) -> Option<Stale> {
        let mut stale = None;
        let mut primary = None;
        for word in header.to_str().ok()?.split(' ') {
            match word.split_once('=') {
                Some(("epoch", epoch)) => stale = epoch.parse().ok(),
                Some(("primary", name)) => primary = Some(name.to_owned()),
                // Room for later words.
                _ => {}
            }
        }
        Some(Stale { epoch: stale?, primary })
    }
}

/// What a CA member asks of the register. The configuration's form is the replication's own business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum RegisterRequest<C> {
    /// The registered configuration.
    Read,
    /// Registers a configuration in place of the one with this version.
    CompareAndSet {
        /// Version that must be registered now.
        expected_version: u64,
        /// What is to be registered.
        configuration: C,
    },
}

/// What the register says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum RegisterAnswer<C> {
    /// This is registered.
    Current {
        /// The registered configuration.
        configuration: C,
    },
    /// Done: this is registered now.
    Set {
        /// The registered configuration.
        configuration: C,
    },
    /// Not done.
    Refused {
        /// What is registered instead.
        configuration: C,
        /// Why not.
        reason: String,
    },
    /// Nothing is registered yet.
    Empty,
}

/// Asks for another primary.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SwitchoverRequest {
    /// The member that shall be the primary; the other one when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Asks what it would cost to make a member primary that may lack acknowledged changes; with a version: does it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ForceRequest {
    /// The member that shall be the primary; the best that answers when it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Version of the register for which the cost was told; none: only tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Holds a CA member back for maintenance, or releases it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HoldRequest {
    /// Which.
    pub member: String,
    /// Whether it is held back from now on.
    pub hold: bool,
}

/// Whether requests are sent to a catalog worker, as an operator wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Usage {
    /// They are.
    #[default]
    InUse,
    /// No new ones; it finishes what it has.
    Draining,
    /// As draining, and nobody asks how it is.
    Maintenance,
}

/// Takes a catalog worker out of use, or puts it back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkerRequest {
    /// Which.
    pub worker: String,
    /// What becomes of it.
    pub usage: Usage,
}

/// The front end's view of the estate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Epoch of the registered configuration.
    pub epoch: u64,
    /// The CA.
    pub ca: CaStatus,
    /// The catalog workers.
    pub workers: Vec<WorkerStatus>,
    /// Requests since the front end started.
    pub requests_total: u64,
}

/// The CA, in a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaStatus {
    /// Name of the member that answers CA requests.
    pub active: Option<String>,
    /// All members.
    pub members: Vec<MemberStatus>,
}

/// What a CA member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// The primary: answers.
    Active,
    /// Has all that the primary has; can take over.
    Standby,
    /// Reachable, and behind.
    CatchingUp,
    /// Does not answer.
    Down,
}

/// One CA member, in a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What it is.
    pub state: MemberState,
    /// Whether it is registered as having everything that was acknowledged.
    pub in_sync: bool,
    /// Index of the last entry of its log.
    pub position: u64,
}

/// What a catalog worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// Takes requests.
    Up,
    /// Takes none: it fails.
    Down,
    /// Finishes what it has, and takes none.
    Draining,
    /// As draining, and nobody asks how it is.
    Maintenance,
    /// It fails requests: out of use for a while, or on probation.
    Ejected,
}

/// One catalog worker, in a [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What it is.
    pub state: WorkerState,
    /// Requests that it is answering.
    pub in_flight: u64,
    /// Requests that it was given.
    pub requests: u64,
    /// Requests that it failed, and probes.
    pub failures: u64,
    /// Its share, relative to the others of its tier.
    #[serde(default)]
    pub weight: u32,
    /// 0, or higher: a hot standby.
    #[serde(default)]
    pub tier: u8,
    /// So many requests at one time; none: no limit.
    #[serde(default)]
    pub max_requests: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_survives() {
        for primary in [Some("ca-2".to_owned()), None] {
            let stale = Stale { epoch: 7, primary };
            assert_eq!(Stale::parse(&stale.to_header()), Some(stale));
        }
        assert_eq!(Stale::parse(&HeaderValue::from_static("primary=ca-2")), None);
    }

    #[test]
    fn register_messages_have_a_stable_form() {
        let ask = RegisterRequest::CompareAndSet { expected_version: 3, configuration: "c" };
        let text = serde_json::to_string(&ask).unwrap();
        assert_eq!(text, r#"{"ask":"compare_and_set","expected_version":3,"configuration":"c"}"#);
        assert_eq!(serde_json::from_str::<RegisterRequest<&str>>(&text).unwrap(), ask);
        let read: RegisterRequest<u8> = serde_json::from_str(r#"{"ask":"read"}"#).unwrap();
        assert_eq!(read, RegisterRequest::Read);
    }

    #[test]
    fn states_are_written_as_operators_read_them() {
        assert_eq!(serde_json::to_string(&MemberState::CatchingUp).unwrap(), r#""catching-up""#);
    }
}
