//! The requests of an agent's run, made once for each agent.

use super::agents::Agent;
use super::args::Work;

/// Facts that a catalog is asked for with, octets.
const FACTS: usize = 20_000;
/// A report, octets.
const REPORT: usize = 30_000;

/// A request's octets.
pub type Request = Box<[u8]>;

/// What one agent sends for one piece of work, in order.
#[derive(Debug)]
pub struct Script {
    pub requests: Vec<Request>,
}

impl Script {
    /// `number` is that of the piece of work: a mix has two kinds.
    pub fn of(work: Work, agent: &Agent, host: &str) -> [Script; 2] {
        let at = Writer { agent, host };
        let one = |requests: Vec<Request>| Script { requests };
        match work {
            Work::Handshake | Work::Get => [one(vec![at.file()]), one(vec![at.file()])],
            Work::Catalog => [one(vec![at.catalog()]), one(vec![at.catalog()])],
            Work::Mix => [one(vec![at.file()]), one(vec![at.catalog()])],
            Work::Run => {
                let run = || one(vec![at.node(), at.file(), at.file(), at.catalog(), at.report()]);
                [run(), run()]
            }
        }
    }

    /// Whether each piece of work has a connection of its own.
    pub fn opens(work: Work) -> bool {
        matches!(work, Work::Handshake | Work::Run)
    }
}

struct Writer<'a> {
    agent: &'a Agent,
    host: &'a str,
}

impl Writer<'_> {
    fn node(&self) -> Request {
        self.get(&format!("/puppet/v3/node/{}?environment=production", self.agent.certname))
    }

    fn file(&self) -> Request {
        self.get("/puppet/v3/file_metadata/modules/bench/motd?links=manage&checksum_type=sha256&environment=production")
    }

    fn catalog(&self) -> Request {
        let path = format!("/puppet/v3/catalog/{}?environment=production", self.agent.certname);
        self.with_body("POST", &path, "application/x-www-form-urlencoded", FACTS)
    }

    fn report(&self) -> Request {
        let path = format!("/puppet/v3/report/{}?environment=production", self.agent.certname);
        self.with_body("PUT", &path, "application/json", REPORT)
    }

    /// What Puppet's agent sends with each request.
    fn head(&self, method: &str, path: &str) -> String {
        format!(
            "{method} {path} HTTP/1.1\r\nAccept: application/json\r\nAccept-Encoding: gzip;q=1.0,deflate;q=0.6,\
             identity;q=0.3\r\nX-Puppet-Version: 7.23.0\r\nUser-Agent: Puppet/7.23.0 Ruby/3.1.2-p20 (x86_64-linux-gnu)\
             \r\nHost: {}\r\n",
            self.host
        )
    }

    fn get(&self, path: &str) -> Request {
        (self.head("GET", path) + "\r\n").into_bytes().into()
    }

    fn with_body(&self, method: &str, path: &str, kind: &str, length: usize) -> Request {
        let mut request = self.head(method, path);
        request += &format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        request.extend(std::iter::repeat_n('f', length));
        request.into_bytes().into()
    }
}
