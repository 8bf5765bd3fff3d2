//! The catalog pool: spread, failure, what is repeated and what is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gateway::Tuning;
use wire::http::{HeaderMap, Method, StatusCode};

use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, Server, eventually};

fn two() -> (Arc<Estate>, Server<CatalogWorker>, Server<CatalogWorker>) {
    let estate = Estate::new();
    let first = Server::start(&estate, "worker-1", CatalogWorker::new());
    let second = Server::start(&estate, "worker-2", CatalogWorker::new());
    (estate, first, second)
}

fn front(estate: &Arc<Estate>, workers: [&Server<CatalogWorker>; 2], tuning: Tuning) -> Front {
    Front::start(estate, workers.map(Server::place).to_vec(), Vec::new(), tuning)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_spread_and_bodies_pass_both_ways() {
    let (estate, first, second) = two();
    let front = front(&estate, [&first, &second], Tuning::default());
    let (agent, _) = estate.issue("agent.test", false);
    let client = front.client(Some(&agent));
    first.handler.answer_bytes.store(50 << 20, Ordering::Relaxed);
    second.handler.answer_bytes.store(50 << 20, Ordering::Relaxed);
    // Longer than what is kept for a second worker: streams.
    let long = vec![b'f'; 9 << 20];
    let answer = client
        .request(Method::POST, "/puppet/v3/catalog/agent.test?a=b", HeaderMap::new(), long.clone())
        .await
        .unwrap();
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 50 << 20));
    first.handler.answer_bytes.store(0, Ordering::Relaxed);
    second.handler.answer_bytes.store(0, Ordering::Relaxed);
    for _ in 0..9 {
        let answer = client.request(Method::PUT, "/puppet/v3/report/agent.test", HeaderMap::new(), "r").await;
        assert_eq!(answer.unwrap().text(), "PUT /puppet/v3/report/agent.test 1 bytes");
    }
    let seen = [first.handler.seen(), second.handler.seen()];
    assert_eq!([seen[0].len(), seen[1].len()], [5, 5]);
    let catalog = seen.iter().flatten().find(|seen| seen.target.contains("catalog")).unwrap();
    assert_eq!(catalog.target, "/puppet/v3/catalog/agent.test?a=b");
    assert!(catalog.body == long);
    assert_eq!(catalog.peer.as_deref(), Some("front.test"));
    eventually("ten lines with the worker's name", || {
        let log = estate.log("access.log");
        let by = |name: &str| log.lines().filter(|line| line.ends_with(name)).count();
        by(" worker-1") == 5 && by(" worker-2") == 5
    })
    .await;
    assert!(estate.log("access.log").contains(" - agent.test ["));
    let status = front.front_end.status();
    assert_eq!((status.requests_total, status.workers[0].requests), (10, 5));
}

