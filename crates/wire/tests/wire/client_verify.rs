//! Certificates that prove nothing: refused, or let in as nobody's so that it can be seen who would be refused; at the
//! handshake and on connections that are open.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use wire::Limits;
use wire::access_log::{AccessLog, Format, Logged};
use wire::client::{Answer, Client};
use wire::tls::{ClientCertificates, ClientTls, ClientVerify, ServerTls, TrustBundle};

use crate::estate::{Ca, Credentials, now};
use crate::listener::{Mirror, Server};
use crate::tls::client;

/// One of each kind, with the reason that is given for it.
fn bad_ones(ca: &Ca, trust: &wire::tls::TrustBundle) -> Vec<(Credentials, &'static str)> {
    let revoked = ca.node("revoked.example.com");
    trust.load(ca.revoke(&[&revoked.certificate]).as_bytes()).unwrap();
    vec![
        (revoked, "revoked"),
        (ca.issue("expired.example.com", &[], now() - 60), "expired"),
        (Ca::new("Puppet CA: elsewhere").node("foreign.example.com"), "unknown-issuer"),
        (Ca::new("Puppet CA: test").node("forged.example.com"), "bad-signature"),
    ]
}

async fn seen(client: &Client) -> Value {
    let answer = client.get("/seen", "*/*").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn with_report_all_who_would_be_refused_are_let_in_as_nobody_and_counted() {
    let (ca, server) = start();
    let bad = bad_ones(&ca, server.tls.trust());
    for (credentials, _) in &bad {
        assert!(client(&server, ca.client(Some(credentials))).get("/seen", "*/*").await.is_err());
    }
    server.tls.set_client_verify(ClientVerify::Report);
    for (credentials, reason) in &bad {
        let seen = seen(&client(&server, ca.client(Some(credentials)))).await;
        assert_eq!((&seen["certname"], &seen["unproven"]), (&Value::Null, &json!(reason)));
    }
    let good = ca.node("good.example.com");
    let seen = seen(&client(&server, ca.client(Some(&good)))).await;
    assert_eq!((&seen["certname"], &seen["unproven"]), (&json!("good.example.com"), &Value::Null));
    // Once refused, once let in.
    let counts: Vec<(&str, u64)> = server.tls.counts().verification_failures().collect();
    for (_, reason) in &bad {
        assert!(counts.contains(&(reason, 2)), "{reason}: {counts:?}");
    }
}

fn start() -> (Ca, Server) {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    (ca, server)
}

#[tokio::test]
async fn curl_with_each_protocol_version_is_let_in_as_nobody_and_only_with_the_key() {
    let (ca, server) = start();
    let dir = tempfile::tempdir().unwrap();
    let bad = bad_ones(&ca, server.tls.trust());
    std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    let ask = async |certificate: &std::path::Path, key: &std::path::Path, version: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--tls-max", version, "--cacert"]).arg(dir.path().join("ca.pem"));
        curl.arg("--cert").arg(certificate).arg("--key").arg(key);
        curl.arg(format!("https://{}/seen", server.address)).output().await.unwrap()
    };
    for (credentials, reason) in &bad {
        let (certificate, key) = credentials.write(dir.path(), reason);
        for version in ["1.2", "1.3"] {
            server.tls.set_client_verify(ClientVerify::Strict);
            let refused = ask(&certificate, &key, version).await;
            assert!(!refused.status.success(), "TLS {version}, {reason}");
            server.tls.set_client_verify(ClientVerify::Report);
            let answered = ask(&certificate, &key, version).await;
            assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));
            let seen: Value = serde_json::from_slice(&answered.stdout).unwrap();
            assert_eq!(seen["unproven"], *reason, "TLS {version}");
            assert_eq!((&seen["certname"], &seen["tls"]), (&Value::Null, &json!(format!("TLSv{version}"))));
        }
    }
}

#[tokio::test]
async fn on_an_open_connection_a_revoked_node_becomes_nobody_and_is_refused_once_that_is_strict() {
    let (ca, server) = start();
    server.tls.set_client_verify(ClientVerify::Report);
    let node = ca.node("a.example.com");
    let open = client(&server, ca.client(Some(&node)));
    assert_eq!(seen(&open).await["certname"], "a.example.com");
    server.tls.trust().load(ca.revoke(&[&node.certificate]).as_bytes()).unwrap();
    assert_eq!(seen(&open).await["unproven"], "revoked");
    // One that was let in so from the beginning.
    let other = client(&server, ca.client(Some(&node)));
    assert_eq!(seen(&other).await["unproven"], "revoked");
    server.tls.set_client_verify(ClientVerify::Strict);
    for client in [&open, &other] {
        refused(client, "The client certificate has been revoked").await;
    }
}

async fn refused(client: &Client, text: &str) {
    let Answer { status, headers, .. } = {
        let answer = client.get("/seen", "*/*").await.unwrap();
        assert_eq!(answer.text(), text);
        answer
    };
    assert_eq!((status.as_u16(), &headers["connection"]), (403, &"close".parse().unwrap()));
}

