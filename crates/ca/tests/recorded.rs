//! What Puppet Server 7.9.5 answered, request by request, asked again here.

mod support;

use base64::Engine;
use serde::Deserialize;
use std::collections::BTreeMap;
use support::{ask, change, csr_with, enrol, local, new_authority, operator, peer, settings};

#[derive(Deserialize)]
struct Exchange {
    number: u32,
    label: String,
    method: String,
    target: String,
    client: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    body_base64: Option<String>,
    answer: Recorded,
}

#[derive(Deserialize)]
struct Recorded {
    status: u16,
    content_type: Option<String>,
    vary_accept: bool,
    puppet_version: bool,
    text: Option<String>,
}

/// Where this CA answers otherwise on purpose (DIVERGENCES.md), and how.
const DELIBERATE: [(&str, u16, &str); 16] = [
    ("csr-malformed", 400, "no Java exception"),
    ("csr-malformed-pem", 400, "no Java exception"),
    ("csr-empty", 400, "no Java exception"),
    ("csr-two-csrs", 400, "no Java exception"),
    ("csr-der", 400, "no Java exception"),
    ("csr-cert-instead", 400, "no Java exception"),
    ("csr-bad-signature", 400, "refused at once, not only when it is to be signed"),
    ("sign-bad-signature", 404, "so there is nothing to sign"),
    ("csr-name-ca", 400, "a node of this name could never fetch its certificate"),
    ("sign-name-ca", 404, "so there is nothing to sign"),
    ("unknown-sign-post", 0, "later versions sign many at once"),
    ("crl-put-admin-own", 200, "there, a root's list was sent again; here, no root is above the CA"),
    ("unknown-renewal-post", 404, "later versions have it, and say so when it is off"),
    ("status-services", 200, "only the services that are here"),
    ("csr-name-xxxxxxxxxxxxxxxxxxxx", 400, "same text"),
    ("cert-invalid-_00", 400, "Jetty's own page"),
];

/// Their outcome depends on the clock at the recording.
const CLOCK: [&str; 3] = ["crl-ims-equal", "crl-ims-equal_1", "crl-ims-newer"];

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_exchange_is_answered_alike() {
    let exchanges: Vec<Exchange> =
        serde_json::from_str(include_str!("../../../conformance/ca/exchanges.json")).unwrap();
    let (_root, cadir) = new_authority();
    let admin = operator(&cadir, "puppet.example.com", true);
    let worker = ca::Worker::start(settings(&cadir)).await.unwrap();
    for certname in ["agent1.example.com", "agent2.example.com", "agent3.example.com"] {
        enrol(&worker, certname).await;
    }
    change(&worker, "agent3.example.com", "revoked").await;
    let pem = ask(&worker, peer(None), "GET", "/puppet-ca/v1/certificate/agent1.example.com", &[], "").await;
    let agent1 = pki::Certificate::from_pem(&pem.body).unwrap();
    let key = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap();
    let content = pki::RequestContent {
        alt_names: vec![
            pki::AltName::Dns("gen2.example.com".into()),
            pki::AltName::Dns("gen2alt.example.com".into()),
            pki::AltName::Ip("10.0.0.9".parse().unwrap()),
        ],
        ..pki::RequestContent::default()
    };
    let gen2 = csr_with("gen2.example.com", &key, &content);
    ask(&worker, peer(None), "PUT", "/puppet-ca/v1/certificate_request/gen2.example.com", &[], gen2).await;

    let mut differences = Vec::new();
    for exchange in &exchanges {
        if CLOCK.contains(&exchange.label.as_str()) {
            continue;
        }
        let from = match exchange.client.as_deref() {
            Some("puppet.example.com") => peer(Some(&admin)),
            Some("agent1.example.com") => peer(Some(&agent1)),
            Some(other) => panic!("nobody knows {other}"),
            None => peer(None),
        };
        let headers: Vec<(&str, &str)> =
            exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = match (&exchange.body, &exchange.body_base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(encoded)) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
            (None, None) => Vec::new(),
        };
        let reply = ask(&worker, from, &exchange.method, &exchange.target, &headers, body).await;
        let recorded = &exchange.answer;
        let mut differ = |what: &str, theirs: String, ours: String| {
            if theirs != ours {
                let line = format!(
                    "{} {} {} {}: {what} {theirs:?}, here {ours:?}",
                    exchange.number, exchange.label, exchange.method, exchange.target
                );
                differences.push(line);
            }
        };
        if let Some((_, status, _)) = DELIBERATE.iter().find(|(label, ..)| *label == exchange.label) {
            if *status != 0 {
                differ("status", status.to_string(), reply.status.to_string());
            }
            continue;
        }
        differ("status", recorded.status.to_string(), reply.status.to_string());
        let content_type = reply.header("content-type").map(str::to_owned);
        differ("content type", format!("{:?}", recorded.content_type), format!("{content_type:?}"));
        differ(
            "vary",
            recorded.vary_accept.to_string(),
            (reply.header("vary") == Some("Accept")).to_string(),
        );
        let version = reply.header("x-puppet-version").is_some();
        differ("version header", recorded.puppet_version.to_string(), version.to_string());
        if let Some(text) = &recorded.text
            && exchange.method != "HEAD"
        {
            differ("text", text.clone(), reply.text());
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    let listed =
        ask(&worker, local(), "GET", "/puppet-ca/v1/certificate_status/gen2.example.com", &[], "").await;
    let names =
        serde_json::from_slice::<serde_json::Value>(&listed.body).unwrap()["subject_alt_names"].clone();
    assert_eq!(names, serde_json::json!(["IP:10.0.0.9", "DNS:gen2.example.com", "DNS:gen2alt.example.com"]));
    worker.stop().await;
}
