//! What a catalog worker is told at its start.

use std::path::PathBuf;

/// Settings of one catalog worker; paths are absolute.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The worker's own name, for `$server_facts` and the access log.
    pub certname: String,
    /// Directory of environments: `NAME/manifests`, `NAME/modules`, `NAME/environment.conf`.
    pub environmentpath: PathBuf,
    /// Modules of every environment.
    pub basemodulepath: Vec<PathBuf>,
    /// Where agents' reports are kept, one folder a node.
    pub reportdir: PathBuf,
    /// Where the nodes' last facts are kept.
    pub factsdir: PathBuf,
    /// Certnames of the front ends whose `X-Client-*` headers are believed.
    pub front_ends: Vec<String>,
    /// Who may ask for what; exchanged when the configuration is read again.
    pub rules: access::LiveRules,
    /// Largest request body, in bytes (reports and facts).
    pub max_body: usize,
}

impl ServerSettings {
    /// Where agents' file backups are kept: beside the reports, as in Puppet's `vardir`.
    pub fn bucketdir(&self) -> PathBuf {
        self.reportdir.with_file_name("bucket")
    }
}
