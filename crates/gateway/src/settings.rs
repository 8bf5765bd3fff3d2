//! What a front end is told at its start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use access::LiveRules;
use wire::access_log::AccessLog;
use wire::tls::{ClientVerify, Identity, TrustBundle};

use crate::ejection::Rules;
use crate::health::Thresholds;
use crate::pool::{Balance, Place};
use crate::register::RegisterSettings;
use crate::reload::Reload;

/// Everything a front end needs to know.
pub struct FrontEndSettings {
    /// Its own certname; also the client certificate that workers know it by.
    pub certname: String,
    /// Certificate and key, for clients and towards workers.
    pub identity: Identity,
    /// CA bundle and live revocation index; shared with the listener.
    pub trust: TrustBundle,
    /// Catalog workers, each with its place in the pool.
    pub catalog_workers: Vec<(WorkerAddress, Place)>,
    /// The other front ends of this estate: their word on who a client is counts, and requests may go through them.
    pub siblings: Vec<WorkerAddress>,
    /// CA members; the first is the preferred one.
    pub ca_members: Vec<WorkerAddress>,
    /// Whose authority they are.
    pub ca_kind: CaKind,
    /// Certnames that may read the status besides operators: the configured roles.
    pub role_certnames: Vec<String>,
    /// Who may ask workers and CA for what; exchanged when the configuration is read again.
    pub rules: LiveRules,
    /// Which estate this is; a CA member of another one is refused.
    pub cluster: String,
    /// Where the register is.
    pub register: RegisterSettings,
    /// The embedded register; what was last read from a shared one is kept beside it.
    pub register_path: PathBuf,
    /// Where it is kept which workers an operator has taken out of use.
    pub workers_path: PathBuf,
    /// Where the last failovers are kept, and who is held back for maintenance.
    pub failovers_path: PathBuf,
    /// Where the CRL fetched from the active CA is kept for the next start.
    pub crl_path: PathBuf,
    /// The deployment's copy of the CA's certificates; follows when they are renewed. None: nothing is written.
    pub bundle_path: Option<PathBuf>,
    /// `front_end_access.log`.
    pub access_log: Arc<AccessLog>,
    /// `front_end_error.log`.
    pub error_log_path: PathBuf,
    /// Times and limits.
    pub tuning: Tuning,
    /// Where a new configuration comes from.
    pub reload: Arc<dyn Reload>,
}

/// Where a worker is and how it proves to be itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerAddress {
    /// Name in status, logs and the register.
    pub name: String,
    /// `host:port`, or `http://host:port` for one that is reached without TLS.
    pub address: String,
    /// Name that its certificate must carry; without TLS nobody proves anything.
    pub certname: String,
}

/// Whose authority answers `/puppet-ca`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaKind {
    /// Bunraku's own, replicated: the front end decides which member is active.
    #[default]
    Bunraku,
    /// One Puppet Server, as it is: there is nobody to fail over to, and no write is ever sent again.
    PuppetServer,
}

/// Times and limits; the defaults are what `bunraku up` uses.
#[derive(Debug, Clone)]
pub struct Tuning {
    /// Health of catalog workers.
    pub thresholds: Thresholds,
    /// When a worker that fails requests is ejected.
    pub ejection: Rules,
    /// How requests are spread over catalog workers.
    pub balance: Balance,
    /// Time until a worker that comes back has its full share.
    pub slow_start: Duration,
    /// Most requests that wait while all workers have as many as they may.
    pub queue: usize,
    /// How long they wait.
    pub queue_time: Duration,
    /// Time between two probes of a CA member.
    pub ca_probe_interval: Duration,
    /// How long a probe of a CA member may take.
    pub ca_probe_timeout: Duration,
    /// How long a probe of a catalog worker may take. Longer: one that compiles with all its cores is slow, not dead.
    pub worker_probe_timeout: Duration,
    /// How long opening a connection for a real request may take.
    pub connect_timeout: Duration,
    /// How long a worker may take to begin its answer. Compiles of ten minutes exist, and agents wait that long.
    pub answer_timeout: Duration,
    /// How long a client may take to send a body that is read whole before it is forwarded.
    pub body_timeout: Duration,
    /// How long an unused connection to a worker is kept; clearly shorter than workers keep theirs, so that a request
    /// never meets a connection that its worker is just closing.
    pub upstream_idle: Duration,
    /// How long a CA request is held while no member can take it.
    pub ca_hold: Duration,
    /// How long the preferred CA must have been in sync before it becomes active again.
    pub failback_after: Duration,
    /// Whether the front end fails back by itself.
    pub automatic_failback: bool,
    /// Largest catalog request that is kept for a second worker, in bytes; larger ones stream.
    pub replay_limit: usize,
    /// Largest body of a request to the CA, in bytes: an operator cleans many at once, or brings a revocation list.
    pub ca_body_limit: usize,
    /// Largest certificate request, in bytes: everybody may send one.
    pub ca_request_limit: usize,
    /// Largest CA answer that is read whole before a byte of it is passed on (so that a member may die while
    /// answering), in bytes.
    pub ca_answer_limit: usize,
    /// What all bodies that are held whole may take together, in bytes.
    pub body_memory: usize,
    /// Largest answer of a request that may be repeated which is read whole before a byte of it is passed on (so that a
    /// worker may die while answering), in bytes; longer ones stream.
    pub answer_buffer: usize,
    /// Whether a catalog request is given to a second worker when the first took it and broke off. Compiling has no
    /// effects beyond storing the same facts again, but it costs time twice.
    pub compile_retry: bool,
    /// How long the answer to a revocation is kept back while it is not in force here.
    pub revocation_wait: Duration,
    /// Time between two looks for a new CRL when nothing hints at one.
    pub crl_refresh: Duration,
    /// What is done about clients whose certificates are revoked, expired or somebody else's.
    pub client_verify: ClientVerify,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            ejection: Rules::default(),
            balance: Balance::default(),
            slow_start: Duration::from_secs(10),
            queue: 1000,
            queue_time: Duration::from_secs(30),
            ca_probe_interval: Duration::from_millis(250),
            ca_probe_timeout: Duration::from_millis(500),
            worker_probe_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(20 * 60),
            body_timeout: Duration::from_secs(120),
            upstream_idle: Duration::from_secs(5),
            ca_hold: Duration::from_secs(30),
            failback_after: Duration::from_secs(2),
            automatic_failback: true,
            replay_limit: 8 * 1024 * 1024,
            ca_body_limit: 8 * 1024 * 1024,
            ca_request_limit: 64 * 1024,
            ca_answer_limit: 8 * 1024 * 1024,
            body_memory: 256 * 1024 * 1024,
            answer_buffer: 1024 * 1024,
            compile_retry: false,
            revocation_wait: Duration::from_secs(1),
            crl_refresh: Duration::from_secs(30),
            client_verify: ClientVerify::Strict,
        }
    }
}
