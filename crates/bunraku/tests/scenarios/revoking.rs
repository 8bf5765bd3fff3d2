//! A revocation reaches the front end: before the operator's answer when it goes through it, at once when it does not.
//! The list is a long one: `BUNRAKU_REVOKED` entries, 1,000 when that is not set.

use std::process::Command;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use pki::{KeyKind, PrivateKey};
use wire::Bytes;
use wire::client::{Client, Timeouts};
use wire::tls::{ClientTls, Identity, TrustBundle};

use super::adopting::configure;
use super::deployment::{Deployment, text};
use super::made_by_hand::make_authority;

#[test]
fn a_revoked_node_is_out_on_open_and_on_new_connections() {
    let deployment = Deployment::start_prepared(21_140, &[], |root| {
        make_authority(&root.join("ca"), KeyKind::EcP256, revoked());
        configure(root, &[("autosign = false", "autosign = true")]);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let operator = Node::of_deployment(&deployment, "bunraku-operator").client();
        // Through the front end: no patience at all after the answer.
        let mut acknowledged = Vec::new();
        for number in 0..20 {
            let (node, open) = enrolled(&deployment, &format!("through-{number}.example.com")).await;
            let path = format!("/puppet-ca/v1/certificate_status/{}", node.certname);
            let began = Instant::now();
            let body = Bytes::from_static(b"{\"desired_state\":\"revoked\"}");
            let answer = operator.request(Method::PUT, &path, json(), body).await.unwrap();
            acknowledged.push(began.elapsed());
            assert_eq!(answer.status, 204, "{}", answer.text());
            assert_eq!(read(&open).await, Some(403));
            assert_eq!(read(&node.client()).await, None, "a new connection");
        }
        report("revoked through the front end, until the answer (enforced by then)", acknowledged);
        assert_eq!(read(&operator).await, Some(200), "nobody else is out");

        // On the CA itself, by its socket.
        let mut enforced = Vec::new();
        let socket = deployment.root().join("ca/bunraku/socket");
        for number in 0..20 {
            let (node, open) = enrolled(&deployment, &format!("beside-{number}.example.com")).await;
            let path = format!("http://localhost/puppet-ca/v1/certificate_status/{}", node.certname);
            let output = Command::new("curl")
                .args(["--silent", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--unix-socket"])
                .arg(&socket)
                .args(["-H", "Content-Type: application/json", "-d", "{\"desired_state\":\"revoked\"}"])
                .arg(path)
                .output()
                .unwrap();
            let began = Instant::now();
            assert_eq!(text(&output.stdout), "204");
            while read(&open).await == Some(200) {
                assert!(began.elapsed() < Duration::from_secs(5), "still let in");
            }
            enforced.push(began.elapsed());
        }
        report("revoked on the CA's socket, from the answer until enforced", enforced);
    });
    let errors = deployment.log("front_end_error.log");
    assert!(!errors.contains("acknowledged nevertheless"), "{errors}");
}

#[test]
fn a_node_renews_its_certificate_through_the_front_end() {
    let deployment = Deployment::start_prepared(21_140, &[], |root| {
        make_authority(&root.join("ca"), KeyKind::EcP256, revoked());
        configure(
            root,
            &[
                ("autosign = false", "autosign = true"),
                ("allow_auto_renewal = false", "allow_auto_renewal = true"),
            ],
        );
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (node, _) = runtime.block_on(enrolled(&deployment, "renews.example.com"));
    let (other, _) = runtime.block_on(enrolled(&deployment, "other.example.com"));
    let folder = deployment.scratch("renewal");
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let ca = write("ca.pem", &node.ca);
    let (certificate, key) = (write("cert.pem", &node.certificate), write("key.pem", &node.key.to_pem()));
    let url = format!("https://localhost:{}/puppet-ca/v1/certificate_renewal", deployment.port);
    let renew = |with_certificate: bool, header: Option<&str>| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "-X", "POST", "-w", "%{http_code}", "--cacert"]).arg(&ca);
        if with_certificate {
            curl.arg("--cert").arg(&certificate).arg("--key").arg(&key);
        }
        if let Some(header) = header {
            curl.args(["-H", header]);
        }
        let output = curl.arg(&url).output().unwrap();
        let said = text(&output.stdout);
        let (body, status) = said.split_at(said.len().saturating_sub(3));
        (status.to_owned(), body.to_owned())
    };

    // Whoever has no certificate, or says in a header that it has another's, gets nothing of it.
    assert_eq!(renew(false, None).0, "403");
    let claim = format!("X-Client-Cert: {}", other.certificate.replace('\n', "%0A"));
    assert_eq!(renew(false, Some(&claim)).0, "403");

    let (status, renewed) = renew(true, Some(&claim));
    assert_eq!(status, "200", "{renewed}");
    let renewed = pki::Certificate::from_pem(renewed.as_bytes()).unwrap();
    let old = pki::Certificate::from_pem(node.certificate.as_bytes()).unwrap();
    assert_eq!(renewed.subject_cn(), Some("renews.example.com"));
    assert_eq!(renewed.spki_der(), old.spki_der());
    assert!(renewed.serial() > old.serial());
    let path = write("renewed.pem", &renewed.to_pem());
    let verified = Command::new("openssl").args(["verify", "-CAfile"]).arg(&ca).arg(path).output().unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stderr));
    // Both let it in, until one is revoked; revoking reaches both.
    let with_new = Node { certificate: renewed.to_pem(), ..node.clone() };
    for node in [&node, &with_new] {
        assert_eq!(runtime.block_on(read(&node.client())), Some(200));
    }
    deployment.bunraku_ok(&["ca", "revoke", "--certname", "renews.example.com"]);
    for node in [&node, &with_new] {
        assert_eq!(runtime.block_on(read(&node.client())), None);
    }
}

