//! Agents that enrol and an operator who revokes and cleans, all through the front end, from the host `client`. Every
//! answer that they would take for an error is counted; everything they were told is remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use pki::{KeyKind, PrivateKey, RequestContent};
use wire::Bytes;
use wire::client::{Client, Timeouts};
use wire::tls::{ClientTls, Identity, TrustBundle};

use super::estate::{Estate, FRONT_END, OPERATOR};

/// Who loads, and how.
#[derive(Clone, Copy)]
pub struct Style {
    /// New agents a second. Each fifth is revoked, each seventh cleaned.
    pub per_second: u32,
    /// Whoever gets no answer, or 503, asks again, as agents do in their next run. Otherwise that is a fault.
    pub patient: bool,
}

/// What was told to those who asked.
#[derive(Default, Debug)]
pub struct Told {
    /// Certificates that were handed out: certname and PEM.
    pub certificates: BTreeMap<String, String>,
    /// Names whose revocation was confirmed. (Cleaned ones are revoked too.)
    pub revoked: Vec<String>,
    /// Names whose removal was confirmed.
    pub cleaned: Vec<String>,
    /// Names whose revocation or removal was asked for and never answered: either may be.
    pub unsure: Vec<String>,
    /// Names whose signing request was sent more than once.
    pub sent_again: BTreeSet<String>,
    pub faults: Vec<String>,
    pub asked_again: u64,
    pub slowest: Duration,
}

/// A load that goes on until [`Load::end`].
pub struct Load {
    ending: Arc<AtomicBool>,
    worker: Arc<Worker>,
    driver: JoinHandle<()>,
}

struct Worker {
    key: PrivateKey,
    operator: Client,
    style: Style,
    told: Mutex<Told>,
    again: AtomicU64,
}

impl Load {
    pub fn start(estate: &Estate, style: Style) -> Load {
        Load::start_after(estate, style, 0)
    }

    /// The same; its agents are numbered from there on, so that a second load has others than the first.
    pub fn start_after(estate: &Estate, style: Style, number: u64) -> Load {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let operator = operator(&estate.host("front").join("ssl"));
        let worker =
            Arc::new(Worker { key, operator, style, told: Mutex::default(), again: AtomicU64::new(0) });
        let ending = Arc::new(AtomicBool::new(false));
        let door = File::open(estate.network.door("client")).unwrap();
        let driver = std::thread::spawn({
            let (ending, worker) = (ending.clone(), worker.clone());
            move || {
                // This thread alone is on that host; all its sockets are opened here.
                let network = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(door.as_fd(), network).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(drive(ending, worker, number));
            }
        });
        Load { ending, worker, driver }
    }

    /// So many certificates have been handed out until now.
    pub fn enrolled(&self) -> usize {
        self.worker.told.lock().unwrap().certificates.len()
    }

    /// Waits until that many more have been handed out than when it was called.
    pub fn wait_for_more(&self, certificates: usize) {
        let wanted = self.enrolled() + certificates;
        super::estate::wait_until("agents enrol", || self.enrolled() >= wanted);
    }

    /// Starts no new ones, waits for those under way.
    pub fn end(self) -> Told {
        self.ending.store(true, Ordering::Relaxed);
        self.driver.join().unwrap();
        let mut told = std::mem::take(&mut *self.worker.told.lock().unwrap());
        told.asked_again = self.worker.again.load(Ordering::Relaxed);
        eprintln!(
            "{} enrolled, {} revoked, {} cleaned, {} faults, {} asked again, slowest {:?}",
            told.certificates.len(),
            told.revoked.len(),
            told.cleaned.len(),
            told.faults.len(),
            told.asked_again,
            told.slowest
        );
        told
    }
}

async fn drive(ending: Arc<AtomicBool>, worker: Arc<Worker>, mut number: u64) {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / worker.style.per_second);
    let mut agents = tokio::task::JoinSet::new();
    while !ending.load(Ordering::Relaxed) {
        tick.tick().await;
        while agents.try_join_next().is_some() {}
        number += 1;
        let worker = worker.clone();
        agents.spawn(async move { worker.life(number).await });
    }
    while let Some(ended) = agents.join_next().await {
        ended.unwrap();
    }
}

const FRONT: &str = "https://10.77.0.1:8140";
const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(10), answer: Duration::from_secs(60) };
/// For so long one asks again.
const PATIENCE: Duration = Duration::from_secs(120);

