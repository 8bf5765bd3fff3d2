//! `/status/v1/services`: the catalog worker's and the CA's, as one server's.

use std::sync::{Arc, Mutex};

use gateway::Tuning;
use wire::http::{HeaderMap, Method};

use crate::ca_member::{CaMember, Shared};
use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, Server, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitoring_sees_one_server() {
    let estate = Estate::new();
    let shared: Arc<Mutex<Shared>> = Arc::default();
    shared.lock().unwrap().issue(estate.revocation_list(1, &[]), Vec::new());
    let issuer = &estate.authority.certificate;
    let mut ca = Server::start(&estate, "ca-1", CaMember::new("ca-1", issuer, &shared));
    let mut worker = Server::start(&estate, "worker-1", CatalogWorker::new());
    let front = Front::start(&estate, vec![worker.place()], vec![ca.place()], Tuning::default());
    eventually("ca-1 is active", || front.front_end.status().ca.active.as_deref() == Some("ca-1")).await;
    let client = front.client(None);
    let services = async || {
        let answer = client.request(Method::GET, "/status/v1/services", HeaderMap::new(), "").await.unwrap();
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let state = |name: &str| said[name]["state"].as_str().unwrap_or("missing").to_owned();
        (answer.status.as_u16(), state("server"), state("ca"))
    };
    let (running, unknown) = (|| "running".to_owned(), || "unknown".to_owned());
    assert_eq!(services().await, (200, running(), running()));
    // Whoever asks for the CA's alone gets that.
    let answer = client.request(Method::GET, "/status/v1/services/ca", HeaderMap::new(), "").await.unwrap();
    assert_eq!(answer.text(), "told by ca-1");
    ca.kill();
    assert_eq!(services().await, (503, running(), unknown()));
    worker.kill();
    assert_eq!(services().await, (503, unknown(), unknown()));
}
