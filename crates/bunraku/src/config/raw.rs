//! `bunraku.toml` as it is written: every key optional, unknown keys refused. [`super::Config`] is what it means.

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    /// Looked at before anything else is read; here only so that it is a known key.
    #[serde(rename = "version")]
    pub _version: Option<u32>,
    pub cluster: Option<String>,
    #[serde(default)]
    pub main: RawMain,
    #[serde(default)]
    pub log: RawLog,
    #[serde(default)]
    pub ca: RawCa,
    #[serde(default)]
    pub front_end: RawFrontEnd,
    #[serde(default)]
    pub register: RawRegister,
    #[serde(default)]
    pub catalog: RawCatalog,
    #[serde(default)]
    pub access: super::access::RawAccess,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMain {
    pub server: Option<String>,
    pub ssldir: Option<String>,
    pub logdir: Option<String>,
    pub reportdir: Option<String>,
    pub environmentpath: Option<String>,
    pub basemodulepath: Option<String>,
    pub operator_certname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    pub access_format: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCa {
    pub autosign: Option<BoolOrText>,
    pub ca_name: Option<String>,
    pub key: Option<String>,
    pub ca_ttl: Option<NumberOrText>,
    pub allow_subject_alt_names: Option<bool>,
    pub allow_authorization_extensions: Option<bool>,
    pub allow_duplicate_certs: Option<bool>,
    pub enable_infra_crl: Option<bool>,
    pub allow_auto_renewal: Option<bool>,
    pub auto_renewal_cert_ttl: Option<NumberOrText>,
    pub autosign_timeout: Option<NumberOrText>,
    pub autosign_at_once: Option<usize>,
    pub autosign_gem_path: Option<String>,
    pub strict_autosign_globs: Option<bool>,
    pub max_pending: Option<usize>,
    pub max_pending_per_source: Option<usize>,
    pub standby_timeout: Option<NumberOrText>,
    pub member: Option<Vec<RawCaMember>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCaMember {
    pub name: String,
    pub address: String,
    pub certname: Option<String>,
    /// Needed for one of ours.
    pub cadir: Option<String>,
    pub kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFrontEnd {
    pub name: Option<String>,
    pub listen: Option<String>,
    pub certname: Option<String>,
    pub register: Option<String>,
    pub admin: Option<String>,
    pub probe_interval: Option<NumberOrText>,
    pub probe_timeout: Option<NumberOrText>,
    pub ca_hold: Option<NumberOrText>,
    pub failback: Option<String>,
    pub failback_after: Option<NumberOrText>,
    pub compile_retry: Option<bool>,
    pub client_verify: Option<String>,
    pub max_connections: Option<u64>,
    pub max_connections_per_source: Option<u64>,
    pub max_header_size: Option<u64>,
    pub handshake_timeout: Option<NumberOrText>,
    pub header_timeout: Option<NumberOrText>,
    pub stall_timeout: Option<NumberOrText>,
    pub idle_timeout: Option<NumberOrText>,
    pub answer_timeout: Option<NumberOrText>,
    pub further: Option<Vec<RawFurtherFrontEnd>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFurtherFrontEnd {
    pub name: String,
    pub listen: String,
    pub certname: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRegister {
    pub kind: Option<String>,
    pub endpoints: Option<Vec<String>>,
    pub prefix: Option<String>,
    pub ca: Option<String>,
    pub certificate: Option<String>,
    pub key: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCatalog {
    pub balance: Option<String>,
    pub slow_start: Option<NumberOrText>,
    pub queue: Option<usize>,
    pub queue_time: Option<NumberOrText>,
    pub worker: Option<Vec<RawCatalogWorker>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCatalogWorker {
    pub name: String,
    pub address: String,
    /// Needed unless it is reached without TLS.
    pub certname: Option<String>,
    pub kind: Option<String>,
    pub weight: Option<u32>,
    pub tier: Option<u8>,
    pub max_requests: Option<u64>,
    pub serves: Option<Vec<String>>,
}

/// `autosign = true`, `false` or a path.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum BoolOrText {
    Bool(bool),
    Text(String),
}

/// A duration: seconds, or a text with a unit.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum NumberOrText {
    Number(u64),
    Text(String),
}
