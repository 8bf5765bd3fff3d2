//! Which request is sent to a second worker after which failure of the first: every cell of the table in docs/FRONT-END.md,
//! with a first worker that fails in the way it is told.

use std::sync::Arc;
use std::time::Duration;

use gateway::{EjectionRules, FrontEnd, Place, Thresholds, Tuning, WorkerAddress};
use wire::http::{HeaderMap, Method};

use crate::estate::{Estate, Front};
use crate::raw_worker::{Manner, RawWorker};

/// What the client gets, and which of the two workers were asked.
type Outcome = (u16, [usize; 2]);

const FIRST_ONLY: [usize; 2] = [1, 0];
const BOTH: [usize; 2] = [1, 1];

/// Requests, in rows of the table.
const READS: [(&str, &str); 8] = [
    ("GET", "/puppet/v3/file_content/modules/a/b"),
    ("GET", "/puppet/v3/file_metadata/modules/a/b"),
    ("GET", "/puppet/v3/file_metadatas/plugins"),
    ("GET", "/puppet/v3/static_file_content/a/b"),
    ("GET", "/puppet/v3/environments"),
    ("GET", "/puppet/v3/environment_classes"),
    ("GET", "/puppet/v3/node/n"),
    ("HEAD", "/puppet/v3/file_bucket_file/md5/x"),
];
const CATALOGS: [(&str, &str); 3] =
    [("POST", "/puppet/v3/catalog/n"), ("GET", "/puppet/v3/catalog/n"), ("POST", "/puppet/v4/catalog")];
const WRITES: [(&str, &str); 3] = [
    ("PUT", "/puppet/v3/report/n"),
    ("PUT", "/puppet/v3/facts/n"),
    ("PUT", "/puppet/v3/file_bucket_file/md5/x"),
];

struct Pair {
    front: Front,
    first: Option<RawWorker>,
    second: RawWorker,
}

impl Pair {
    /// The second is a hot standby, so that the first is always asked first. Nothing but the failure itself may take it
    /// out of use: no ejection, and no verdict from a second failure.
    fn start(first: Option<RawWorker>, tuning: Tuning) -> Pair {
        let estate = Estate::new();
        let second = RawWorker::start("second");
        let at = first.as_ref().map_or_else(|| RawWorker::absent("first"), RawWorker::place);
        let tuning = Tuning {
            ejection: EjectionRules { after: u32::MAX, ..EjectionRules::default() },
            thresholds: Thresholds { fall: u32::MAX, ..Thresholds::default() },
            ..tuning
        };
        let front = Front::start_changed(&estate, vec![at, second.place()], Vec::new(), tuning, |settings| {
            settings.catalog_workers[1].1 = Place { tier: 1, ..Place::default() };
        });
        Pair { front, first, second }
    }

    async fn outcome(&self, method: &str, target: &str) -> Outcome {
        let client = self.front.client(None);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let body = if method == Method::GET || method == Method::HEAD { "" } else { "body" };
        let answer = client.request(method, target, HeaderMap::new(), body).await.unwrap();
        let first = self.first.as_ref().map_or(0, |first| first.arrived().len());
        (answer.status.as_u16(), [first, self.second.arrived().len()])
    }
}

async fn check(
    pair: &Pair,
    rows: &[(&str, &str)],
    failure: &str,
    expected: Outcome,
    wrong: &mut Vec<String>,
) {
    for (method, target) in rows {
        let outcome = pair.outcome(method, target).await;
        if outcome != expected {
            wrong.push(format!("{method} {target}, {failure}: {outcome:?} instead of {expected:?}"));
        }
    }
}

