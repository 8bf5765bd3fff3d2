//! The way to the certificate authority: who is active, holding, failover and back, once and only once.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gateway::Tuning;
use replica::configuration::Configuration;
use wire::client::Client;
use wire::http::{HeaderMap, Method, StatusCode};
use wire::protocol::internal::{REGISTER_PATH, RegisterAnswer, RegisterRequest, SWITCHOVER_PATH};
use wire::tls::Identity;

use crate::ca_member::{CaMember, Shared, both};
use crate::estate::{Estate, Front, Server, eventually, listen_again};

pub struct Pair {
    pub estate: Arc<Estate>,
    pub shared: Arc<Mutex<Shared>>,
    pub first: Server<CaMember>,
    pub second: Server<CaMember>,
    pub front: Arc<Front>,
}

pub fn tuning() -> Tuning {
    Tuning { automatic_failback: false, ca_hold: Duration::from_secs(8), ..Tuning::default() }
}

pub async fn pair(tuning: Tuning) -> Pair {
    let estate = Estate::new();
    let shared: Arc<Mutex<Shared>> = Arc::default();
    shared.lock().unwrap().issue(estate.revocation_list(1, &[]), Vec::new());
    let issuer = &estate.authority.certificate;
    let first = Server::start(&estate, "ca-1", CaMember::new("ca-1", issuer, &shared));
    let second = Server::start(&estate, "ca-2", CaMember::new("ca-2", issuer, &shared));
    let members = vec![first.place(), second.place()];
    let front = Arc::new(Front::start(&estate, Vec::new(), members, tuning));
    let pair = Pair { estate, shared, first, second, front };
    pair.active("ca-1").await;
    pair.admit_both().await;
    pair
}

impl Pair {
    pub async fn active(&self, name: &str) {
        eventually(&format!("{name} is active"), || {
            self.front.front_end.status().ca.active.as_deref() == Some(name)
        })
        .await;
    }

    /// The primary puts both members into the in-sync set, through the front end's register, as a real one would.
    pub async fn admit_both(&self) {
        let active = self.front.front_end.status().ca.active.unwrap();
        let member = if active == "ca-1" { &self.first } else { &self.second };
        let configuration = member.handler.configuration().unwrap();
        let identity = self.estate.issue(&format!("{active}.test"), false).0;
        let answer = ask_register(
            &self.front.client(Some(&identity)),
            &RegisterRequest::CompareAndSet {
                expected_version: configuration.version,
                configuration: configuration.with_in_sync(both()),
            },
        )
        .await;
        assert!(matches!(answer, RegisterAnswer::Set { .. }), "{answer:?}");
        eventually("both are in sync", || {
            let members = self.front.front_end.status().ca.members;
            members.iter().all(|member| member.member.in_sync)
                && self.front.front_end.status().ca.successor.is_some()
        })
        .await;
    }

    pub fn error_log(&self) -> String {
        self.estate.log("error.log")
    }

    pub fn operator(&self) -> Identity {
        self.estate.issue("operator.test", true).0
    }

    /// No write arrived twice in one epoch, none was carried out twice.
    fn once_only(&self) {
        let shared = self.shared.lock().unwrap();
        assert!(shared.arrivals.values().all(|times| *times == 1), "{:?}", shared.arrivals);
        let mut targets: Vec<&String> = shared.done.iter().map(|(target, _)| target).collect();
        let before = targets.len();
        targets.sort();
        targets.dedup();
        assert_eq!(targets.len(), before, "a write was carried out twice");
    }
}

