//! One request of the suite, and what a server answered.

use std::collections::BTreeMap;

use wire::client::Client;
use wire::http::{HeaderMap, HeaderName, HeaderValue};

/// With whose certificate a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Without one.
    Nobody,
    /// That of a node, `agent1.example.com`.
    Node,
    /// One with `pp_cli_auth`.
    Operator,
}

/// A request, and under which name the suite speaks of it.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: String,
    pub method: String,
    pub target: String,
    pub who: Who,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Case {
    pub fn new(id: impl Into<String>, method: &str, target: impl Into<String>, who: Who) -> Case {
        let (method, headers, body) = (method.to_owned(), Vec::new(), Vec::new());
        Case { id: id.into(), method, target: target.into(), who, headers, body }
    }

    pub fn header(mut self, name: &str, value: &str) -> Case {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Case {
        self.body = body.into();
        self
    }

    /// Who asks for what, on one line.
    pub fn line(&self) -> String {
        let target: String = self.target.chars().take(120).collect();
        format!("{} ({:?}) {} {target}", self.id, self.who, self.method)
    }
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: u16,
    /// All that say something of the answer; not those of the transport.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Headers of the transport, which differ from server to server and say nothing of the answer.
const TRANSPORT: [&str; 5] = ["date", "connection", "content-length", "transfer-encoding", "keep-alive"];

/// The three who ask one server.
pub struct Askers {
    pub nobody: Client,
    pub node: Client,
    pub operator: Client,
}

impl Askers {
    /// Sends the request; a request that cannot be sent is a fault of the suite.
    pub async fn ask(&self, case: &Case) -> Seen {
        let client = match case.who {
            Who::Nobody => &self.nobody,
            Who::Node => &self.node,
            Who::Operator => &self.operator,
        };
        let mut headers = HeaderMap::new();
        // Jetty wants the name of the TLS handshake here.
        headers.insert("host", HeaderValue::from_static(super::hosts::SERVER));
        for (name, value) in &case.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let method = case.method.parse().unwrap();
        let answer = client
            .request(method, &case.target, headers, case.body.clone())
            .await
            .unwrap_or_else(|fault| panic!("{}: {fault}", case.line()));
        let headers = answer
            .headers
            .iter()
            .filter(|(name, _)| !TRANSPORT.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Seen { status: answer.status.as_u16(), headers, body: answer.body.to_vec() }
    }

    /// Asks as the operator, or for whom that is not allowed as nobody; the status must be as expected.
    pub async fn must(&self, expected: u16, case: Case) -> Seen {
        let seen = self.ask(&case).await;
        assert_eq!(seen.status, expected, "{}: {}", case.line(), seen.text());
        seen
    }

    /// Submits `csr` under `name`.
    pub async fn submit(&self, name: &str, csr: impl Into<Vec<u8>>) {
        let target = format!("/puppet-ca/v1/certificate_request/{name}");
        self.must(200, Case::new("submit", "PUT", target, Who::Nobody).body(csr)).await;
    }

    /// Signs or revokes.
    pub async fn change(&self, name: &str, state: &str) {
        let target = format!("/puppet-ca/v1/certificate_status/{name}");
        let body = format!("{{\"desired_state\":\"{state}\"}}");
        self.must(204, Case::new("change", "PUT", target, Who::Operator).body(body)).await;
    }

    /// The certificate of `name` as PEM.
    pub async fn certificate(&self, name: &str) -> String {
        let target = format!("/puppet-ca/v1/certificate/{name}");
        self.must(200, Case::new("certificate", "GET", target, Who::Nobody)).await.text()
    }
}
