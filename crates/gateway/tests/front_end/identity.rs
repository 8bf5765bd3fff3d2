//! Who a worker is told is asking, and who may ask the front end itself.

use std::sync::Arc;

use gateway::Tuning;
use wire::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, Server};

fn one() -> (Arc<Estate>, Server<CatalogWorker>, Front) {
    let estate = Estate::new();
    let worker = Server::start(&estate, "worker-1", CatalogWorker::new());
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    (estate, worker, front)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_cannot_say_who_it_is() {
    let (estate, worker, front) = one();
    let mut forged = HeaderMap::new();
    for name in [
        "x-client-verify",
        "x-client-dn",
        "x-client-cert",
        "x_client_verify",
        "x-client_dn",
        "x_client-cert",
        "x-forwarded-for",
        "x-bunraku-epoch",
        "x-bunraku-request",
        "x_bunraku_epoch",
    ] {
        let name = HeaderName::from_static(name);
        forged.append(name.clone(), HeaderValue::from_static("SUCCESS"));
        forged.append(name, HeaderValue::from_static("CN=admin"));
    }
    forged.insert("x-puppet-version", HeaderValue::from_static("7.23.0"));
    forged.insert("connection", HeaderValue::from_static("keep-alive, x-client-verify, x-client-dn"));
    front.client(None).request(Method::GET, "/puppet/v3/node/a", forged.clone(), "").await.unwrap();
    let (agent, _) = estate.issue("agent.test", false);
    front.client(Some(&agent)).request(Method::GET, "/puppet/v3/node/b", forged, "").await.unwrap();

    let seen = worker.handler.seen();
    let names = |headers: &HeaderMap| {
        let mut names: Vec<String> =
            headers.keys().map(ToString::to_string).filter(|name| name.starts_with('x')).collect();
        names.sort();
        names
    };
    assert_eq!(names(&seen[0].headers), ["x-client-verify", "x-forwarded-for", "x-puppet-version"]);
    assert_eq!(seen[0].headers["x-client-verify"], "NONE");
    assert_eq!(seen[0].headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(
        names(&seen[1].headers),
        ["x-client-cert", "x-client-dn", "x-client-verify", "x-forwarded-for", "x-puppet-version"]
    );
    assert_eq!(seen[1].headers["x-client-verify"], "SUCCESS");
    assert_eq!(seen[1].headers["x-client-dn"], "CN=agent.test");
    assert!(
        seen[1].headers["x-client-cert"].to_str().unwrap().starts_with("-----BEGIN%20CERTIFICATE-----%0A")
    );
    assert_eq!(seen[1].headers.get_all("x-client-dn").iter().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suspicious_targets_reach_no_worker() {
    let (_estate, worker, front) = one();
    let client = front.client(None);
    for target in [
        "//puppet-ca/v1/certificate/ca",
        "/puppet/../puppet-ca/v1/sign",
        "/puppet/v3/%2e%2e/x",
        "/puppet%2fca/x",
        "/puppet/v3/a%00",
    ] {
        let answer = client.get(target, "*/*").await.unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{target}");
    }
    let answer = client.get("/bunraku/v1/replica", "*/*").await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(worker.handler.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_for_operators() {
    let (estate, _worker, front) = one();
    let (agent, _) = estate.issue("agent.test", false);
    let (operator, _) = estate.issue("operator.test", true);
    for nobody in [front.client(None), front.client(Some(&agent))] {
        let answer = nobody.get("/bunraku/v1/status", "application/json").await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let answer = nobody.request(Method::POST, "/bunraku/v1/ca/switchover", HeaderMap::new(), "").await;
        assert_eq!(answer.unwrap().status, StatusCode::FORBIDDEN);
        let answer = nobody.request(Method::POST, "/bunraku/v1/register", HeaderMap::new(), "{}").await;
        assert_eq!(answer.unwrap().status, StatusCode::FORBIDDEN);
    }
    let answer = front.client(Some(&operator)).get("/bunraku/v1/status", "application/json").await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let status: gateway::Status = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status.workers[0].name, "worker-1");
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["workers"][0]["state"], "up");
    assert!(json["epoch"].is_u64() && json["ca"]["members"].is_array() && json["requests_total"] == 7);
}
