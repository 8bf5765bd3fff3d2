//! The rows of the table in docs/FRONT-END.md whose destination is the authority: what a client gets, and how often its
//! request arrived, for each failure; of an authority that is ours, and of one that is a Puppet Server.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gateway::{CaKind, Tuning, WorkerAddress};
use wire::client::Answer;
use wire::http::{HeaderMap, Method};
use wire::protocol::internal::SWITCHOVER_PATH;

use crate::ca::{Pair, pair, tuning};
use crate::estate::{Estate, Front, eventually};
use crate::raw_worker::{Manner, RawWorker};

const READS: [(&str, &str); 5] = [
    ("GET", "/puppet-ca/v1/certificate/ca"),
    ("GET", "/puppet-ca/v1/certificate_revocation_list/ca?environment=production"),
    ("GET", "/puppet-ca/v1/certificate_status/n"),
    ("GET", "/puppet-ca/v1/certificate_statuses/all"),
    ("GET", "/production/certificate/n"),
];
const WRITES: [(&str, &str); 6] = [
    ("PUT", "/puppet-ca/v1/certificate_request/n"),
    ("PUT", "/puppet-ca/v1/certificate_status/n"),
    ("DELETE", "/puppet-ca/v1/certificate_status/n"),
    ("POST", "/puppet-ca/v1/certificate_renewal"),
    ("PUT", "/puppet-ca/v1/clean"),
    ("POST", "/puppet-ca/v1/sign"),
];

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    READS.into_iter().chain(WRITES)
}

