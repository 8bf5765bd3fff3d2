//! Every recorded exchange, asked again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use wire::Peer;
use wire::http::HeaderMap;
use wire::identity::set_client_headers;

use crate::estate::{Estate, Reply, peer};
use crate::same::comparable;

#[derive(Deserialize)]
struct Exchange {
    number: u32,
    label: String,
    method: String,
    target: String,
    client: Option<String>,
    headers: BTreeMap<String, String>,
    body: Option<String>,
    answer: Recorded,
}

#[derive(Deserialize)]
struct Recorded {
    status: u16,
    content_type: Option<String>,
    puppet_version: bool,
    text: String,
}

/// What may differ in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Aspect {
    Status,
    ContentType,
    Version,
    Body,
}
use Aspect::{Body, ContentType, Status, Version};

/// Where this worker answers otherwise on purpose (DIVERGENCES.md): the label, in what, and why.
const DELIBERATE: [(&str, &[Aspect], &str); 8] = [
    ("unknown-root", &[ContentType, Body], "JSON, no web page"),
    ("catalog-bad-facts", &[Body], "the words of another JSON parser"),
    ("report-bad", &[Body], "the words of another JSON parser"),
    ("report-empty-json", &[Body], "what is missing, in place of a Ruby exception"),
    ("static_file_content", &[Status, ContentType, Version, Body], "no static catalogs yet"),
    ("tasks", &[Status, ContentType, Version, Body], "no tasks yet"),
    ("status-services", &[Body], "only the services that are here"),
    ("status-services-ca", &[Status, ContentType, Body], "the CA is another process"),
];

fn exchanges() -> Vec<Exchange> {
    serde_json::from_str(include_str!("../../../../conformance/server/exchanges.json")).unwrap()
}

/// How the client's identity reaches the worker.
#[derive(Clone, Copy)]
enum Way {
    OwnCertificate,
    FrontEnd,
}

async fn ask(estate: &Estate, exchange: &Exchange, way: Way) -> Reply {
    let certificate = match exchange.client.as_deref() {
        Some("agent1.example.com") => Some(estate.agent1.clone()),
        Some(other) => Some(estate.certificate(other)),
        None => None,
    };
    let mut headers: Vec<(String, String)> =
        exchange.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    // Compression has tests of its own.
    headers.retain(|(name, _)| name != "accept-encoding");
    let client: Arc<Peer> = peer(certificate.as_ref());
    let from = match way {
        Way::OwnCertificate => client,
        Way::FrontEnd => {
            let mut told = HeaderMap::new();
            set_client_headers(&mut told, &client);
            headers.extend(
                told.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_string())),
            );
            peer(Some(&estate.certificate("front-end.bunraku.internal")))
        }
    };
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let body = exchange.body.clone().unwrap_or_default();
    estate.ask(from, &exchange.method, &exchange.target, &headers, body).await
}

async fn replay(way: Way) {
    let estate = Estate::new();
    let code = estate.dir.path().join("code").display().to_string();
    let mut differences = Vec::new();
    let mut used = Vec::new();
    for exchange in exchanges() {
        let reply = ask(&estate, &exchange, way).await;
        let recorded = &exchange.answer;
        let mut aspects = Vec::new();
        let mut differ = |aspect: Aspect, theirs: String, ours: String| {
            if theirs != ours {
                aspects.push((aspect, theirs, ours));
            }
        };
        differ(Status, recorded.status.to_string(), reply.status.to_string());
        let content_type = reply.header("content-type").map(str::to_owned);
        differ(ContentType, format!("{:?}", recorded.content_type), format!("{content_type:?}"));
        let version = reply.header("x-puppet-version") == Some("7.23.0");
        differ(Version, recorded.puppet_version.to_string(), version.to_string());
        if exchange.method != "HEAD" {
            differ(Body, comparable(&recorded.text, &code), comparable(&reply.text(), &code));
        }
        let known = DELIBERATE.iter().find(|(label, ..)| *label == exchange.label);
        let found: Vec<Aspect> = aspects.iter().map(|(aspect, ..)| *aspect).collect();
        if let Some((label, expected, _)) = known {
            used.push(*label);
            if found == *expected {
                continue;
            }
        } else if found.is_empty() {
            continue;
        }
        differences.push(format!(
            "{} {} {} {}: {aspects:#?}",
            exchange.number, exchange.label, exchange.method, exchange.target
        ));
    }
    for (label, ..) in DELIBERATE {
        assert!(used.contains(&label), "no exchange is labelled {label}");
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_exchange_is_answered_alike() {
    replay(Way::OwnCertificate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_front_end_nothing_changes() {
    replay(Way::FrontEnd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_not_believed_like_a_front_end() {
    let estate = Estate::new();
    let catalogs = exchanges();
    let catalog = catalogs.iter().find(|exchange| exchange.label == "catalog-ok").unwrap();
    let mut told = HeaderMap::new();
    set_client_headers(&mut told, &peer(Some(&estate.agent1)));
    let mut headers: Vec<(&str, &str)> =
        told.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.extend(catalog.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    let other = estate.certificate("agent2.example.com");
    for from in [peer(None), peer(Some(&other))] {
        let body = catalog.body.clone().unwrap();
        let reply = estate.ask(from, &catalog.method, &catalog.target, &headers, body).await;
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
}
