//! The shape of `bunraku agent …`: Puppet's flags under Puppet's names (`--ca_server`), hyphens allowed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

#[derive(Debug, Args)]
pub struct AgentArgs {
    /// Run once, in the foreground, verbosely
    #[arg(long, short)]
    pub test: bool,
    /// Say what would change, change nothing
    #[arg(long)]
    pub noop: bool,
    /// This node's name [default: this host's full name]
    #[arg(long)]
    pub certname: Option<String>,
    /// The server for everything that no other setting names
    #[arg(long, default_value = "puppet")]
    pub server: String,
    #[arg(long, alias = "masterport", default_value_t = 8140)]
    pub serverport: u16,
    /// Servers in place of --server: the first that says it is well is used, and the next when it no longer answers
    #[arg(long = "server_list", alias = "server-list", value_name = "HOST[:PORT],…", value_delimiter = ',', value_parser = server)]
    pub server_list: Vec<(String, Option<u16>)>,
    /// Look for servers in the SRV records of a domain first
    #[arg(long = "use_srv_records", alias = "use-srv-records", value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, action = clap::ArgAction::Set)]
    pub use_srv_records: bool,
    /// That domain [default: this host's]
    #[arg(long = "srv_domain", alias = "srv-domain")]
    pub srv_domain: Option<String>,
    /// The server for certificates [default: as for everything]
    #[arg(long = "ca_server", alias = "ca-server")]
    pub ca_server: Option<String>,
    #[arg(long = "ca_port", alias = "ca-port")]
    pub ca_port: Option<u16>,
    /// The server for reports [default: as for everything]
    #[arg(long = "report_server", alias = "report-server")]
    pub report_server: Option<String>,
    #[arg(long = "report_port", alias = "report-port")]
    pub report_port: Option<u16>,
    /// Longest wait for a connection (for each place, where there are several: 10s at most)
    #[arg(long = "http_connect_timeout", alias = "http-connect-timeout", value_parser = duration, default_value = "2m")]
    pub http_connect_timeout: Duration,
    /// Longest wait for an answer
    #[arg(long = "http_read_timeout", alias = "http-read-timeout", value_parser = duration, default_value = "10m")]
    pub http_read_timeout: Duration,
    /// Longest pause that a busy server can ask for
    #[arg(long, value_parser = duration, default_value = "30m")]
    pub runinterval: Duration,
    #[arg(long, default_value = "production")]
    pub environment: String,
    #[arg(long)]
    pub ssldir: Option<PathBuf>,
    #[arg(long, default_value = "/var/lib/bunraku/agent")]
    pub vardir: PathBuf,
    #[arg(long, default_value = "/etc/bunraku/agent")]
    pub confdir: PathBuf,
    /// Time between tries while the certificate is not signed; 0 exits at once
    #[arg(long, short = 'w', value_parser = duration, default_value = "0")]
    pub waitforcert: Duration,
    /// ... for so long altogether, or 'unlimited'
    #[arg(long, value_parser = limit, default_value = "unlimited")]
    pub maxwaitforcert: Limit,
    /// Time between tries while another agent runs; 0 exits at once
    #[arg(long, value_parser = duration, default_value = "0")]
    pub waitforlock: Duration,
    /// ... for so long altogether, or 'unlimited'
    #[arg(long, value_parser = limit, default_value = "1m")]
    pub maxwaitforlock: Limit,
    /// Skip all runs from now on; says why to whoever tries
    #[arg(long, value_name = "REASON", num_args = 0..=1, default_missing_value = "reason not specified", conflicts_with = "test")]
    pub disable: Option<String>,
    /// Run again
    #[arg(long, conflicts_with_all = ["test", "disable"])]
    pub enable: bool,
    /// Exit 2 when something changed, 4 when something failed, 6 for both
    #[arg(long = "detailed-exitcodes", alias = "detailed_exitcodes")]
    pub detailed_exitcodes: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::duration::parse(text).map_err(|fault| fault.to_string())
}

/// A longest time, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub Option<Duration>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "unlimited" => Ok(Limit(None)),
        text => duration(text).map(|longest| Limit(Some(longest))),
    }
}

/// `HOST` or `HOST:PORT`; an IPv6 address stands in brackets when a port follows.
fn server(text: &str) -> Result<(String, Option<u16>), String> {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| format!("'{port}' is not a port"))?))
        }
        _ => (text, None),
    };
    let host = host.trim_matches(['[', ']']);
    match host.is_empty() {
        true => Err("a server has no name".to_string()),
        false => Ok((host.to_string(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn servers_have_a_port_or_none() {
        assert_eq!(server("fe1.example.com"), Ok(("fe1.example.com".into(), None)));
        assert_eq!(server(" fe1:9140"), Ok(("fe1".into(), Some(9140))));
        assert_eq!(server("[2001:db8::1]:9140"), Ok(("2001:db8::1".into(), Some(9140))));
        assert_eq!(server("2001:db8::1"), Ok(("2001:db8::1".into(), None)));
        assert!(server("fe1:port").is_err() && server(":8140").is_err());
    }
}
