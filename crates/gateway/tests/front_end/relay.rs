//! What another front end passes on: to the member that it names, as it is; and from nobody else.

use std::sync::Arc;

use gateway::Tuning;
use wire::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use wire::protocol::internal::X_BUNRAKU_RELAY;

use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, SIBLING, Server};

/// A front end, and a member that notes what it is asked.
fn one() -> (Arc<Estate>, Server<CatalogWorker>, Front) {
    let estate = Estate::new();
    let member = Server::start(&estate, "ca-1", CatalogWorker::new());
    let front = Front::start(&estate, Vec::new(), vec![member.place()], Tuning::default());
    (estate, member, front)
}

/// As the other front end would say it of a client.
fn vouched() -> HeaderMap {
    let lines = [
        ("x-client-verify", "SUCCESS"),
        ("x-client-dn", "CN=agent.test"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-bunraku-epoch", "7"),
        ("x-bunraku-request", "6f1c"),
    ];
    lines
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect()
}

const CERTIFICATE: &str = "/bunraku/v1/relay/ca-1/puppet-ca/v1/certificate/agent.test";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_front_end_is_believed_and_passed_on_as_it_is() {
    let (estate, mut member, front) = one();
    let (sibling, _) = estate.issue(SIBLING, false);
    let client = front.client(Some(&sibling));
    let answer = client.request(Method::GET, CERTIFICATE, vouched(), "").await.unwrap();
    assert_eq!(
        (answer.status, answer.headers[X_BUNRAKU_RELAY].to_str().unwrap()),
        (StatusCode::OK, "relayed"),
        "{}",
        answer.text()
    );
    let seen = member.handler.seen();
    let asked = seen.iter().find(|one| one.target.starts_with("/puppet-ca")).unwrap();
    assert_eq!(asked.target, "/puppet-ca/v1/certificate/agent.test");
    for (name, value) in &vouched() {
        assert_eq!(asked.headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{name}");
    }
    // Only what is asked of a CA; nothing of the members among themselves.
    for inner in ["bunraku/v1/replica", "bunraku/v1/ca/key?id=a", "puppet/v3/node/a", "bunraku/v1/status"] {
        let path = format!("/bunraku/v1/relay/ca-1/{inner}");
        assert_eq!(
            client.request(Method::POST, &path, vouched(), "").await.unwrap().status,
            StatusCode::NOT_FOUND
        );
    }
    let stranger = CERTIFICATE.replace("ca-1", "ca-9");
    let answer = client.request(Method::GET, &stranger, vouched(), "").await.unwrap();
    assert_eq!(
        (answer.status, answer.headers[X_BUNRAKU_RELAY].to_str().unwrap()),
        (StatusCode::BAD_GATEWAY, "not-sent")
    );
    member.kill();
    let answer = client.request(Method::GET, CERTIFICATE, vouched(), "").await.unwrap();
    assert_eq!(
        (answer.status, answer.headers[X_BUNRAKU_RELAY].to_str().unwrap()),
        (StatusCode::BAD_GATEWAY, "not-sent")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_nobody_else_is_there_anything_to_pass_on() {
    let (estate, member, front) = one();
    let (agent, _) = estate.issue("agent.test", false);
    let (operator, _) = estate.issue("operator.test", true);
    let (own, _) = estate.issue("front.test", false);
    for who in [None, Some(&agent), Some(&operator), Some(&own)] {
        let answer = front.client(who).request(Method::GET, CERTIFICATE, vouched(), "").await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
        assert!(answer.headers.get(X_BUNRAKU_RELAY).is_none());
    }
    assert!(
        member.handler.seen().iter().all(|one| !one.target.starts_with("/puppet-ca")),
        "nothing came there"
    );
}
