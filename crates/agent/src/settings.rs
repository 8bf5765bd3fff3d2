//! What one run is told.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one run, by Puppet's names.
#[derive(Debug, Clone)]
pub struct Settings {
    pub certname: String,
    pub server: String,
    pub serverport: u16,
    /// Tried in this order, in place of `server`; without a port, `serverport` counts.
    pub server_list: Vec<(String, Option<u16>)>,
    /// Whether SRV records of `srv_domain` come before both.
    pub use_srv_records: bool,
    pub srv_domain: String,
    /// None: as the others. One that is set is not looked for in `server_list`.
    pub ca_server: Option<String>,
    pub ca_port: Option<u16>,
    /// As `ca_server`.
    pub report_server: Option<String>,
    pub report_port: Option<u16>,
    pub http_connect_timeout: Duration,
    pub http_read_timeout: Duration,
    /// The longest pause that a server's Retry-After brings about.
    pub runinterval: Duration,
    pub environment: String,
    pub confdir: PathBuf,
    pub vardir: PathBuf,
    pub ssldir: PathBuf,
    /// Pause between tries while the certificate is not signed; zero: do not wait.
    pub waitforcert: Duration,
    /// For so long altogether; `None`: for ever.
    pub maxwaitforcert: Option<Duration>,
    /// Pause between tries while another agent runs; zero: do not wait.
    pub waitforlock: Duration,
    /// For so long altogether; `None`: for ever.
    pub maxwaitforlock: Option<Duration>,
    pub noop: bool,
    pub detailed_exitcodes: bool,
}