/// Twelve clients ask without a pause; the first worker is killed and later returns. `target` decides what may be
/// repeated. Gives all answers that were not 200.
async fn under_load(
    target: &'static str,
    method: Method,
    tuning: Tuning,
) -> (Vec<String>, [CatalogCounts; 2]) {
    let (estate, mut first, second) = two();
    first.handler.delay_ms.store(3, Ordering::Relaxed);
    second.handler.delay_ms.store(3, Ordering::Relaxed);
    // So that the worker that returns has work at once.
    let tuning = Tuning { slow_start: Duration::ZERO, ..tuning };
    let front = Arc::new(front(&estate, [&first, &second], tuning));
    let until = Instant::now() + Duration::from_millis(2_500);
    let mut clients = Vec::new();
    for number in 0..12 {
        let (front, method) = (Arc::clone(&front), method.clone());
        clients.push(tokio::spawn(async move {
            let client = front.client(None);
            let mut failures = Vec::new();
            let mut round = 0;
            while Instant::now() < until {
                round += 1;
                let target = format!("{target}{number}-{round}");
                let body = if method == Method::GET { "" } else { "facts" };
                match client.request(method.clone(), &target, HeaderMap::new(), body).await {
                    Ok(answer) if answer.status == StatusCode::OK => {}
                    Ok(answer) => failures.push(format!("{} {}", answer.status, answer.text())),
                    Err(fault) => failures.push(fault.to_string()),
                }
            }
            failures
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    first.kill();
    tokio::time::sleep(Duration::from_millis(700)).await;
    let before_return = first.handler.seen().len();
    first.restart();
    let returned = Instant::now();
    eventually("the returned worker is used", || first.handler.seen().len() > before_return).await;
    assert!(returned.elapsed() < Duration::from_millis(900), "used after {:?}", returned.elapsed());
    let mut failures = Vec::new();
    for client in clients {
        failures.extend(client.await.unwrap());
    }
    let log = estate.log("error.log");
    assert!(log.contains(&format!("Catalog worker worker-1 ({}) disabled: ", first.address)), "{log}");
    assert!(
        log.contains(&format!("Catalog worker worker-1 ({}) enabled: answers again", first.address)),
        "{log}"
    );
    assert!(!log.contains("worker-2"), "{log}");
    (failures, [counts(&first), counts(&second)])
}

type CatalogCounts = BTreeMap<String, usize>;

fn counts(server: &Server<CatalogWorker>) -> CatalogCounts {
    let mut counts = BTreeMap::new();
    for seen in server.handler.seen() {
        *counts.entry(seen.target).or_default() += 1;
    }
    counts
}

fn repeated(counts: &[CatalogCounts; 2]) -> Vec<&String> {
    let twice = |target: &&String| {
        counts.iter().map(|counts| counts.get(*target).copied().unwrap_or(0)).sum::<usize>() > 1
    };
    counts[0].keys().filter(twice).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_under_load_costs_no_read() {
    let (failures, counts) = under_load("/puppet/v3/file_content/", Method::GET, Tuning::default()).await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(counts[0].len() > 50 && counts[1].len() > 50, "both had work");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_under_load_costs_no_catalog_when_compiling_may_be_repeated() {
    let tuning = Tuning { compile_retry: true, ..Tuning::default() };
    let (failures, _) = under_load("/puppet/v3/catalog/", Method::POST, tuning).await;
    assert_eq!(failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_written_is_sent_twice() {
    for (target, method) in [("/puppet/v3/catalog/", Method::POST), ("/puppet/v3/report/", Method::PUT)] {
        let (failures, counts) = under_load(target, method, Tuning::default()).await;
        assert_eq!(repeated(&counts), Vec::<&String>::new(), "{target}");
        // At most what the dead worker had taken: one per client.
        assert!(failures.len() <= 12, "{failures:?}");
        assert!(failures.iter().all(|failure| failure.starts_with("502 ")), "{failures:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_worker_gets_less() {
    let (estate, first, second) = two();
    first.handler.delay_ms.store(400, Ordering::Relaxed);
    let front = Arc::new(front(&estate, [&first, &second], Tuning::default()));
    let mut clients = Vec::new();
    for _ in 0..6 {
        let front = Arc::clone(&front);
        clients.push(tokio::spawn(async move {
            let client = front.client(None);
            for _ in 0..20 {
                let answer = client.get("/puppet/v3/node/a", "*/*").await.unwrap();
                assert_eq!(answer.status, StatusCode::OK);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let (slow, quick) = (first.handler.seen().len(), second.handler.seen().len());
    assert_eq!(slow + quick, 120);
    assert!(quick > 4 * slow, "slow {slow}, quick {quick}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manifest_error_is_passed_on_and_ejects_nobody() {
    let (estate, first, second) = two();
    first.handler.status.store(500, Ordering::Relaxed);
    second.handler.status.store(500, Ordering::Relaxed);
    let front = front(&estate, [&first, &second], Tuning::default());
    let client = front.client(None);
    for _ in 0..10 {
        let answer =
            client.request(Method::POST, "/puppet/v3/catalog/a", HeaderMap::new(), "f").await.unwrap();
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    assert_eq!(first.handler.seen().len() + second.handler.seen().len(), 10);
    assert_eq!(estate.log("error.log"), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_answer_is_taken_elsewhere_once() {
    let (estate, first, second) = two();
    first.handler.status.store(503, Ordering::Relaxed);
    let front = front(&estate, [&first, &second], Tuning::default());
    let client = front.client(None);
    for _ in 0..6 {
        let answer =
            client.request(Method::POST, "/puppet/v3/catalog/a", HeaderMap::new(), "f").await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
    }
    second.handler.status.store(503, Ordering::Relaxed);
    let answer = client.request(Method::POST, "/puppet/v3/catalog/b", HeaderMap::new(), "f").await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    let reports = client.request(Method::PUT, "/puppet/v3/report/b", HeaderMap::new(), "f").await.unwrap();
    assert_eq!(reports.status, StatusCode::SERVICE_UNAVAILABLE);
    let of = |target: &str| {
        [&first, &second]
            .iter()
            .flat_map(|s| s.handler.seen())
            .filter(|seen| seen.target.contains(target))
            .count()
    };
    assert_eq!((of("catalog/b"), of("report/b")), (2, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_nobody_is_left_the_answer_says_what_to_do() {
    let (estate, mut first, mut second) = two();
    let front = front(&estate, [&first, &second], Tuning::default());
    first.kill();
    second.kill();
    let client = front.client(None);
    let mut answer =
        client.request(Method::POST, "/puppet/v3/catalog/a", HeaderMap::new(), "f").await.unwrap();
    if answer.status == StatusCode::BAD_GATEWAY {
        // The kill was still under way when the request was written.
        answer = client.request(Method::POST, "/puppet/v3/catalog/a", HeaderMap::new(), "f").await.unwrap();
    }
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key("retry-after"));
    for name in ["worker-1", "worker-2"] {
        assert!(answer.text().contains(&format!("{name}: connection refused")), "{}", answer.text());
    }
    assert!(answer.text().contains("bunraku status"));
    let probe = client.get("/status/v1/simple/server", "*/*").await.unwrap();
    assert_eq!(probe.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!probe.headers.contains_key("retry-after"));
    let ca = client.get("/status/v1/simple/ca", "*/*").await.unwrap();
    assert_eq!(ca.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!ca.headers.contains_key("retry-after"));
    first.restart();
    eventually("the first worker is up", || {
        front.front_end.status().workers[0].state == wire::protocol::internal::WorkerState::Up
    })
    .await;
    let answer = client.get("/status/v1/simple/server", "*/*").await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_in_the_middle_of_an_answer_costs_nothing() {
    let (estate, mut first, second) = two();
    first.handler.answer_bytes.store(300_000, Ordering::Relaxed);
    first.handler.stalls.store(true, Ordering::Relaxed);
    let front = front(&estate, [&first, &second], Tuning::default());
    let client = front.client(None);
    let asked = tokio::spawn(async move { client.get("/puppet/v3/file_content/modules/a/b", "*/*").await });
    eventually("the first worker is answering", || first.handler.seen().len() == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.kill();
    let answer = asked.await.unwrap().unwrap();
    assert_eq!(answer.text(), "GET /puppet/v3/file_content/modules/a/b 0 bytes");
    assert_eq!(second.handler.seen().len(), 1);
}