fn operator(ssl: &Path) -> Client {
    let read = |name: String| std::fs::read(ssl.join(name)).unwrap();
    let identity = Identity::from_pem(
        &read(format!("certs/{OPERATOR}.pem")),
        &read(format!("private_keys/{OPERATOR}.pem")),
    );
    let trust = TrustBundle::from_pem(&read("certs/ca.pem".to_owned())).unwrap();
    let tls = ClientTls::new(Some(&identity.unwrap()), trust).unwrap();
    Client::new(FRONT, tls, TIMEOUTS).unwrap().expecting(FRONT_END)
}

impl Worker {
    /// One agent, from its first request to its end.
    async fn life(&self, number: u64) {
        let name = format!("load-{number}.example.com");
        let began = Instant::now();
        let got = self.enrol(&name).await;
        let took = began.elapsed();
        let certificate = match got {
            Ok(certificate) => certificate,
            Err(what) => {
                self.told.lock().unwrap().faults.push(format!("{name} after {took:?}: {what}"));
                return;
            }
        };
        {
            let mut told = self.told.lock().unwrap();
            told.slowest = told.slowest.max(took);
            told.certificates.insert(name.clone(), certificate);
        }
        if number.is_multiple_of(5) || number.is_multiple_of(7) {
            match self.revoke(&name).await {
                Ok(()) => self.told.lock().unwrap().revoked.push(name.clone()),
                Err(what) => return self.unsure(&name, &what),
            }
        }
        if number.is_multiple_of(7) {
            match self.remove(&name).await {
                Ok(()) => self.told.lock().unwrap().cleaned.push(name.clone()),
                Err(what) => self.unsure(&name, &what),
            }
        }
    }

    fn unsure(&self, name: &str, what: &str) {
        let mut told = self.told.lock().unwrap();
        told.unsure.push(name.to_owned());
        told.faults.push(format!("{name}: {what}"));
    }

    async fn enrol(&self, name: &str) -> Result<String, String> {
        let request = pki::Request::build(name, &self.key, &RequestContent::default()).unwrap().to_pem();
        let client = Client::new(FRONT, ClientTls::insecure().unwrap(), TIMEOUTS).unwrap();
        let path = format!("/puppet-ca/v1/certificate_request/{name}");
        // An agent that is told "already there" goes on and fetches its certificate: its first try was executed.
        let (status, text, again) = self.ask(&client, Method::PUT, &path, "text/plain", &request).await?;
        if status != 200 && !(again && status == 400) {
            return Err(format!("PUT request: {status} {text}"));
        }
        if again {
            self.told.lock().unwrap().sent_again.insert(name.to_owned());
        }
        let path = format!("/puppet-ca/v1/certificate/{name}");
        let (status, text, _) = self.ask(&client, Method::GET, &path, "text/plain", "").await?;
        if status != 200 { Err(format!("GET certificate: {status} {text}")) } else { Ok(text) }
    }

    async fn revoke(&self, name: &str) -> Result<(), String> {
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        let body = r#"{"desired_state":"revoked"}"#;
        let (status, text, _) =
            self.ask(&self.operator, Method::PUT, &path, "application/json", body).await?;
        if status == 204 { Ok(()) } else { Err(format!("revoke: {status} {text}")) }
    }

    async fn remove(&self, name: &str) -> Result<(), String> {
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        let (status, text, again) =
            self.ask(&self.operator, Method::DELETE, &path, "application/json", "").await?;
        let done = status == 204 || (again && status == 404);
        if done { Ok(()) } else { Err(format!("delete: {status} {text}")) }
    }

    /// Status and body of the answer, and whether it was asked for more than once.
    async fn ask(
        &self,
        client: &Client,
        method: Method,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Result<(u16, String, bool), String> {
        let began = Instant::now();
        let mut again = false;
        loop {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", kind.parse().unwrap());
            let body = Bytes::from(body.to_owned());
            let answer = client.request(method.clone(), path, headers, body).await;
            let what = match answer {
                Ok(answer) if answer.status != 503 || !self.style.patient => {
                    return Ok((answer.status.as_u16(), answer.text(), again));
                }
                Ok(answer) => answer.text(),
                Err(fault) => fault.to_string(),
            };
            if !self.style.patient || began.elapsed() > PATIENCE {
                return Err(what);
            }
            again = true;
            self.again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}
