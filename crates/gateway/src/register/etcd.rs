//! The way to etcd: its JSON gateway over HTTP, one endpoint at a time, the next one when that does not answer.

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use wire::client::Connection;
use wire::tls::ClientTls;
use wire::{Bytes, Request, body};

use super::EtcdSettings;

/// One endpoint has so long to answer when there are others. An election among etcd's members takes one to two seconds,
/// in which none of them does.
const ATTEMPT: Duration = Duration::from_millis(500);
/// All of them together.
const TOTAL: Duration = Duration::from_millis(1_500);
/// Largest answer read: one value and a sight per front end.
const MAX_ANSWER: usize = 1024 * 1024;

/// gRPC's code of "there is no such lease".
const NOT_FOUND: i64 = 5;

/// Why etcd gave no answer that can be used. What was asked may have been done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EtcdFault {
    /// None of its members answered.
    #[error("etcd does not answer ({0})")]
    Silent(String),
    /// The lease is not there any more.
    #[error("the lease has run out")]
    NoLease,
}

/// Its endpoints.
pub struct Etcd {
    endpoints: Vec<Endpoint>,
    tls: Option<ClientTls>,
    /// The endpoint that answered last.
    current: usize,
}

struct Endpoint {
    secure: bool,
    /// `host:port`.
    address: String,
    /// The name that its certificate must carry.
    name: String,
    kept: Option<Connection>,
}

impl Etcd {
    pub fn new(settings: &EtcdSettings) -> Result<Etcd, String> {
        let endpoints = settings.endpoints.iter().map(|text| Endpoint::parse(text));
        let endpoints = endpoints.collect::<Result<Vec<Endpoint>, String>>()?;
        if endpoints.is_empty() {
            return Err("no endpoint of etcd is configured".to_owned());
        }
        if settings.tls.is_none() && endpoints.iter().any(|endpoint| endpoint.secure) {
            return Err(
                "https endpoints of etcd need the certificate of the CA that issued theirs".to_owned()
            );
        }
        Ok(Etcd { endpoints, tls: settings.tls.clone(), current: 0 })
    }

    /// Asks, beginning with the endpoint that answered last. Whatever is asked may be asked of several: a
    /// transaction's condition sees to it that it is carried out once.
    pub async fn ask(&mut self, path: &'static str, question: &Value) -> Result<Value, EtcdFault> {
        let content = Bytes::from(question.to_string());
        let deadline = Instant::now() + TOTAL;
        let count = self.endpoints.len();
        let mut causes = Vec::new();
        for turn in 0..count {
            let number = (self.current + turn) % count;
            let until = if count == 1 { deadline } else { deadline.min(Instant::now() + ATTEMPT) };
            let (tls, endpoint) = (self.tls.as_ref(), &mut self.endpoints[number]);
            match timeout_at(until, endpoint.post(tls, path, content.clone())).await {
                Ok(Ok(answer)) => {
                    self.current = number;
                    return Ok(answer);
                }
                Ok(Err(Refusal::NoLease)) => {
                    self.current = number;
                    return Err(EtcdFault::NoLease);
                }
                Ok(Err(Refusal::Other(cause))) => causes.push(format!("{}: {cause}", endpoint.address)),
                Err(_) => causes.push(format!("{}: no answer in time", endpoint.address)),
            }
        }
        Err(EtcdFault::Silent(causes.join("; ")))
    }
}

/// Whether an address of etcd can be used; if not, why.
pub fn check_endpoint(text: &str) -> Result<(), String> {
    Endpoint::parse(text).map(drop)
}

enum Refusal {
    NoLease,
    Other(String),
}

impl Endpoint {
    fn parse(text: &str) -> Result<Endpoint, String> {
        let fault = || format!("'{text}' is not http://HOST:PORT or https://HOST:PORT");
        let uri: http::Uri = text.parse().map_err(|_| fault())?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(fault()),
        };
        let host = uri.host().ok_or_else(fault)?;
        let port = uri.port_u16().ok_or_else(fault)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(fault());
        }
        // A literal IPv6 address is in brackets in a URI, and is not in a certificate.
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Endpoint { secure, address: format!("{host}:{port}"), name, kept: None })
    }

    async fn post(
        &mut self,
        tls: Option<&ClientTls>,
        path: &'static str,
        content: Bytes,
    ) -> Result<Value, Refusal> {
        let other = |cause: String| Refusal::Other(cause);
        // Whoever is dropped in the middle (a time-out) leaves no connection behind that an answer may still come on.
        let mut connection = match self.kept.take().filter(Connection::is_ready) {
            Some(connection) => connection,
            None => self.open(tls).await.map_err(other)?,
        };
        let mut request = Request::new(body::full(content));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static(path);
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let response = connection.send(request).await.map_err(|fault| other(fault.cause().to_string()))?;
        let status = response.status();
        let answer = body::collect(response.into_body(), MAX_ANSWER);
        let answer = answer.await.map_err(|fault| other(fault.to_string()))?;
        self.kept = Some(connection);
        // Streaming calls answer with one object a line.
        let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let answer: Value = serde_json::from_slice(line)
            .map_err(|_| other(format!("it answers {path} with {status}: is that etcd 3.4 or later?")))?;
        let fault = if answer["error"].is_object() { &answer["error"] } else { &answer };
        if status != StatusCode::OK || fault["error"].is_string() {
            if fault["code"].as_i64() == Some(NOT_FOUND) {
                return Err(Refusal::NoLease);
            }
            let said = fault["message"].as_str().or_else(|| fault["error"].as_str()).unwrap_or("no reason");
            return Err(other(format!("{said} ({status})")));
        }
        Ok(answer)
    }

    async fn open(&self, tls: Option<&ClientTls>) -> Result<Connection, String> {
        let opened = match tls.filter(|_| self.secure) {
            Some(tls) => Connection::open(&self.address, tls, &self.name, ATTEMPT).await,
            None => Connection::open_plain(&self.address, ATTEMPT).await,
        };
        opened.map_err(|fault| fault.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_addresses_with_a_scheme_and_a_port() {
        let parsed = Endpoint::parse("https://[2001:db8::1]:2379/").unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!((parsed.secure, parsed.address.as_str()), (true, "[2001:db8::1]:2379"));
        assert_eq!(parsed.name, "2001:db8::1");
        for wrong in ["etcd-1:2379", "http://etcd-1", "ftp://etcd-1:2379", "http://etcd-1:2379/v3", ""] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }
}
