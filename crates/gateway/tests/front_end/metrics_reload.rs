//! Metrics follow the workers of the configuration when that is read again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::{NewCourse, Place, Reload, Reread, Tuning, WorkerAddress};
use wire::Limits;
use wire::tls::ClientVerify;

use crate::estate::{Estate, Front, eventually};
use crate::metrics::parse;
use crate::raw_worker::{Manner, RawWorker};

/// A configuration that is whatever stands in it.
#[derive(Default)]
pub struct Written {
    pub workers: Mutex<Vec<WorkerAddress>>,
    pub limits: Mutex<Limits>,
    pub client_verify: Mutex<ClientVerify>,
}

impl Reload for Written {
    fn read(&self) -> Result<Reread, Vec<String>> {
        let workers = self.workers.lock().unwrap().clone();
        let course = NewCourse {
            catalog_workers: workers.into_iter().map(|worker| (worker, Place::default())).collect(),
            role_certnames: Vec::new(),
            tuning: Tuning {
                slow_start: Duration::ZERO,
                client_verify: *self.client_verify.lock().unwrap(),
                ..Tuning::default()
            },
            rules: access::Rules::new(vec![crate::estate::open_rule()]).unwrap(),
            limits: self.limits.lock().unwrap().clone(),
        };
        Ok(Reread { changes: vec!["workers".into()], notes: Vec::new(), course, commit: Box::new(|| ()) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_is_counted_who_moves_is_one_series_and_who_leaves_keeps_what_it_had() {
    let estate = Estate::new();
    let workers = ["a", "b", "a"].map(RawWorker::start);
    let [old, joins, moved] = &workers;
    let written = Arc::new(Written::default());
    let source = Arc::clone(&written);
    let front = Front::start_changed(&estate, vec![old.place()], Vec::new(), Tuning::default(), |settings| {
        settings.reload = source;
    });
    let page = || parse(&front.front_end.metrics_page());
    let of = |family: &str, worker: &str| -> Vec<f64> {
        let series = page().remove(family).unwrap();
        let series = series.into_iter().filter(|(_, labels, _)| labels["worker"] == worker);
        series.map(|(_, _, value)| value).collect()
    };
    let client = front.client(None);
    let ask = async || assert_eq!(client.get("/puppet/v3/node/n", "*/*").await.unwrap().status, 200);
    ask().await;
    assert_eq!(of("bunraku_requests_total", "a"), [1.0]);

    // Another one under the same name, while the first still has something to answer.
    old.behave(Manner::Late(Duration::from_secs(10)));
    let slow = tokio::spawn({
        let client = front.client(None);
        async move { client.get("/puppet/v3/node/n", "*/*").await.unwrap().status.as_u16() }
    });
    eventually("it is being answered", || of("bunraku_worker_requests_in_flight", "a") == [1.0]).await;
    *written.workers.lock().unwrap() = vec![moved.place(), joins.place()];
    front.front_end.reload().await.unwrap();
    eventually("the new ones are used", || {
        of("bunraku_worker_up", "a") == [1.0] && of("bunraku_worker_up", "b") == [1.0]
    })
    .await;
    // Taken together; `parse` takes no series twice.
    assert_eq!(of("bunraku_worker_requests_in_flight", "a"), [1.0]);
    assert_eq!(slow.await.unwrap(), 200);
    eventually("the old one is gone", || of("bunraku_worker_requests_in_flight", "a") == [0.0]).await;
    for _ in 0..8 {
        ask().await;
    }
    let answered = of("bunraku_requests_total", "b");
    assert!(answered.len() == 1 && answered[0] > 0.0, "{answered:?}");
    assert_eq!(of("bunraku_requests_total", "a")[0] + answered[0], 10.0);

    *written.workers.lock().unwrap() = vec![moved.place()];
    front.front_end.reload().await.unwrap();
    assert_eq!(of("bunraku_worker_up", "b"), [0.0; 0]);
    assert_eq!(of("bunraku_requests_total", "b"), answered, "a counter must not vanish");
    ask().await;
    assert_eq!(of("bunraku_requests_total", "a")[0] + answered[0], 11.0);
}