#[tokio::test]
async fn what_expires_while_its_connection_is_open_is_out_at_the_next_request() {
    let (ca, server) = start();
    let end = now() + 6;
    let (strict, report) = (ca.issue("a.example.com", &[], end), ca.issue("b.example.com", &[], end));
    let open = client(&server, ca.client(Some(&strict)));
    let nobody = client(&server, ca.client(Some(&report)));
    for (client, name) in [(&open, "a.example.com"), (&nobody, "b.example.com")] {
        assert_eq!(seen(client).await["certname"], name);
    }
    while now() <= end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    refused(&open, "The client certificate has expired").await;
    server.tls.set_client_verify(ClientVerify::Report);
    assert_eq!(seen(&nobody).await["unproven"], "expired");
}

#[tokio::test]
async fn who_is_of_an_authority_that_is_trusted_no_longer_is_out_on_open_connections_too() {
    let (old, new) = (Ca::new("Puppet CA: old"), Ca::new("Puppet CA: new"));
    let trust = wire::tls::TrustBundle::from_pem((old.pem() + &new.pem()).as_bytes()).unwrap();
    let server = Server::tls(&new.server("front"), trust.clone());
    let trusting = |ca: &Ca| {
        let identity = ca.node("a.example.com").identity();
        client(&server, wire::tls::ClientTls::new(Some(&identity), trust.clone()).unwrap())
    };
    let (gone, stays) = (trusting(&old), trusting(&new));
    for client in [&gone, &stays] {
        assert_eq!(seen(client).await["certname"], "a.example.com");
    }
    assert!(server.tls.trust().replace_authorities(new.pem().as_bytes()).unwrap());
    refused(&gone, "The client certificate is not accepted: unknown-issuer").await;
    for _ in 0..2 {
        assert_eq!(seen(&stays).await["certname"], "a.example.com");
    }
}

#[tokio::test]
async fn a_role_keeps_the_connections_that_a_former_authority_let_in_until_they_are_revoked() {
    let (old, new) = (Ca::new("Puppet CA: old"), Ca::new("Puppet CA: new"));
    let trust = TrustBundle::from_pem((old.pem() + &new.pem()).as_bytes()).unwrap();
    let identity = new.server("front").identity();
    let tls = ServerTls::new(&identity, trust.clone(), ClientCertificates::Optional).unwrap();
    let server = Server::listen(tls.with_kept_connections(), Limits::default(), Arc::new(Mirror));
    let trusting = |credentials: &Credentials| {
        client(&server, ClientTls::new(Some(&credentials.identity()), trust.clone()).unwrap())
    };
    let (mine, yours) = (old.node("a.example.com"), new.node("b.example.com"));
    let (kept, other) = (trusting(&mine), trusting(&yours));
    assert_eq!(seen(&kept).await["certname"], "a.example.com");
    assert_eq!(seen(&other).await["certname"], "b.example.com");
    assert!(trust.replace_authorities(new.pem().as_bytes()).unwrap());
    for _ in 0..2 {
        assert_eq!(seen(&kept).await["certname"], "a.example.com");
    }
    // Whoever comes now is judged by what is trusted now.
    assert!(trusting(&mine).get("/seen", "*/*").await.is_err());
    trust.load(new.revoke(&[&yours.certificate]).as_bytes()).unwrap();
    refused(&other, "The client certificate has been revoked").await;
}

#[tokio::test]
async fn the_access_log_says_what_was_shown_and_gives_nobody_that_name() {
    let ca = Ca::new("Puppet CA: test");
    let dir = tempfile::tempdir().unwrap();
    let log = AccessLog::open_as(dir.path().join("access.log"), Format::Json).unwrap();
    let handler = Logged::new(Arc::new(Mirror), log, "front-end", vec!["front-2.example.com".to_owned()]);
    let optional = ClientCertificates::Optional;
    let server = Server::start(&ca.server("front"), ca.trust(), optional, Limits::default(), handler);
    server.tls.set_client_verify(ClientVerify::Report);
    let late = ca.issue("late.example.com", &[], now() - 60);
    client(&server, ca.client(Some(&late))).get("/seen", "*/*").await.unwrap();
    // What another front end says of such a client.
    let mut headers = wire::http::HeaderMap::new();
    headers.insert("x-client-verify", "FAILED:revoked".parse().unwrap());
    let front = client(&server, ca.client(Some(&ca.node("front-2.example.com"))));
    front.request(wire::http::Method::GET, "/seen", headers, "").await.unwrap();
    let lines = loop {
        let text = std::fs::read_to_string(dir.path().join("access.log")).unwrap();
        if text.lines().count() == 2 {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: &Value| ["verdict", "failure", "shown", "certname"].map(|field| line[field].clone());
    assert_eq!(of(&lines[0]), [json!("failed"), json!("expired"), json!("late.example.com"), Value::Null]);
    assert_eq!(of(&lines[1]), [json!("failed"), json!("revoked"), Value::Null, Value::Null]);
}
