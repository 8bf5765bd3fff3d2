//! Agents that enrol in a loop: each makes a request, sends it, and fetches its certificate over a connection of its
//! own. Every answer that an agent would take for an error is counted.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use wire::client::{Client, Timeouts};
use wire::tls::ClientTls;

/// A load that goes on until [`EnrolmentLoad::end`].
pub struct EnrolmentLoad {
    ending: Arc<AtomicBool>,
    shared: Arc<Shared>,
    driver: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    started: AtomicUsize,
    enrolled: Mutex<Vec<String>>,
    faults: Mutex<Vec<String>>,
    slowest: Mutex<Duration>,
}

/// What the load came to.
pub struct Outcome {
    pub enrolled: Vec<String>,
    pub faults: Vec<String>,
    pub slowest: Duration,
}

impl EnrolmentLoad {
    /// Starts `per_second` enrolments a second (open loop) at the front end on `port`.
    pub fn start(port: u16, per_second: u32) -> EnrolmentLoad {
        let ending = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared::default());
        let driver = {
            let (ending, shared) = (ending.clone(), shared.clone());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(drive(port, per_second, ending, shared));
            })
        };
        EnrolmentLoad { ending, shared, driver }
    }

    /// Stops starting new ones, waits for those under way.
    pub fn end(self) -> Outcome {
        self.ending.store(true, Ordering::Relaxed);
        self.driver.join().unwrap();
        let enrolled = self.shared.enrolled.lock().unwrap().clone();
        let faults = self.shared.faults.lock().unwrap().clone();
        let slowest = *self.shared.slowest.lock().unwrap();
        eprintln!("{} enrolled, {} faults, slowest {slowest:?}", enrolled.len(), faults.len());
        Outcome { enrolled, faults, slowest }
    }
}

async fn drive(port: u16, per_second: u32, ending: Arc<AtomicBool>, shared: Arc<Shared>) {
    let key = Arc::new(pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap());
    let mut tick = tokio::time::interval(Duration::from_secs(1) / per_second);
    let mut agents = tokio::task::JoinSet::new();
    while !ending.load(Ordering::Relaxed) {
        tick.tick().await;
        let (shared, key) = (shared.clone(), key.clone());
        agents.spawn(async move {
            let certname = format!("load-{}.example.com", shared.started.fetch_add(1, Ordering::Relaxed));
            let began = Instant::now();
            match enrol(port, &certname, &key).await {
                Ok(()) => shared.enrolled.lock().unwrap().push(certname),
                Err(fault) => shared.faults.lock().unwrap().push(format!("{certname}: {fault}")),
            }
            let mut slowest = shared.slowest.lock().unwrap();
            *slowest = began.elapsed().max(*slowest);
        });
    }
    while agents.join_next().await.is_some() {}
}

/// PUT the request, GET the certificate: anything but 200 is what an agent reports as an error.
async fn enrol(port: u16, certname: &str, key: &pki::PrivateKey) -> Result<(), String> {
    let request = request_pem(certname, key)?;
    let tls = ClientTls::insecure().map_err(|e| e.to_string())?;
    let client = Client::new(&format!("https://127.0.0.1:{port}"), tls, Timeouts::default())
        .map_err(|e| e.to_string())?;
    let path = format!("/puppet-ca/v1/certificate_request/{certname}");
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "text/plain".parse().unwrap());
    let answer =
        client.request(Method::PUT, &path, headers, Bytes::from(request)).await.map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("PUT: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    }
    let path = format!("/puppet-ca/v1/certificate/{certname}");
    let answer = client
        .request(Method::GET, &path, HeaderMap::new(), Bytes::new())
        .await
        .map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("GET: {} {}", answer.status, String::from_utf8_lossy(&answer.body)));
    }
    Ok(())
}

/// A signing request in PEM.
fn request_pem(certname: &str, key: &pki::PrivateKey) -> Result<String, String> {
    pki::Request::build(certname, key, &pki::RequestContent::default())
        .map(|request| request.to_pem())
        .map_err(|e| e.to_string())
}