async fn ask_register(
    client: &Client,
    ask: &RegisterRequest<Configuration>,
) -> RegisterAnswer<Configuration> {
    let body = serde_json::to_vec(ask).unwrap();
    let answer = client.request(Method::POST, REGISTER_PATH, HeaderMap::new(), body).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// Writes without a pause from `clients` clients until `until`; gives every answer that was not 200, and how many
/// were.
async fn enrolments(front: &Arc<Front>, clients: usize, until: Instant) -> (Vec<String>, usize) {
    let mut running = Vec::new();
    for number in 0..clients {
        let front = Arc::clone(front);
        running.push(tokio::spawn(async move {
            let client = front.client(None);
            let (mut failures, mut round) = (Vec::new(), 0);
            while Instant::now() < until {
                round += 1;
                let name = format!("n{number}-{round}");
                let put = format!("/puppet-ca/v1/certificate_request/{name}?environment=production");
                let get = format!("/production/certificate/{name}");
                for (method, target) in [(Method::PUT, put), (Method::GET, get)] {
                    match client.request(method, &target, HeaderMap::new(), "").await {
                        Ok(answer) if answer.status == StatusCode::OK => {}
                        Ok(answer) => failures.push(format!("{target}: {} {}", answer.status, answer.text())),
                        Err(fault) => failures.push(format!("{target}: {fault}")),
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (failures, round)
        }));
    }
    let (mut failures, mut rounds) = (Vec::new(), 0);
    for client in running {
        let (failed, round) = client.await.unwrap();
        failures.extend(failed);
        rounds += round;
    }
    (failures, rounds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ca_requests_go_to_the_primary_and_the_register_is_the_members_alone() {
    let pair = pair(tuning()).await;
    let client = pair.front.client(None);
    let answer = client.get("/production/certificate/ca", "s").await.unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "read by ca-1"));
    let answer = client
        .request(Method::PUT, "/puppet-ca/v1/certificate_request/a", HeaderMap::new(), "csr")
        .await
        .unwrap();
    assert_eq!(answer.text(), "done by ca-1 (3 bytes)");
    assert_eq!(answer.headers["x-puppet-version"], "7.9.5");
    // Everybody may send a request, whatever it calls itself; the names of many nodes are longer.
    let long = vec![b'x'; (64 << 10) + 1];
    for (target, status) in [
        ("/puppet-ca/v1/certificate_request/b", StatusCode::PAYLOAD_TOO_LARGE),
        ("/puppet-ca/v1/certificate%5frequest/b", StatusCode::PAYLOAD_TOO_LARGE),
        ("/production/certificate_request/b", StatusCode::PAYLOAD_TOO_LARGE),
        ("/puppet-ca/v1/clean", StatusCode::OK),
    ] {
        let answer = client.request(Method::PUT, target, HeaderMap::new(), long.clone()).await.unwrap();
        assert_eq!(answer.status, status, "{target}");
    }

    // A standby may read the register, and not change it.
    let standby = pair.front.client(Some(&pair.estate.issue("ca-2.test", false).0));
    let RegisterAnswer::Current { configuration } = ask_register(&standby, &RegisterRequest::Read).await
    else {
        panic!("the register is set");
    };
    assert_eq!(configuration.in_sync, both());
    let usurper = configuration.succeeded_by(replica::name::MemberName::new("ca-2"), both());
    let ask =
        RegisterRequest::CompareAndSet { expected_version: configuration.version, configuration: usurper };
    assert!(matches!(ask_register(&standby, &ask).await, RegisterAnswer::Refused { .. }));
    let answer = pair.front.client(Some(&pair.operator())).get(REGISTER_PATH, "*/*").await.unwrap();
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_primary_costs_no_request_and_no_second() {
    let mut pair = pair(tuning()).await;
    // Writes are under way most of the time, so that some are cut in the middle.
    pair.first.handler.answer_delay_ms.store(20, Ordering::SeqCst);
    let until = Instant::now() + Duration::from_secs(3);
    let load = tokio::spawn({
        let front = Arc::clone(&pair.front);
        async move { enrolments(&front, 8, until).await }
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    let killed = Instant::now();
    pair.first.kill();
    let client = pair.front.client(None);
    let answer = client.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap();
    let outage = killed.elapsed();
    assert_eq!(answer.text(), "read by ca-2");
    assert!(outage < Duration::from_secs(1), "first answer after {outage:?}");
    let (failures, rounds) = load.await.unwrap();
    assert_eq!(failures, Vec::<String>::new());
    assert!(rounds > 100, "{rounds}");
    pair.once_only();
    let status = pair.front.front_end.status();
    assert_eq!((status.epoch, status.ca.active.as_deref()), (2, Some("ca-2")));
    let last = status.ca.last_failover.unwrap();
    assert_eq!((last.from.as_deref(), last.to.as_str()), (Some("ca-1"), "ca-2"));
    assert!(last.reason.contains("connection refused"), "{}", last.reason);
    assert!(last.duration_ms < 1000 && last.held > 0, "{last:?}");
    let log = pair.error_log();
    assert!(
        log.contains(&format!("CA member ca-1 ({}) disabled: connection refused", pair.first.address)),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_falls_silent_is_replaced_within_three_seconds() {
    let pair = pair(tuning()).await;
    let until = Instant::now() + Duration::from_secs(4);
    let load = tokio::spawn({
        let front = Arc::clone(&pair.front);
        async move { enrolments(&front, 4, until).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let silent = Instant::now();
    pair.first.handler.hangs.store(true, Ordering::SeqCst);
    let client = pair.front.client(None);
    let answer = client.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap();
    let outage = silent.elapsed();
    assert_eq!(answer.text(), "read by ca-2");
    assert!(outage < Duration::from_secs(3), "first answer after {outage:?}");
    let (failures, _) = load.await.unwrap();
    assert_eq!(failures, Vec::<String>::new());
    pair.once_only();
    assert!(pair.error_log().contains("disabled: no answer within 500 ms"), "{}", pair.error_log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_answer_was_lost_is_answered_by_the_next_primary_and_done_once() {
    let mut pair = pair(tuning()).await;
    pair.first.handler.answer_delay_ms.store(60_000, Ordering::SeqCst);
    let client = pair.front.client(None);
    let write = tokio::spawn(async move {
        client.request(Method::PUT, "/puppet-ca/v1/certificate_request/a", HeaderMap::new(), "csr").await
    });
    eventually("ca-1 has done it", || pair.shared.lock().unwrap().done.len() == 1).await;
    pair.first.kill();
    let answer = write.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "done by ca-1 (3 bytes)"));
    let shared = pair.shared.lock().unwrap();
    assert_eq!((shared.done.len(), shared.arrivals.len()), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_a_deposed_primary_could_not_confirm_is_confirmed_by_the_next() {
    let pair = pair(tuning()).await;
    pair.first.handler.unconfirmed.store(true, Ordering::SeqCst);
    let client = pair.front.client(None);
    let write = tokio::spawn(async move {
        client.request(Method::PUT, "/puppet-ca/v1/certificate_request/a", HeaderMap::new(), "csr").await
    });
    eventually("ca-1 has done it", || pair.shared.lock().unwrap().done.len() == 1).await;
    eventually("the write is held", || pair.front.front_end.status().ca.held == 1).await;
    let operator = pair.front.client(Some(&pair.operator()));
    let switched = operator.request(Method::POST, SWITCHOVER_PATH, HeaderMap::new(), "").await.unwrap();
    assert_eq!(switched.status, StatusCode::OK, "{}", switched.text());
    let answer = write.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "done by ca-1 (3 bytes)"));
    pair.once_only();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_nobody_can_confirm_is_not_repeated_and_the_client_is_told() {
    let pair = pair(Tuning { ca_hold: Duration::from_millis(500), ..tuning() }).await;
    pair.first.handler.unconfirmed.store(true, Ordering::SeqCst);
    let client = pair.front.client(None);
    let answer = client
        .request(Method::PUT, "/puppet-ca/v1/certificate_request/a", HeaderMap::new(), "csr")
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(!answer.headers.contains_key("retry-after"));
    assert!(answer.text().contains("bunraku ca list"), "{}", answer.text());
    pair.once_only();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_preferred_member_gets_the_reign_back_and_nobody_notices() {
    let tuning = Tuning { automatic_failback: true, failback_after: Duration::from_millis(500), ..tuning() };
    let mut pair = pair(tuning).await;
    pair.first.kill();
    pair.active("ca-2").await;
    pair.first.restart();
    pair.admit_both_under_load().await;
    pair.active("ca-1").await;
    let status = pair.front.front_end.status();
    assert_eq!(status.epoch, 3);
    let log = pair.error_log();
    assert!(log.contains("CA member ca-1") && log.contains("enabled"), "{log}");
}

impl Pair {
    /// As [`Pair::admit_both`], with a fail-back under load right after it.
    async fn admit_both_under_load(&self) {
        let until = Instant::now() + Duration::from_secs(3);
        let load = tokio::spawn({
            let front = Arc::clone(&self.front);
            async move { enrolments(&front, 4, until).await }
        });
        self.admit_both().await;
        let (failures, rounds) = load.await.unwrap();
        assert_eq!(failures, Vec::<String>::new());
        assert!(rounds > 50, "{rounds}");
        self.once_only();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_switches_over_in_order() {
    let pair = pair(tuning()).await;
    let operator = pair.front.client(Some(&pair.operator()));
    let post = async |body: &'static str| {
        operator.request(Method::POST, SWITCHOVER_PATH, HeaderMap::new(), body).await.unwrap()
    };
    let answer = post(r#"{"to":"ca-9"}"#).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let answer = post(r#"{"to":"ca-1"}"#).await;
    assert_eq!((answer.status, answer.text().contains("primary already")), (StatusCode::CONFLICT, true));
    let answer = post("").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((said["active"].as_str(), said["epoch"].as_u64()), (Some("ca-2"), Some(2)));
    let answer = operator.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap();
    assert_eq!(answer.text(), "read by ca-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nobody_left_requests_are_held_and_then_told_so() {
    let mut pair = pair(Tuning { ca_hold: Duration::from_millis(600), ..tuning() }).await;
    pair.first.kill();
    pair.second.kill();
    let begun = Instant::now();
    let client = pair.front.client(None);
    let answer = client.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.text().contains("bunraku status"), "{}", answer.text());
    assert!(begun.elapsed() >= Duration::from_millis(600));
    eventually("it says why", || pair.front.front_end.status().ca.obstacle.is_some()).await;
    let held = tokio::spawn({
        let client = pair.front.client(None);
        async move { client.get("/puppet-ca/v1/certificate/ca", "*/*").await }
    });
    eventually("one request is held", || pair.front.front_end.status().ca.held == 1).await;
    drop(held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_under_way_to_a_primary_that_stands_still_waits_no_longer_than_what_came_later() {
    // Longer than a silence that deposes: the requests are on open connections when everything stands still.
    let pair = pair(Tuning { ca_hold: Duration::from_millis(600), ..tuning() }).await;
    pair.first.handler.answer_delay_ms.store(600_000, Ordering::SeqCst);
    let put = |client: Client| async move {
        client.request(Method::PUT, "/puppet-ca/v1/certificate_request/a", HeaderMap::new(), "csr").await
    };
    let write = tokio::spawn(put(pair.front.client(None)));
    eventually("ca-1 has done it", || pair.shared.lock().unwrap().done.len() == 1).await;
    for member in [&pair.first, &pair.second] {
        member.handler.hangs.store(true, Ordering::SeqCst);
    }
    let read = pair.front.client(None).get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap();
    assert_eq!(read.status, StatusCode::SERVICE_UNAVAILABLE, "nothing was done");
    assert!(read.headers.contains_key("retry-after"));
    let write = write.await.unwrap().unwrap();
    assert_eq!(write.status, StatusCode::GATEWAY_TIMEOUT, "it may have been done");
    assert_eq!(pair.front.front_end.status().ca.held_total, 2, "both have waited");
    pair.once_only();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_end_that_is_restarted_goes_on_where_it_was() {
    let Pair { estate, first, mut second, front, .. } = {
        let mut pair = pair(tuning()).await;
        pair.first.kill();
        pair.active("ca-2").await;
        pair
    };
    let (address, mut first) = (front.address, first);
    first.restart();
    let Ok(front) = Arc::try_unwrap(front) else { panic!("the front end is still in use") };
    drop(front);
    let listener = listen_again(address);
    let front = Front::start_on(&estate, Vec::new(), vec![first.place(), second.place()], tuning(), listener);
    eventually("ca-2 is active", || front.front_end.status().ca.active.as_deref() == Some("ca-2")).await;
    assert_eq!(front.front_end.status().epoch, 2);
    // ca-1 is not in sync: it never becomes active by itself.
    second.kill();
    eventually("nobody is active", || front.front_end.status().ca.active.is_none()).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(front.front_end.status().ca.active, None);
    assert_eq!(front.front_end.status().epoch, 2);
}
