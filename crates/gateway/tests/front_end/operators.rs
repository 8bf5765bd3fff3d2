//! What operators ask of the front end about the CA members, and what it remembers for them.

use std::sync::Arc;
use std::time::Duration;

use gateway::Tuning;
use serde_json::{Value, json};
use wire::client::Client;
use wire::http::{HeaderMap, Method, StatusCode};
use wire::protocol::internal::{FORCE_PATH, HOLD_PATH, SWITCHOVER_PATH};

use crate::ca::{Pair, pair, tuning};
use crate::estate::{Front, eventually, listen_again};

async fn post(client: &Client, path: &str, body: Value) -> (StatusCode, Value) {
    let answer = client.request(Method::POST, path, HeaderMap::new(), body.to_string()).await.unwrap();
    let said = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(answer.text()));
    (answer.status, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_forces_a_primary_when_nobody_can_take_over_and_is_told_the_price_first() {
    let mut pair = pair(tuning()).await;
    let sentence = |pair: &Pair| pair.front.front_end.status().ca.if_primary_died;
    assert!(sentence(&pair).contains("ca-2 would take over"), "{}", sentence(&pair));
    let operator = pair.front.client(Some(&pair.operator()));
    let (status, said) = post(&operator, FORCE_PATH, json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    assert!(said.as_str().unwrap().contains("bunraku ca switchover"), "{said}");
    assert_eq!(post(&pair.front.client(None), FORCE_PATH, json!({})).await.0, StatusCode::FORBIDDEN);

    pair.first.kill();
    pair.active("ca-2").await;
    let last = pair.front.front_end.status().ca.last_failover.unwrap();
    assert_eq!((last.kind.as_str(), last.from.as_deref(), last.epoch), ("refused", Some("ca-1"), 2));
    assert!(
        sentence(&pair).contains("because ca-1 does not answer (connection refused)"),
        "{}",
        sentence(&pair)
    );
    assert!(pair.error_log().contains("CA requests go to ca-2 in epoch 2, after "), "{}", pair.error_log());

    // The only one that has everything goes too, and the other comes back.
    pair.second.kill();
    pair.first.restart();
    eventually("the front end holds", || {
        let status = pair.front.front_end.status();
        let first = status.ca.members[0].silent_seconds;
        status.ca.obstacle.is_some_and(|why| why.contains("waiting for the answer"))
            && first.is_some_and(|seconds| seconds < 0.5)
    })
    .await;
    assert!(sentence(&pair).contains("Start ca-2:"), "{}", sentence(&pair));
    let (status, said) = post(&operator, FORCE_PATH, json!({"to": "ca-2"})).await;
    assert!(
        status == StatusCode::CONFLICT && said.as_str().unwrap().contains("ca-2 does not answer"),
        "{said}"
    );
    let (status, said) = post(&operator, FORCE_PATH, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let plan = &said["plan"];
    assert_eq!((&plan["to"], &plan["in_sync"]), (&json!("ca-1"), &json!(["ca-2"])));
    assert_eq!(plan["lacking"][0]["name"], "ca-2");
    assert!(said["left_in_sync"]["ca-1"].is_string(), "{said}");
    assert_eq!(pair.front.front_end.status().epoch, 2, "so far only words");

    let version = plan["version"].as_u64().unwrap();
    let (status, _) = post(&operator, FORCE_PATH, json!({"version": version + 1})).await;
    assert_eq!(status, StatusCode::CONFLICT, "said of another state of things");
    let (status, said) = post(&operator, FORCE_PATH, json!({"version": version})).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!((&said["active"], &said["epoch"], &said["acts"]), (&json!("ca-1"), &json!(3), &json!(true)));
    assert_eq!(pair.front.front_end.status().ca.last_failover.unwrap().kind, "forced");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_held_back_stays_so_over_a_restart_and_the_last_failover_is_remembered() {
    let tuning = Tuning { automatic_failback: true, failback_after: Duration::from_millis(100), ..tuning() };
    let mut pair = pair(tuning.clone()).await;
    let operator = pair.front.client(Some(&pair.operator()));
    let (status, said) = post(&operator, HOLD_PATH, json!({"member": "ca-9", "hold": true})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{said}");
    let (_, said) = post(&operator, HOLD_PATH, json!({"member": "ca-1", "hold": true})).await;
    assert_eq!(said, json!({"held_back": ["ca-1"]}));
    let (status, said) = post(&operator, SWITCHOVER_PATH, json!({})).await;
    assert_eq!((status, &said["active"], &said["acts"]), (StatusCode::OK, &json!("ca-2"), &json!(true)));
    assert!(said["without_active_ms"].is_u64(), "{said}");
    let (status, said) = post(&operator, SWITCHOVER_PATH, json!({"to": "ca-1"})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(said.as_str().unwrap().contains("held back for maintenance"), "{said}");
    let path = pair.estate.path("failovers.json");
    eventually("it is written down", || {
        std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\"kind\": \"switchover\""))
    })
    .await;

    let (address, operator) = (pair.front.address, pair.operator());
    let Ok(front) = Arc::try_unwrap(pair.front) else { panic!("the front end is still in use") };
    drop(front);
    let members = vec![pair.first.place(), pair.second.place()];
    pair.front = Arc::new(Front::start_on(&pair.estate, Vec::new(), members, tuning, listen_again(address)));
    pair.active("ca-2").await;
    let status = pair.front.front_end.status();
    assert_eq!(status.ca.last_failover.unwrap().kind, "switchover");
    assert!(status.ca.members[0].held_back && status.ca.members[0].member.in_sync);
    // In sync for long enough, and still not given the reign back.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(pair.front.front_end.status().ca.active.as_deref(), Some("ca-2"));
    let operator = pair.front.client(Some(&operator));
    let (_, said) = post(&operator, HOLD_PATH, json!({"member": "ca-1", "hold": false})).await;
    assert_eq!(said, json!({"held_back": []}));
    pair.active("ca-1").await;
}
