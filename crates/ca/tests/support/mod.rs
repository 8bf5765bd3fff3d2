//! An authority in a temporary directory, and those who ask it.
#![allow(dead_code, reason = "each test file uses its part of this")]

pub mod estate;
pub mod other;

use ca::{CaSettings, RoleRequest, SetupOptions, Worker, issue_role_certificate, setup};
use pki::{Certificate, Certname, KeyKind, PrivateKey, RequestContent};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use wire::http::{HeaderMap, HeaderName, HeaderValue};
use wire::{Handler, Peer, Request, body};

/// What the tests read of an answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A new EC authority in a directory of its own.
pub fn new_authority() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let cadir = root.path().join("ca");
    let options = SetupOptions {
        ca_name: "Puppet CA: puppet.example.com".into(),
        key: KeyKind::EcP256,
        ca_ttl: 5 * 365 * 86_400,
    };
    setup(&cadir, &options, |_| {}).unwrap();
    (root, cadir)
}

pub fn operator(cadir: &Path, certname: &str, cli_auth: bool) -> Certificate {
    let request = RoleRequest {
        certname: Certname::parse(certname).unwrap(),
        key: KeyKind::EcP256,
        alt_names: Vec::new(),
        cli_auth,
        ttl: 365 * 86_400,
    };
    let made = issue_role_certificate(cadir, "ca-1", &request).unwrap();
    Certificate::from_pem(made.certificate_pem.as_bytes()).unwrap()
}

pub fn settings(cadir: &Path) -> CaSettings {
    CaSettings::alone("ca-1", cadir)
}

/// A request for a certificate, with a new EC key.
pub fn csr(certname: &str) -> String {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    csr_with(certname, &key, &RequestContent::default())
}

pub fn csr_with(certname: &str, key: &PrivateKey, content: &RequestContent) -> String {
    pki::Request::build(certname, key, content).unwrap().to_pem()
}

pub fn peer(certificate: Option<&Certificate>) -> Arc<Peer> {
    Arc::new(Peer::tls("192.0.2.1:4000".parse().unwrap(), certificate.cloned(), "TLSv1.3"))
}

pub fn local() -> Arc<Peer> {
    Arc::new(Peer::local())
}

pub async fn ask(
    worker: &Arc<Worker>,
    peer: Arc<Peer>,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    content: impl Into<Vec<u8>>,
) -> Reply {
    let mut request = Request::new(body::full(content.into()));
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = target.parse().unwrap();
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    let response = worker.handle(request, peer).await;
    let (parts, content) = response.into_parts();
    let body = body::collect(content, 1 << 30).await.unwrap().to_vec();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

/// Enrols and, as operator, signs.
pub async fn enrol(worker: &Arc<Worker>, certname: &str) {
    let path = format!("/puppet-ca/v1/certificate_request/{certname}");
    let saved = ask(worker, peer(None), "PUT", &path, &[], csr(certname)).await;
    assert_eq!(saved.status, 200, "{}", saved.text());
    change(worker, certname, "signed").await;
}

pub async fn change(worker: &Arc<Worker>, certname: &str, state: &str) {
    let path = format!("/puppet-ca/v1/certificate_status/{certname}");
    let body = format!("{{\"desired_state\":\"{state}\"}}");
    let done = ask(worker, local(), "PUT", &path, &[], body).await;
    assert_eq!(done.status, 204, "{}", done.text());
}
