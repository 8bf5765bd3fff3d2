//! What the listener allows, and what it does about certificates that prove nothing, follow the configuration when that is
//! read again.

use std::sync::Arc;

use gateway::Tuning;
use wire::Limits;
use wire::http::StatusCode;
use wire::tls::ClientVerify;

use crate::estate::{Estate, Front};
use crate::metrics::parse;
use crate::metrics_reload::Written;
use crate::raw_worker::RawWorker;

fn start(estate: &Arc<Estate>, worker: &RawWorker) -> (Front, Arc<Written>) {
    let written = Arc::new(Written::default());
    *written.workers.lock().unwrap() = vec![worker.place()];
    let source = Arc::clone(&written);
    let front =
        Front::start_changed(estate, vec![worker.place()], Vec::new(), Tuning::default(), |settings| {
            settings.reload = source;
        });
    (front, written)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_the_connections_that_the_configuration_gives_it_by_now() {
    let (estate, worker) = (Estate::new(), RawWorker::start("w"));
    let (front, written) = start(&estate, &worker);
    let get = async |client: &wire::client::Client| {
        let answer = client.get("/puppet/v3/node/n", "*/*").await;
        answer.map(|answer| answer.status)
    };
    // Each keeps its connection.
    let clients: Vec<_> = (0..3).map(|_| front.client(None)).collect();
    assert_eq!(get(&clients[0]).await.unwrap(), StatusCode::OK);
    *written.limits.lock().unwrap() = Limits { max_per_source: Some(2), ..Limits::default() };
    front.front_end.reload().await.unwrap();
    assert_eq!(get(&clients[1]).await.unwrap(), StatusCode::OK);
    assert!(get(&clients[2]).await.is_err(), "a third connection of one source");
    let hits = parse(&front.front_end.metrics_page()).remove("bunraku_limit_hits_total").unwrap();
    let hit = hits.iter().find(|(_, labels, _)| labels["limit"] == "connections-per-source").unwrap();
    assert!(hit.2 >= 1.0, "{hits:?}");
    assert_eq!(get(&clients[0]).await.unwrap(), StatusCode::OK, "nobody who is in is cut off");
    *written.limits.lock().unwrap() = Limits::default();
    front.front_end.reload().await.unwrap();
    assert_eq!(get(&clients[2]).await.unwrap(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proves_nothing_is_said_to_be_nobody_and_no_name_of_it_reaches_a_worker() {
    let (estate, worker) = (Estate::new(), RawWorker::start("w"));
    let (front, written) = start(&estate, &worker);
    let (operator, serial) = estate.issue("operator.test", true);
    estate.trust.load(estate.revocation_list(1, &[serial]).as_bytes()).unwrap();
    let client = front.client(Some(&operator));
    assert!(client.get("/puppet/v3/node/n", "*/*").await.is_err());
    *written.client_verify.lock().unwrap() = ClientVerify::Report;
    front.front_end.reload().await.unwrap();
    assert_eq!(client.get("/puppet/v3/node/n", "*/*").await.unwrap().status, 200);
    let arrived = worker.arrived();
    let said: Vec<&String> =
        arrived.iter().flat_map(|one| &one.headers).filter(|header| header.contains("x-client")).collect();
    assert_eq!(said, ["x-client-verify: FAILED:revoked"]);
    // Nor is it an operator any more.
    assert_eq!(client.get("/bunraku/v1/status", "*/*").await.unwrap().status, 403);
    let metrics = parse(&front.front_end.metrics_page());
    assert_eq!(metrics["bunraku_client_verify_report"][0].2, 1.0);
    let failures = &metrics["bunraku_client_verification_failures_total"];
    let revoked = failures.iter().find(|(_, labels, _)| labels["reason"] == "revoked").unwrap();
    assert!(revoked.2 >= 2.0, "{failures:?}");
    assert!(front.front_end.status().warnings.iter().any(|warning| warning.contains("client_verify")));
    let log = estate.log("error.log");
    assert!(
        log.contains("Client certificate \"operator.test\"") && log.contains("): revoked; 127.0.0.1"),
        "{log}"
    );
    *written.client_verify.lock().unwrap() = ClientVerify::Strict;
    front.front_end.reload().await.unwrap();
    // Also on the connection that is open: refused, and closed.
    assert_eq!(client.get("/puppet/v3/node/n", "*/*").await.unwrap().status, 403);
    assert!(client.get("/puppet/v3/node/n", "*/*").await.is_err());
}
