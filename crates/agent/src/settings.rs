//! What one run is told.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of one run, by Puppet's names.
#[derive(Debug, Clone)]
pub struct Settings {
    pub certname: String,
    pub server: String,
    pub serverport: u16,
    pub ca_server: String,
    pub ca_port: u16,
    pub environment: String,
    pub confdir: PathBuf,
    pub vardir: PathBuf,
    pub ssldir: PathBuf,
    /// Pause between tries while the certificate is not signed; `None` or zero: do not wait.
    pub waitforcert: Option<Duration>,
    pub noop: bool,
    pub detailed_exitcodes: bool,
}

impl Settings {
    /// `https://SERVER:PORT` of the catalog service.
    pub fn server_url(&self) -> String {
        format!("https://{}:{}", self.server, self.serverport)
    }

    /// `https://SERVER:PORT` of the CA service.
    pub fn ca_url(&self) -> String {
        format!("https://{}:{}", self.ca_server, self.ca_port)
    }
}