/// A node's own things.
#[derive(Clone)]
struct Node {
    certname: String,
    key: std::sync::Arc<PrivateKey>,
    certificate: String,
    ca: String,
    port: u16,
}

impl Node {
    /// One whose certificate the deployment keeps.
    fn of_deployment(deployment: &Deployment, certname: &str) -> Node {
        let ssl = deployment.dir().join("ssl");
        let read = |path: String| std::fs::read_to_string(ssl.join(path)).unwrap();
        Node {
            certname: certname.to_owned(),
            key: PrivateKey::from_pem(read(format!("private_keys/{certname}.pem")).as_bytes())
                .unwrap()
                .into(),
            certificate: read(format!("certs/{certname}.pem")),
            ca: read("certs/ca.pem".into()),
            port: deployment.port,
        }
    }

    /// A client that has no connection yet.
    fn client(&self) -> Client {
        let identity = Identity::from_pem(self.certificate.as_bytes(), self.key.to_pem().as_bytes()).unwrap();
        let tls =
            ClientTls::new(Some(&identity), TrustBundle::from_pem(self.ca.as_bytes()).unwrap()).unwrap();
        Client::new(&format!("https://localhost:{}", self.port), tls, Timeouts::default()).unwrap()
    }
}

/// A node with a certificate, and a connection of its own that is open.
async fn enrolled(deployment: &Deployment, certname: &str) -> (Node, Client) {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let request = pki::Request::build(certname, &key, &pki::RequestContent::default()).unwrap().to_pem();
    let url = format!("https://localhost:{}", deployment.port);
    let stranger = Client::new(&url, ClientTls::insecure().unwrap(), Timeouts::default()).unwrap();
    let path = format!("/puppet-ca/v1/certificate_request/{certname}");
    let put = stranger.request(Method::PUT, &path, HeaderMap::new(), Bytes::from(request)).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.text());
    let get = stranger.get(&format!("/puppet-ca/v1/certificate/{certname}"), "*/*").await.unwrap();
    assert_eq!(get.status, 200, "{}", get.text());
    let ca = std::fs::read_to_string(deployment.root().join("ca/ca_crt.pem")).unwrap();
    let node = Node {
        certname: certname.to_owned(),
        key: key.into(),
        certificate: get.text(),
        ca,
        port: deployment.port,
    };
    let open = node.client();
    assert_eq!(read(&open).await, Some(200));
    (node, open)
}

/// Status of a read; none when the front end does not let the client in at all.
async fn read(client: &Client) -> Option<u16> {
    client.get("/puppet-ca/v1/certificate/ca", "*/*").await.ok().map(|answer| answer.status.as_u16())
}

fn json() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    eprintln!("{what}: median {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
}

/// How long the list is.
fn revoked() -> u64 {
    std::env::var("BUNRAKU_REVOKED").map_or(1000, |entries| entries.parse().unwrap())
}