fn told(manner: Manner) -> Option<RawWorker> {
    let first = RawWorker::start("first");
    first.behave(manner);
    Some(first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cell_of_the_table_is_kept() {
    let wrong = &mut Vec::new();
    let nobody = Pair::start(None, Tuning::default());
    for rows in [&READS[..], &CATALOGS, &WRITES] {
        check(&nobody, rows, "no connection", (200, [0, 1]), wrong).await;
    }
    let silent = Pair::start(told(Manner::Silent), Tuning::default());
    check(&silent, &READS, "silence", (200, BOTH), wrong).await;
    check(&silent, &CATALOGS, "silence", (502, FIRST_ONLY), wrong).await;
    check(&silent, &WRITES, "silence", (502, FIRST_ONLY), wrong).await;
    let retries = Pair::start(told(Manner::Silent), Tuning { compile_retry: true, ..Tuning::default() });
    check(&retries, &READS, "silence, compile_retry", (200, BOTH), wrong).await;
    check(&retries, &CATALOGS, "silence, compile_retry", (200, BOTH), wrong).await;
    check(&retries, &WRITES, "silence, compile_retry", (502, FIRST_ONLY), wrong).await;
    for status in [502, 503, 504] {
        let pair = Pair::start(told(Manner::Status(status)), Tuning::default());
        let failure = &status.to_string();
        check(&pair, &READS, failure, (200, BOTH), wrong).await;
        let catalogs = if status == 503 { (200, BOTH) } else { (status, FIRST_ONLY) };
        check(&pair, &CATALOGS, failure, catalogs, wrong).await;
        check(&pair, &WRITES, failure, (status, FIRST_ONLY), wrong).await;
    }
    for status in [400, 403, 404, 429, 500, 501] {
        let pair = Pair::start(told(Manner::Status(status)), Tuning::default());
        for rows in [&READS[..], &CATALOGS, &WRITES] {
            check(&pair, rows, &status.to_string(), (status, FIRST_ONLY), wrong).await;
        }
    }
    let late = Tuning { answer_timeout: Duration::from_millis(300), ..Tuning::default() };
    let pair = Pair::start(told(Manner::Late(Duration::from_secs(3))), late);
    for rows in [&READS[..1], &CATALOGS[..1], &WRITES[..1]] {
        check(&pair, rows, "no answer in time", (504, FIRST_ONLY), wrong).await;
    }
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_never_ejects_and_a_compile_that_takes_long_is_waited_for() {
    let estate = Estate::new();
    let worker = RawWorker::start("only");
    let other = RawWorker::start("other");
    worker.behave(Manner::Status(500));
    other.behave(Manner::Status(500));
    let tuning = Tuning {
        ejection: EjectionRules { after: 2, ..EjectionRules::default() },
        answer_timeout: Duration::from_secs(5),
        ..Tuning::default()
    };
    let front = Front::start(&estate, vec![worker.place(), other.place()], Vec::new(), tuning);
    let client = front.client(None);
    for _ in 0..20 {
        let answer =
            client.request(Method::POST, "/puppet/v3/catalog/n", HeaderMap::new(), "f").await.unwrap();
        assert_eq!(answer.status, 500);
    }
    assert_eq!([worker.arrived().len(), other.arrived().len()], [10, 10]);
    assert!(in_use(&front.front_end));
    // Probes are answered meanwhile, and three of them at least.
    worker.behave(Manner::Late(Duration::from_secs(1)));
    other.behave(Manner::Late(Duration::from_secs(1)));
    let answer = client.request(Method::POST, "/puppet/v3/catalog/n", HeaderMap::new(), "f").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(in_use(&front.front_end));
}

fn in_use(front_end: &Arc<FrontEnd>) -> bool {
    front_end.status().workers.iter().all(|worker| worker.state == wire::protocol::internal::WorkerState::Up)
}

/// So that `WorkerAddress` is what it is taken for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_on_a_trusted_link_is_told_who_asks() {
    let estate = Estate::new();
    let worker = RawWorker::start("plain");
    let place: WorkerAddress = worker.place();
    assert!(place.address.starts_with("http://"));
    let front = Front::start(&estate, vec![place], Vec::new(), Tuning::default());
    let (agent, _) = estate.issue("agent.test", false);
    front.client(Some(&agent)).get("/puppet/v3/node/agent.test", "*/*").await.unwrap();
    let headers = worker.arrived().remove(0).headers;
    for expected in ["x-client-verify: SUCCESS", "x-client-dn: CN=agent.test"] {
        assert!(headers.iter().any(|header| header == expected), "{headers:?}");
    }
    assert!(
        headers.iter().any(|header| header.starts_with("x-client-cert: -----BEGIN%20CERT")),
        "{headers:?}"
    );
}
