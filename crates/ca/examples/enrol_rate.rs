//! How many certificates per second a CA signs by itself, without the network: `enrol_rate [rsa|ec] [COUNT] [CLIENTS]`.

use ca::{Autosign, CaSettings, SetupOptions, Worker, setup};
use pki::{KeyKind, PrivateKey, RequestContent};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use wire::{Handler, Peer, Request, body};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let key = if arguments.next().as_deref() == Some("ec") { KeyKind::EcP256 } else { KeyKind::Rsa4096 };
    let count: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let clients: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(8);
    let root = std::env::temp_dir().join(format!("enrol-rate-{}", std::process::id()));
    let cadir = root.join("ca");
    let options = SetupOptions { ca_name: "Puppet CA: bench".into(), key, ca_ttl: ca::FIVE_YEARS };
    setup(&cadir, &options, |_| {}).expect("a new CA");
    let settings = CaSettings { autosign: Autosign::True, ..CaSettings::alone("ca-1", &cadir) };
    let worker = Worker::start(settings).await.expect("a worker");
    let agent_key = PrivateKey::generate(KeyKind::Rsa2048).expect("a key");
    let requests: Vec<(String, String)> = (0..count)
        .map(|number| {
            let name = format!("node{number}.example.com");
            let request =
                pki::Request::build(&name, &agent_key, &RequestContent::default()).expect("a request");
            (name, request.to_pem())
        })
        .collect();
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..clients {
        let (worker, requests, next) = (Arc::clone(&worker), Arc::clone(&requests), Arc::clone(&next));
        tasks.spawn(async move {
            let peer = Arc::new(Peer::tls("127.0.0.1:1".parse().expect("an address"), None, "TLSv1.3"));
            while let Some((name, pem)) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut request = Request::new(body::full(pem.clone()));
                *request.method_mut() = wire::http::Method::PUT;
                *request.uri_mut() =
                    format!("/puppet-ca/v1/certificate_request/{name}").parse().expect("a path");
                let answer = worker.handle(request, Arc::clone(&peer)).await;
                assert_eq!(answer.status().as_u16(), 200);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a client");
    }
    let took = began.elapsed();
    let rate = count as f64 / took.as_secs_f64();
    println!("{count} certificates, {clients} clients: {rate:.0}/s");
    worker.stop().await;
    std::fs::remove_dir_all(root).expect("clean up");
}
