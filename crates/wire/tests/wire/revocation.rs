//! Revocation: at the handshake, on open connections, of authorities, and in quantity.

use pki::Certificate;
use wire::client::ClientFault;
use wire::tls::{TrustBundle, TrustFault};

use crate::estate::Ca;
use crate::listener::Server;
use crate::tls::client;

#[tokio::test]
async fn a_revoked_certificate_ends_the_handshake_and_its_neighbour_gets_in() {
    let ca = Ca::new("Puppet CA: test");
    let trust = ca.trust();
    let server = Server::tls(&ca.server("front"), trust.clone());
    let (bad, good) = (ca.node("bad.example.com"), ca.node("good.example.com"));
    trust.load(ca.revoke(&[&bad.certificate]).as_bytes()).unwrap();
    let refused = client(&server, ca.client(Some(&bad))).get("/seen", "*/*").await.unwrap_err();
    assert!(refused.to_string().contains("CertificateRevoked"), "{refused}");
    assert_eq!(client(&server, ca.client(Some(&good))).get("/seen", "*/*").await.unwrap().status, 200);
    assert_eq!(client(&server, ca.client(None)).get("/seen", "*/*").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_revocation_reaches_an_open_connection() {
    let ca = Ca::new("Puppet CA: test");
    let trust = ca.trust();
    let server = Server::tls(&ca.server("front"), trust.clone());
    let (bad, good) = (ca.node("bad.example.com"), ca.node("good.example.com"));
    let (victim, bystander) =
        (client(&server, ca.client(Some(&bad))), client(&server, ca.client(Some(&good))));
    for client in [&victim, &bystander] {
        assert_eq!(client.get("/seen", "*/*").await.unwrap().status, 200);
    }
    trust.load(ca.revoke(&[&bad.certificate]).as_bytes()).unwrap();
    let answer = victim.get("/seen", "*/*").await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.headers["connection"]), (403, &"close".parse().unwrap()));
    assert_eq!(answer.text(), "The client certificate has been revoked");
    assert_eq!(bystander.get("/seen", "*/*").await.unwrap().status, 200);
    // The connection was closed with that answer: the next one starts with a handshake.
    let refused = victim.get("/seen", "*/*").await.unwrap_err();
    assert!(matches!(refused, ClientFault::Lost { .. } | ClientFault::Connect { .. }), "{refused}");
    // An empty list takes it back (a CA restored from a backup).
    trust.load(ca.revoke(&[]).as_bytes()).unwrap();
    assert_eq!(victim.get("/seen", "*/*").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_revoked_server_is_refused() {
    let ca = Ca::new("Puppet CA: test");
    let credentials = ca.server("front");
    let server = Server::tls(&credentials, ca.trust());
    let trust = ca.trust();
    trust.load(ca.revoke(&[&credentials.certificate]).as_bytes()).unwrap();
    let tls = wire::tls::ClientTls::new(None, trust).unwrap();
    let refused = client(&server, tls).get("/seen", "*/*").await.unwrap_err();
    assert!(refused.to_string().contains("Revoked"), "{refused}");
}

#[test]
fn lists_are_believed_from_their_own_authority_alone() {
    let (ca, foreign) = (Ca::new("Puppet CA: test"), Ca::new("Puppet CA: test"));
    let node = ca.node("a.example.com");
    let trust = ca.trust();
    trust.load(ca.revoke(&[&node.certificate]).as_bytes()).unwrap();
    assert!(trust.is_revoked(&node.certificate));
    // The same name, another key.
    let forged = trust.load(foreign.revoke(&[]).as_bytes());
    assert!(matches!(forged, Err(TrustFault::ForeignList { number: 1 })), "{forged:?}");
    let torn = trust.load(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n");
    assert!(matches!(torn, Err(TrustFault::BadList { number: 1, .. })), "{torn:?}");
    assert!(trust.is_revoked(&node.certificate), "a bad list changes nothing");
    assert_eq!((trust.revocations().len(), trust.revocations().authorities()), (1, 1));
    // A certificate of another authority that happens to have the same serial number.
    let other = foreign.node("a.example.com");
    assert_eq!(other.certificate.serial(), node.certificate.serial());
    assert!(!trust.is_revoked(&other.certificate));
}

#[test]
fn a_revoked_authority_takes_its_certificates_with_it() {
    let root = Ca::new("Puppet Root CA");
    let signing = Ca::intermediate(&root, "Puppet CA: test");
    let bundle = format!("{}{}", signing.pem(), root.pem());
    let trust = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
    let node = signing.node("a.example.com");
    let lists = |of_root: &[&Certificate], of_signing: &[&Certificate]| {
        format!("{}{}", signing.revoke(of_signing), root.revoke(of_root))
    };
    trust.load(lists(&[], &[]).as_bytes()).unwrap();
    assert_eq!(trust.revocations().authorities(), 2);
    assert!(!trust.is_revoked(&node.certificate));
    trust.load(lists(&[], &[&node.certificate]).as_bytes()).unwrap();
    assert!(trust.is_revoked(&node.certificate));
    trust.load(lists(&[&signing.authority.certificate], &[]).as_bytes()).unwrap();
    assert!(trust.is_revoked(&node.certificate));
    assert!(!trust.is_revoked(&root.authority.certificate));
}

#[tokio::test]
async fn certificates_of_an_intermediate_authority_get_in() {
    let root = Ca::new("Puppet Root CA");
    let signing = Ca::intermediate(&root, "Puppet CA: test");
    let bundle = format!("{}{}", signing.pem(), root.pem());
    let trust = TrustBundle::from_pem(bundle.as_bytes()).unwrap();
    let server = Server::tls(&signing.server("front"), trust.clone());
    let agent = signing.node("agent.example.com");
    let tls = wire::tls::ClientTls::new(Some(&agent.identity()), trust.clone()).unwrap();
    let agent_client = client(&server, tls);
    assert_eq!(agent_client.get("/seen", "*/*").await.unwrap().status, 200);
    let lists = format!("{}{}", signing.revoke(&[]), root.revoke(&[&signing.authority.certificate]));
    trust.load(lists.as_bytes()).unwrap();
    assert_eq!(agent_client.get("/seen", "*/*").await.unwrap().status, 403);
}
