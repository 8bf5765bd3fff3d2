//! A worker on the environment that the recordings were made with, and those who ask it.

use std::path::PathBuf;
use std::sync::Arc;

use pki::issue::{Authority, LeafLayout, LeafProfile, self_signed_ca, sign_leaf};
use pki::{AltName, Certificate, Certname, KeyKind, PrivateKey, Serial, Signer};
use server::{CatalogWorker, ServerSettings};
use tempfile::TempDir;
use wire::http::{HeaderMap, HeaderName, HeaderValue};
use wire::{Handler, Peer, Request, body};

const SITE: &str = r#"node 'agent1.example.com' {
  $role = $trusted['extensions']['pp_role']
  notify { 'hello': message => "hello ${trusted['certname']} role=${role}" }
  file { '/srv/puppet-lab/managed.txt': ensure => file, source => 'puppet:///modules/demo/hello.txt' }
}
"#;

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

/// The worker and its directory (the recordings' `/srv/puppet-lab/main`).
pub struct Estate {
    pub dir: TempDir,
    pub worker: Arc<CatalogWorker>,
    pub agent1: Certificate,
    issuer: Authority,
}

impl Estate {
    pub fn new() -> Estate {
        let dir = tempfile::tempdir().unwrap();
        let module = dir.path().join("code/environments/production/modules/demo");
        let write = |path: PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(dir.path().join("code/environments/production/manifests/site.pp"), SITE);
        write(module.join("files/hello.txt"), "hello file\n");
        write(module.join("lib/facter/demofact.rb"), "Facter.add(:demofact) { setcode { 'demo' } }\n");
        std::fs::create_dir_all(module.join("lib/puppet/functions/demo")).unwrap();
        let worker = CatalogWorker::start(ServerSettings {
            certname: "puppet.example.com".into(),
            environmentpath: dir.path().join("code/environments"),
            // As on the recorded machine: a second place, without modules. This machine's own may have some.
            basemodulepath: vec![dir.path().join("code/modules"), dir.path().join("code/elsewhere")],
            reportdir: dir.path().join("reports"),
            factsdir: dir.path().join("facts"),
            front_ends: vec!["front-end.bunraku.internal".into()],
            rules: access::LiveRules::packaged(),
            max_body: 1 << 20,
        })
        .unwrap();
        let agent1 = include_bytes!("../../../../conformance/server/agent1.example.com.pem");
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let certificate = self_signed_ca("Puppet CA", &key, Serial::from_u64(1), 0, 4_000_000_000).unwrap();
        let issuer = Authority { certificate, signer: Arc::new(key) };
        Estate { dir, worker, agent1: Certificate::from_pem(agent1).unwrap(), issuer }
    }

    pub fn certificate(&self, certname: &str) -> Certificate {
        self.certificate_and_key(certname).0
    }

    pub fn authority(&self) -> &Certificate {
        &self.issuer.certificate
    }

    pub fn certificate_and_key(&self, certname: &str) -> (Certificate, PrivateKey) {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let profile = LeafProfile {
            serial: Serial::from_u64(2),
            certname: Certname::parse(certname).unwrap(),
            spki_der: key.spki_der().to_vec(),
            not_before: 0,
            not_after: 4_000_000_000,
            alt_names: vec![AltName::Dns(certname.into())],
            extensions: Vec::new(),
            cli_auth: false,
            layout: LeafLayout::default(),
        };
        (sign_leaf(&self.issuer, &profile).unwrap(), key)
    }

    pub fn module(&self) -> PathBuf {
        self.dir.path().join("code/environments/production/modules/demo")
    }

    /// As agent1, which takes anything.
    pub async fn get(&self, target: &str) -> Reply {
        self.ask(peer(Some(&self.agent1)), "GET", target, &[("accept", "*/*")], "").await
    }

    pub async fn ask(
        &self,
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
        let (parts, content) = self.worker.handle(request, peer).await.into_parts();
        let body = body::collect(content, 1 << 30).await.unwrap().to_vec();
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

pub fn peer(certificate: Option<&Certificate>) -> Arc<Peer> {
    Arc::new(Peer::tls("192.0.2.1:4000".parse().unwrap(), certificate.cloned(), "TLSv1.3"))
}
