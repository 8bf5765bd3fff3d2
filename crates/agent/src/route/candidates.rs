//! Where a service may be, from the settings and the SRV records. Pure.

use std::fmt;

use wire::dns::SrvRecord;

use crate::settings::Settings;

/// What the agent wants of a server; Puppet's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    Ca,
    /// Node, facts, catalog.
    Puppet,
    FileServer,
    Report,
}

impl Service {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Service::Ca => "ca",
            Service::Puppet => "puppet",
            Service::FileServer => "fileserver",
            Service::Report => "report",
        }
    }

    /// The owners of its SRV records: its own, then the general one.
    pub fn srv_names(self, domain: &str) -> Vec<String> {
        let general = format!("_x-puppet._tcp.{domain}");
        match self {
            Service::Puppet => vec![general],
            other => vec![format!("_x-puppet-{}._tcp.{domain}", other.name()), general],
        }
    }
}

/// One place to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    pub host: String,
    pub port: u16,
    /// Servers of `server_list` are asked whether they are well before they are used.
    pub listed: bool,
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The places of `service` in the order in which they are tried: `srv` (in order already), then `server_list`, else the
/// service's own setting. Each once.
pub fn of(settings: &Settings, service: Service, srv: Vec<SrvRecord>) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = srv
        .into_iter()
        .map(|record| Candidate { host: record.target, port: record.port, listed: false })
        .collect();
    let (own_host, own_port) = match service {
        Service::Ca => (settings.ca_server.as_ref(), settings.ca_port),
        Service::Report => (settings.report_server.as_ref(), settings.report_port),
        Service::Puppet | Service::FileServer => (None, None),
    };
    // A service whose server is set is there, whatever the list says; the others are nowhere but in the list.
    if own_host.is_none() && !settings.server_list.is_empty() {
        all.extend(settings.server_list.iter().map(|(host, port)| Candidate {
            host: host.clone(),
            port: port.unwrap_or(settings.serverport),
            listed: true,
        }));
    } else {
        all.push(Candidate {
            host: own_host.unwrap_or(&settings.server).clone(),
            port: own_port.unwrap_or(settings.serverport),
            listed: false,
        });
    }
    let mut seen = Vec::new();
    all.retain(|candidate| {
        let place = (candidate.host.clone(), candidate.port);
        let new = !seen.contains(&place);
        seen.push(place);
        new
    });
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings() -> Settings {
        Settings {
            certname: "a.example.com".into(),
            server: "puppet".into(),
            serverport: 8140,
            server_list: Vec::new(),
            use_srv_records: false,
            srv_domain: "example.com".into(),
            ca_server: None,
            ca_port: None,
            report_server: None,
            report_port: None,
            http_connect_timeout: Duration::from_secs(120),
            http_read_timeout: Duration::from_secs(600),
            runinterval: Duration::from_secs(1800),
            environment: "production".into(),
            confdir: "/c".into(),
            vardir: "/v".into(),
            ssldir: "/s".into(),
            waitforcert: Duration::ZERO,
            maxwaitforcert: None,
            waitforlock: Duration::ZERO,
            maxwaitforlock: None,
            noop: false,
            detailed_exitcodes: true,
        }
    }

    fn shown(settings: &Settings, service: Service, srv: &[(&str, u16)]) -> Vec<String> {
        let record = |(target, port): &(&str, u16)| SrvRecord {
            priority: 0,
            weight: 0,
            port: *port,
            target: target.to_string(),
            ttl: Duration::ZERO,
        };
        let found = of(settings, service, srv.iter().map(record).collect());
        found.iter().map(Candidate::to_string).collect()
    }

    #[test]
    fn the_setting_of_a_service_is_where_it_is() {
        let mut settings = settings();
        assert_eq!(shown(&settings, Service::Ca, &[]), ["puppet:8140"]);
        settings.ca_server = Some("ca.example.com".into());
        settings.ca_port = Some(8141);
        settings.report_port = Some(8142);
        assert_eq!(shown(&settings, Service::Ca, &[]), ["ca.example.com:8141"]);
        assert_eq!(shown(&settings, Service::Report, &[]), ["puppet:8142"]);
        assert_eq!(shown(&settings, Service::FileServer, &[]), ["puppet:8140"]);
    }

    #[test]
    fn a_list_takes_the_place_of_the_setting_but_not_of_one_for_the_service() {
        let settings = Settings {
            server_list: vec![("one".into(), None), ("two".into(), Some(9140)), ("one".into(), None)],
            ca_server: Some("ca".into()),
            report_port: Some(1),
            ..settings()
        };
        assert_eq!(shown(&settings, Service::Puppet, &[]), ["one:8140", "two:9140"]);
        assert_eq!(shown(&settings, Service::Report, &[]), ["one:8140", "two:9140"]);
        assert_eq!(shown(&settings, Service::Ca, &[]), ["ca:8140"]);
    }

    #[test]
    fn records_come_before_all_settings() {
        let settings = Settings { ca_server: Some("ca".into()), ..settings() };
        let srv = [("fe1", 8140), ("puppet", 8140)];
        assert_eq!(shown(&settings, Service::Puppet, &srv), ["fe1:8140", "puppet:8140"]);
        assert_eq!(shown(&settings, Service::Ca, &srv), ["fe1:8140", "puppet:8140", "ca:8140"]);
        let names = ["_x-puppet-fileserver._tcp.example.com", "_x-puppet._tcp.example.com"];
        assert_eq!(Service::FileServer.srv_names("example.com"), names);
        assert_eq!(Service::Puppet.srv_names("example.com"), names[1..]);
    }
}
