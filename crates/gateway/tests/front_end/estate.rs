//! A whole estate in one process: a front end and workers over real TLS on loopback. Each worker has a runtime of its
//! own, so that it can be killed with all its connections, as a process would be.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway::{FrontEnd, FrontEndSettings, Place, Tuning, WorkerAddress};
use pki::crl::CrlDraft;
use pki::issue::{Authority, LeafProfile, self_signed_ca, sign_leaf};
use pki::{Certname, KeyKind, PrivateKey, Serial, Signer};
use tokio::runtime::Runtime;
use wire::access_log::AccessLog;
use wire::client::{Client, Timeouts};
use wire::tls::{ClientCertificates, ClientTls, Identity, ServerTls, TrustBundle};
use wire::{Drain, Handler, Limits};

/// Certname of the other front end.
pub const SIBLING: &str = "front-2.test";

/// The CA of an estate and its directory.
pub struct Estate {
    pub dir: tempfile::TempDir,
    pub authority: Arc<Authority>,
    serial: AtomicU64,
    pub trust: TrustBundle,
    pub rules: access::LiveRules,
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Estate {
    pub fn new() -> Arc<Self> {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let certificate = self_signed_ca(
            "Puppet CA: test",
            &key,
            Serial::from_u64(1),
            now() - 86_400,
            now() + 86_400 * 365,
        )
        .unwrap();
        let trust = TrustBundle::from_pem(certificate.to_pem().as_bytes()).unwrap();
        let authority = Authority { certificate, signer: Arc::new(key) };
        Arc::new(Self {
            dir: tempfile::tempdir().unwrap(),
            authority: Arc::new(authority),
            serial: AtomicU64::new(2),
            trust,
            rules: open_rules(),
        })
    }

    pub fn issue(&self, name: &str, cli_auth: bool) -> (Identity, Serial) {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let serial = Serial::from_u64(self.serial.fetch_add(1, Ordering::Relaxed));
        let certname = Certname::parse(name).unwrap();
        let mut profile = LeafProfile::own(certname, key.spki_der().to_vec(), serial, now(), 86_400);
        profile.cli_auth = cli_auth;
        let certificate = sign_leaf(&self.authority, &profile).unwrap();
        let identity = Identity::from_pem(certificate.to_pem().as_bytes(), key.to_pem().as_bytes()).unwrap();
        (identity, serial)
    }

    pub fn revocation_list(&self, number: u64, revoked: &[Serial]) -> String {
        let entries: Vec<(Serial, i64)> = revoked.iter().map(|serial| (*serial, now())).collect();
        let list = pki::crl::issue(&self.authority, &CrlDraft::at(now(), number, &entries)).unwrap();
        list.to_pem()
    }

    /// Settings of a front end of this estate.
    pub fn settings(
        &self,
        catalog_workers: Vec<WorkerAddress>,
        ca_members: Vec<WorkerAddress>,
        tuning: Tuning,
    ) -> FrontEndSettings {
        FrontEndSettings {
            certname: "front.test".into(),
            identity: self.issue("front.test", false).0,
            trust: self.trust.clone(),
            reload: std::sync::Arc::new(gateway::Fixed),
            rules: self.rules.clone(),
            role_certnames: ca_members.iter().map(|member| member.certname.clone()).collect(),
            catalog_workers: catalog_workers.into_iter().map(|worker| (worker, Place::default())).collect(),
            // One that does not run; its certificate is known here.
            siblings: vec![WorkerAddress {
                name: "front-2".into(),
                address: "127.0.0.1:1".into(),
                certname: SIBLING.into(),
            }],
            workers_path: self.path("workers.json"),
            ca_members,
            ca_kind: gateway::CaKind::Bunraku,
            cluster: "test-estate".into(),
            register: gateway::RegisterSettings::Embedded,
            register_path: self.path("register.json"),
            failovers_path: self.path("failovers.json"),
            crl_path: self.path("crl.pem"),
            bundle_path: None,
            access_log: AccessLog::open(self.path("access.log")).unwrap(),
            error_log_path: self.path("error.log"),
            tuning,
        }
    }

    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Rules that let everybody pass: most tests are about what comes after them.
fn open_rules() -> access::LiveRules {
    access::LiveRules::new(access::Rules::new(vec![open_rule()]).unwrap())
}

pub fn open_rule() -> access::Rule {
    access::Rule {
        name: "all".into(),
        order: 1,
        place: access::Place::Prefix("/".into()),
        methods: Vec::new(),
        query: Vec::new(),
        allow: Vec::new(),
        deny: Vec::new(),
        allow_unauthenticated: true,
    }
}

/// A TLS server that can be killed.
pub struct Server<H> {
    pub address: SocketAddr,
    pub name: String,
    pub handler: Arc<H>,
    runtime: Option<Runtime>,
    identity: Identity,
    trust: TrustBundle,
}

impl<H: Handler> Server<H> {
    pub fn start(estate: &Estate, name: &str, handler: Arc<H>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (identity, _) = estate.issue(&format!("{name}.test"), false);
        // A bundle of its own: revocations are the front end's business here.
        let trust = TrustBundle::from_pem(estate.authority.certificate.to_pem().as_bytes()).unwrap();
        let mut server = Self { address, name: name.into(), handler, runtime: None, identity, trust };
        server.run(listener);
        server
    }

    fn run(&mut self, listener: TcpListener) {
        let tls = ServerTls::new(&self.identity, self.trust.clone(), ClientCertificates::Required).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handler = Arc::clone(&self.handler);
        runtime.spawn(wire::serve_tls(listener, tls, Limits::default(), handler, Drain::never()));
        self.runtime = Some(runtime);
    }

    /// As `kill -9`: the listener and all connections are gone at once.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
            // The runtime's threads let go of the sockets in a moment; a killed process has let go when `kill` returns.
            let deadline = std::time::Instant::now() + Duration::from_secs(5);
            while !refuses(self.address) {
                assert!(std::time::Instant::now() < deadline, "{} lives on", self.name);
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Starts again at the same address.
    pub fn restart(&mut self) {
        self.kill();
        let listener = listen_again(self.address);
        self.run(listener);
    }

    pub fn place(&self) -> WorkerAddress {
        WorkerAddress {
            name: self.name.clone(),
            address: self.address.to_string(),
            certname: format!("{}.test", self.name),
        }
    }
}

impl<H> Drop for Server<H> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A front end with a runtime of its own.
pub struct Front {
    pub front_end: Arc<FrontEnd>,
    pub address: SocketAddr,
    estate: Arc<Estate>,
    runtime: Option<Runtime>,
}

impl Front {
    pub fn start(
        estate: &Arc<Estate>,
        catalog_workers: Vec<WorkerAddress>,
        ca_members: Vec<WorkerAddress>,
        tuning: Tuning,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::start_on(estate, catalog_workers, ca_members, tuning, listener)
    }

    /// With other settings.
    pub fn start_changed(
        estate: &Arc<Estate>,
        catalog_workers: Vec<WorkerAddress>,
        ca_members: Vec<WorkerAddress>,
        tuning: Tuning,
        change: impl FnOnce(&mut FrontEndSettings),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = estate.settings(catalog_workers, ca_members, tuning);
        change(&mut settings);
        Self::start_with(estate, settings, listener)
    }

    pub fn start_on(
        estate: &Arc<Estate>,
        catalog_workers: Vec<WorkerAddress>,
        ca_members: Vec<WorkerAddress>,
        tuning: Tuning,
        listener: TcpListener,
    ) -> Self {
        Self::start_with(estate, estate.settings(catalog_workers, ca_members, tuning), listener)
    }

    fn start_with(estate: &Arc<Estate>, settings: FrontEndSettings, listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let guard = runtime.enter();
        let front_end = FrontEnd::start(settings).unwrap();
        drop(guard);
        let serving = Arc::clone(&front_end);
        runtime.spawn(async move { serving.serve(listener, Limits::default(), Drain::never()).await });
        Self { front_end, address, estate: Arc::clone(estate), runtime: Some(runtime) }
    }

    /// A client with or without a certificate.
    pub fn client(&self, identity: Option<&Identity>) -> Client {
        let trust = TrustBundle::from_pem(self.estate.authority.certificate.to_pem().as_bytes()).unwrap();
        let tls = ClientTls::new(identity, trust).unwrap();
        let timeouts = Timeouts { connect: Duration::from_secs(5), answer: Duration::from_secs(20) };
        Client::new(&format!("https://{}", self.address), tls, timeouts).unwrap().expecting("front.test")
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn refuses(address: SocketAddr) -> bool {
    std::net::TcpStream::connect(address)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Listens where somebody has just been killed, as soon as the system lets go of the port.
pub fn listen_again(address: SocketAddr) -> TcpListener {
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        match wire::listen(address) {
            Ok(listener) => return listener,
            Err(fault) => assert!(std::time::Instant::now() < deadline, "{fault}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
