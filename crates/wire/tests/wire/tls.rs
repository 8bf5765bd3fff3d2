//! Handshakes: who gets in, and which server is believed.

use std::sync::Arc;
use std::time::Duration;

use pki::AltName;
use serde_json::Value;
use tokio::process::Command;
use wire::Limits;
use wire::client::{Client, ClientFault, ConnectFault, Connection, Timeouts};
use wire::tls::{ClientCertificates, ClientTls, TrustBundle, TrustFault};

use crate::estate::{Ca, Credentials, now};
use crate::listener::{Mirror, Server};

pub const SECOND: Duration = Duration::from_secs(1);

pub fn client(server: &Server, tls: ClientTls) -> Client {
    let timeouts = Timeouts { connect: 5 * SECOND, answer: 5 * SECOND };
    Client::new(&format!("https://{}", server.address), tls, timeouts).unwrap()
}

async fn seen(client: &Client) -> Result<Value, ClientFault> {
    let answer = client.get("/seen", "*/*").await?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    Ok(serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn a_client_without_certificate_gets_in_and_is_nobody() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let seen = seen(&client(&server, ca.client(None))).await.unwrap();
    assert_eq!((&seen["certname"], seen["tls"].as_str()), (&Value::Null, Some("TLSv1.3")));
    server.stop().await;
}

#[tokio::test]
async fn a_good_certificate_is_known() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let agent = ca.node("agent1.example.com");
    let seen = seen(&client(&server, ca.client(Some(&agent)))).await.unwrap();
    assert_eq!(seen["certname"], "agent1.example.com");
}

#[tokio::test]
async fn a_foreign_or_expired_certificate_ends_the_handshake() {
    let (ca, foreign) = (Ca::new("Puppet CA: test"), Ca::new("Puppet CA: test"));
    let server = Server::tls(&ca.server("front"), ca.trust());
    let stranger = foreign.node("agent1.example.com");
    let late = ca.issue("late.example.com", &[], now() - 60);
    for (credentials, reason) in [(&stranger, "DecryptError"), (&late, "CertificateExpired")] {
        let refused = seen(&client(&server, ca.client(Some(credentials)))).await.unwrap_err();
        assert!(matches!(refused, ClientFault::Lost { .. } | ClientFault::Connect { .. }), "{refused}");
        assert!(refused.to_string().contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn a_required_certificate_is_required() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::start(
        &ca.server("front"),
        ca.trust(),
        ClientCertificates::Required,
        Limits::default(),
        Arc::new(Mirror),
    );
    let refused = seen(&client(&server, ca.client(None))).await.unwrap_err();
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    seen(&client(&server, ca.client(Some(&ca.node("a.example.com"))))).await.unwrap();
}

async fn open(server: &Server, tls: &ClientTls, name: &str) -> Result<Connection, ConnectFault> {
    Connection::open(&server.address, tls, name, 5 * SECOND).await
}

#[tokio::test]
async fn a_server_is_known_by_its_alternative_names() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front.example.com"), ca.trust());
    let tls = ca.client(None);
    for name in ["front.example.com", "localhost", "127.0.0.1"] {
        open(&server, &tls, name).await.unwrap();
    }
    for name in ["other.example.com", "127.0.0.2"] {
        let fault = open(&server, &tls, name).await.unwrap_err();
        assert!(fault.to_string().starts_with("TLS: invalid peer certificate"), "{fault}");
    }
    assert!(matches!(open(&server, &tls, "no such name").await, Err(ConnectFault::Name(_))));
}

#[tokio::test]
async fn a_server_without_alternative_names_is_known_by_its_common_name() {
    let ca = Ca::new("Puppet CA: test");
    for alt_names in [vec![], vec![AltName::Email("root@example.com".to_owned())]] {
        let plain = ca.issue("worker.example.com", &alt_names, now() + 3600);
        let server = Server::tls(&plain, ca.trust());
        open(&server, &ca.client(None), "worker.example.com").await.unwrap();
        open(&server, &ca.client(None), "Worker.Example.Com").await.unwrap();
        let fault = open(&server, &ca.client(None), "other.example.com").await.unwrap_err();
        assert!(fault.to_string().contains("NotValidForName"), "{fault}");
    }
}

#[tokio::test]
async fn the_common_name_does_not_count_beside_alternative_names() {
    let ca = Ca::new("Puppet CA: test");
    let named = ca.issue("worker.example.com", &[AltName::Dns("alias.example.com".to_owned())], now() + 3600);
    let server = Server::tls(&named, ca.trust());
    open(&server, &ca.client(None), "alias.example.com").await.unwrap();
    assert!(open(&server, &ca.client(None), "worker.example.com").await.is_err());
}

#[tokio::test]
async fn a_server_of_a_foreign_authority_is_refused_unless_nothing_is_verified() {
    let (ca, foreign) = (Ca::new("Puppet CA: test"), Ca::new("Puppet CA: other"));
    let server = Server::tls(&foreign.server("front"), ca.trust());
    let fault = open(&server, &ca.client(None), "localhost").await.unwrap_err();
    assert_eq!(fault, ConnectFault::Tls("invalid peer certificate: UnknownIssuer".to_owned()));
    open(&server, &ClientTls::insecure().unwrap(), "localhost").await.unwrap();
}

#[tokio::test]
async fn an_identity_must_fit_together() {
    let ca = Ca::new("Puppet CA: test");
    let (one, two) = (ca.node("one"), ca.node("two"));
    let mixed = Credentials { certificate: one.certificate, key: two.key };
    let (certificate, key) = (mixed.certificate.to_pem(), mixed.key.to_pem());
    let fault = wire::tls::Identity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(matches!(fault, wire::tls::IdentityFault::Mismatch(_)), "{fault}");
    assert!(matches!(
        TrustBundle::from_pem(certificate.as_bytes()),
        Err(TrustFault::NotAnAuthority { number: 1, .. })
    ));
    assert!(matches!(TrustBundle::from_pem(b""), Err(TrustFault::NoAuthority)));
}

/// What `openssl s_client` says of a connection on which it asks for one page.
async fn s_client(server: &Server, dir: &std::path::Path, more: &[&str]) -> String {
    let script = format!(
        "printf 'GET /seen HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | \
         openssl s_client -connect {} -CAfile {}/ca.pem -ign_eof {} 2>&1",
        server.address,
        dir.display(),
        more.join(" ")
    );
    let output = Command::new("sh").args(["-c", &script]).output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openssl_connects_with_both_versions_and_gets_no_session_to_resume() {
    let ca = Ca::new("Puppet CA: test");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    let server = Server::tls(&ca.server("front"), ca.trust());
    let modern = s_client(&server, dir.path(), &["-tls1_3"]).await;
    assert!(modern.contains("HTTP/1.1 200 OK") && modern.contains(r#""tls":"TLSv1.3""#), "{modern}");
    assert!(!modern.contains("New Session Ticket arrived"), "{modern}");
    assert!(modern.contains("Puppet CA: test"), "the authority is hinted at: {modern}");
    let older = s_client(&server, dir.path(), &["-tls1_2"]).await;
    assert!(older.contains("HTTP/1.1 200 OK") && older.contains(r#""tls":"TLSv1.2""#), "{older}");
    assert!(!older.contains("TLS session ticket:"), "{older}");
    assert!(older.contains("Session-ID: \n"), "{older}");
    let oldest = s_client(&server, dir.path(), &["-tls1_1"]).await;
    assert!(!oldest.contains("HTTP/1.1 200 OK"), "{oldest}");
}