/// Sends a row on a connection of its own.
fn begin(front: &Front, (method, target): (&str, &'static str)) -> tokio::task::JoinHandle<Answer> {
    let (client, method) = (front.client(None), Method::from_bytes(method.as_bytes()).unwrap());
    let body = if method == Method::GET { "" } else { "body" };
    tokio::spawn(async move { client.request(method, target, HeaderMap::new(), body).await.unwrap() })
}

fn quick(ca_hold: Duration) -> Tuning {
    Tuning {
        ca_hold,
        ca_probe_interval: Duration::from_millis(50),
        revocation_wait: Duration::from_millis(50),
        ..Tuning::default()
    }
}

/// Long enough for what comes back, in every test here.
const PATIENT: Duration = Duration::from_secs(15);

fn before_puppet_server(ca: WorkerAddress, tuning: Tuning) -> Front {
    let estate = Estate::new();
    Front::start_changed(&estate, Vec::new(), vec![ca], tuning, |settings| {
        settings.ca_kind = CaKind::PuppetServer;
    })
}

async fn answers(front: &Front) {
    eventually("the CA answers", || front.front_end.status().ca.active.is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_server_absent_everything_is_held_until_it_is_there_and_arrives_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place = WorkerAddress {
        name: "puppetserver".into(),
        address: format!("http://{address}"),
        certname: String::new(),
    };
    let front = before_puppet_server(place, quick(PATIENT));
    let asked: Vec<_> = rows().map(|row| begin(&front, row)).collect();
    eventually("all are held", || front.front_end.status().ca.held == asked.len() as u64).await;
    let ca = RawWorker::start_on("puppetserver", crate::estate::listen_again(address));
    for (row, answer) in rows().zip(asked) {
        assert_eq!(answer.await.unwrap().status, 200, "{row:?}");
    }
    let mut arrived: Vec<String> = ca.arrived().into_iter().map(|one| one.line).collect();
    let mut expected: Vec<String> =
        rows().map(|(method, target)| format!("{method} {target} HTTP/1.1")).collect();
    arrived.sort();
    expected.sort();
    assert_eq!(arrived, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_server_absent_for_longer_than_requests_are_held() {
    let front = before_puppet_server(RawWorker::absent("puppetserver"), quick(Duration::from_millis(300)));
    let asked: Vec<_> = rows().map(|row| begin(&front, row)).collect();
    for (row, answer) in rows().zip(asked) {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 503, "{row:?}");
        assert!(answer.headers.contains_key("retry-after"), "{row:?}");
        assert!(
            answer.text().contains("Puppet Server") && !answer.text().contains("standby"),
            "{}",
            answer.text()
        );
    }
    let told = front.front_end.status().ca.if_primary_died;
    assert!(told.starts_with("puppetserver does not answer"), "{told}");
    let now = front.client(None).get("/status/v1/simple/ca", "*/*").await.unwrap();
    assert_eq!((now.status.as_u16(), now.headers.contains_key("retry-after")), (503, false));
    assert!(!now.text().contains("standby"), "{}", now.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_server_silent_reads_are_sent_again_and_writes_never() {
    let ca = RawWorker::start("puppetserver");
    let front = before_puppet_server(ca.place(), quick(PATIENT));
    for row in READS {
        answers(&front).await;
        ca.behave(Manner::Silent);
        let asked = begin(&front, row);
        let mut arrived = 0;
        eventually("it has arrived", || {
            arrived += ca.arrived().len();
            arrived > 0
        })
        .await;
        ca.behave(Manner::Status(200));
        assert_eq!(asked.await.unwrap().status, 200, "{row:?}");
        assert!(arrived + ca.arrived().len() > 1, "{row:?}");
    }
    ca.behave(Manner::Silent);
    for row in WRITES {
        answers(&front).await;
        let answer = begin(&front, row).await.unwrap();
        assert_eq!((answer.status.as_u16(), ca.arrived().len()), (504, 1), "{row:?}");
        assert!(!answer.headers.contains_key("retry-after"), "{row:?}");
        assert!(answer.text().contains("puppetserver ca list --all"), "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_server_late_reads_are_sent_again_while_they_are_held_and_writes_never() {
    let ca = RawWorker::start("puppetserver");
    ca.behave(Manner::Late(PATIENT));
    let tuning = Tuning { answer_timeout: Duration::from_millis(200), ..quick(Duration::from_millis(300)) };
    let front = before_puppet_server(ca.place(), tuning);
    answers(&front).await;
    let answer = begin(&front, READS[0]).await.unwrap();
    let arrived = ca.arrived().len();
    assert!(answer.status == 503 && arrived > 1, "{} after {arrived}", answer.status);
    answers(&front).await;
    let answer = begin(&front, WRITES[0]).await.unwrap();
    assert_eq!((answer.status.as_u16(), ca.arrived().len()), (504, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_servers_answers_are_passed_on_whatever_they_say() {
    let ca = RawWorker::start("puppetserver");
    let front = before_puppet_server(ca.place(), quick(PATIENT));
    answers(&front).await;
    for status in [200, 400, 403, 404, 409, 429, 500, 501, 502, 503, 504] {
        ca.behave(Manner::Status(status));
        for row in rows() {
            let answer = begin(&front, row).await.unwrap();
            assert_eq!((answer.status.as_u16(), ca.arrived().len()), (status, 1), "{row:?}");
        }
    }
}

impl Pair {
    /// Writes that were carried out since the last question, and by whom each.
    fn done(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.shared.lock().unwrap().done)
    }

    async fn switch_over(&self) {
        let operator = self.front.client(Some(&self.operator()));
        let answer = operator.request(Method::POST, SWITCHOVER_PATH, HeaderMap::new(), "").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_primary_gone_everything_is_held_and_answered_by_the_next_once() {
    let mut pair = pair(Tuning { ca_hold: PATIENT, ..tuning() }).await;
    pair.first.kill();
    let asked: Vec<_> = rows().map(|row| begin(&pair.front, row)).collect();
    for (row, answer) in rows().zip(asked) {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{row:?}");
        assert!(
            answer.text().contains("by ca-2") || row.1.contains("revocation_list"),
            "{row:?}: {}",
            answer.text()
        );
    }
    assert_eq!(pair.done().len(), WRITES.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_primary_breaks_off_reads_are_sent_again_and_writes_wait_for_the_next_primary() {
    let pair = pair(Tuning { ca_hold: PATIENT, ..tuning() }).await;
    let member = &pair.first.handler;
    for row in READS {
        let before = member.broken.load(Ordering::SeqCst);
        member.breaks_off.store(true, Ordering::SeqCst);
        let asked = begin(&pair.front, row);
        eventually("it was broken off", || member.broken.load(Ordering::SeqCst) > before).await;
        member.breaks_off.store(false, Ordering::SeqCst);
        assert_eq!(asked.await.unwrap().status, 200, "{row:?}");
    }
    member.breaks_off.store(true, Ordering::SeqCst);
    let asked: Vec<_> = WRITES.into_iter().map(|row| begin(&pair.front, row)).collect();
    eventually("all were broken off", || pair.shared.lock().unwrap().done.len() == WRITES.len()).await;
    eventually("all are held", || pair.front.front_end.status().ca.held == WRITES.len() as u64).await;
    pair.switch_over().await;
    for (row, answer) in WRITES.into_iter().zip(asked) {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, 200, "{row:?}");
        assert!(answer.text().contains("done by ca-1"), "{row:?}: {}", answer.text());
    }
    assert_eq!(pair.done().len(), WRITES.len(), "a write was carried out twice");
    assert!(pair.shared.lock().unwrap().arrivals.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_primarys_answers_are_passed_on_and_a_503_without_a_time_asks_for_another() {
    let pair = pair(Tuning { ca_hold: PATIENT, ..tuning() }).await;
    let member = Arc::clone(&pair.first.handler);
    for status in [200, 400, 403, 404, 409, 429, 500, 501, 502, 503, 504] {
        member.status.store(status, Ordering::SeqCst);
        for row in rows() {
            let answer = begin(&pair.front, row).await.unwrap();
            assert_eq!(answer.status.as_u16(), status, "{row:?}");
            let done = pair.done().len();
            assert_eq!(done, usize::from(row.0 != "GET"), "{row:?}, {status}");
        }
    }
    assert!(pair.shared.lock().unwrap().arrivals.values().all(|times| *times == 1));
    member.status.store(200, Ordering::SeqCst);
    // What it cannot confirm it says without a Retry-After: the next primary knows.
    member.unconfirmed.store(true, Ordering::SeqCst);
    let asked = begin(&pair.front, WRITES[0]);
    eventually("it is held", || pair.front.front_end.status().ca.held == 1).await;
    pair.switch_over().await;
    assert_eq!(asked.await.unwrap().status, 200);
    assert_eq!(pair.done().len(), 1);
}
