//! Two members and a register, over real TLS: what is decided at one is at the other, whoever goes away.

mod support;

use ca::{
    Autosign, CaSettings, MemberAddress, RegisterAddress, Replication, RoleRequest, Worker,
    issue_role_certificates,
};
use pki::{Certificate, Certname, KeyKind};
use replica::frame::{Body, Configure};
use replica::register::{Author, EmbeddedRegister, Register};
use replica::role::Timings;
use replica::{ClusterId, Configuration, Frame, MemberName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{csr, new_authority};
use wire::client::{Answer, Client, ClientFault, Timeouts};
use wire::http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::identity::set_client_headers;
use wire::protocol::internal::{REGISTER_PATH, REPLICA_PATH, RegisterAnswer, RegisterRequest};
use wire::tls::{ClientCertificates, ClientTls, Identity, ServerTls, TrustBundle};
use wire::{DrainHandle, DrainPlan, HandlerFn, Limits, Peer, Request, body, drain, reply, serve_tls};

const FRONT_END: &str = "front-end.bunraku.internal";

fn certname(name: &str) -> String {
    format!("{name}.bunraku.internal")
}

/// An estate of two CA members and the front end's part that they need: the register, and its news.
struct Estate {
    root: tempfile::TempDir,
    cluster: ClusterId,
    trust: TrustBundle,
    identities: BTreeMap<String, Identity>,
    addresses: BTreeMap<String, String>,
    register_address: String,
    register: Arc<Mutex<EmbeddedRegister>>,
    running: BTreeMap<String, (Arc<Worker>, DrainHandle)>,
    autosign: Autosign,
}

impl Estate {
    async fn new() -> Self {
        let (root, cadir) = new_authority();
        let names = ["ca-1".to_owned(), "ca-2".to_owned(), "front-end".to_owned()];
        let requests: Vec<RoleRequest> = names
            .iter()
            .map(|name| RoleRequest {
                certname: Certname::parse(&certname(name)).unwrap(),
                key: KeyKind::EcP256,
                alt_names: Vec::new(),
                cli_auth: false,
                ttl: 86_400,
            })
            .collect();
        let made = issue_role_certificates(&cadir, "ca-1", &requests).unwrap();
        let identities = names
            .iter()
            .zip(made)
            .map(|(name, made)| {
                let identity = Identity::from_pem(made.certificate_pem.as_bytes(), made.key_pem.as_bytes());
                (name.clone(), identity.unwrap())
            })
            .collect::<BTreeMap<_, _>>();
        let trust = TrustBundle::from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
        let cluster = ClusterId::new("test");
        let register = EmbeddedRegister::open(root.path().join("register.json"), cluster.clone()).unwrap();
        let register = Arc::new(Mutex::new(register));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let register_address = listener.local_addr().unwrap().to_string();
        let tls =
            ServerTls::new(&identities["front-end"], trust.clone(), ClientCertificates::Required).unwrap();
        let home = Arc::clone(&register);
        let handler = HandlerFn(move |request: Request, peer: Arc<Peer>| {
            answer_register(Arc::clone(&home), request, peer)
        });
        tokio::spawn(serve_tls(listener, tls, Limits::default(), Arc::new(handler), wire::Drain::never()));
        let addresses = ["ca-1", "ca-2"].map(|name| {
            (name.to_owned(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string())
        });
        let estate = Self {
            root,
            cluster: cluster.clone(),
            trust,
            identities,
            addresses: addresses.into(),
            register_address,
            register,
            running: BTreeMap::new(),
            autosign: Autosign::False,
        };
        estate.set(Configuration::first(cluster, MemberName::new("ca-1")));
        estate
    }

    fn cadir(&self, name: &str) -> PathBuf {
        self.root.path().join(if name == "ca-1" { "ca" } else { "ca.standby" })
    }

    /// Changes the register, as the front end.
    fn set(&self, configuration: Configuration) {
        let request =
            replica::register::RegisterRequest { expected_version: configuration.version - 1, configuration };
        let answer = self.register.lock().unwrap().compare_and_set(&Author::FrontEnd, &request).unwrap();
        assert_eq!(answer.refused, None);
    }

    fn registered(&self) -> Configuration {
        self.register.lock().unwrap().read().unwrap().unwrap()
    }

    fn client_tls(&self, name: &str) -> ClientTls {
        ClientTls::new(Some(&self.identities[name]), self.trust.clone()).unwrap()
    }

    fn settings(&self, name: &str) -> CaSettings {
        let members = self.addresses.iter().map(|(name, address)| MemberAddress {
            name: name.clone(),
            certname: certname(name),
            address: address.clone(),
        });
        CaSettings {
            autosign: self.autosign.clone(),
            front_ends: vec![FRONT_END.to_owned()],
            replication: Some(Replication {
                cluster: self.cluster.as_str().to_owned(),
                members: members.collect(),
                registers: vec![RegisterAddress {
                    address: self.register_address.clone(),
                    certname: FRONT_END.to_owned(),
                }],
                tls: self.client_tls(name),
                timings: Timings::default(),
            }),
            allow_auto_renewal: true,
            ..CaSettings::alone(name, self.cadir(name))
        }
    }

    async fn start(&mut self, name: &str) {
        let worker = Worker::start(self.settings(name)).await.unwrap();
        let listener = wire::listen(self.addresses[name].parse().unwrap()).unwrap();
        let tls = ServerTls::new(&self.identities[name], self.trust.clone(), ClientCertificates::Optional);
        let (handle, drain) = drain::channel();
        tokio::spawn(serve_tls(listener, tls.unwrap(), Limits::default(), Arc::clone(&worker), drain));
        self.running.insert(name.to_owned(), (worker, handle));
    }

    async fn stop(&mut self, name: &str) {
        let (worker, handle) = self.running.remove(name).unwrap();
        handle.begin(DrainPlan::prompt(Duration::from_millis(10)));
        worker.stop().await;
    }

    /// Tells every running member what the register holds, as the front end's probe does.
    async fn tell(&self) {
        let configuration = self.registered();
        for name in self.running.keys() {
            let body = Body::Configure(Configure { configuration: Some(configuration.clone()) });
            let frame =
                Frame::new(self.cluster.clone(), configuration.epoch, MemberName::new("front-end"), body);
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static("application/cbor"));
            let answer = self.client(name).request(Method::POST, REPLICA_PATH, headers, frame.encode()).await;
            if let Ok(answer) = answer {
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            }
        }
    }

    fn client(&self, name: &str) -> Client {
        let timeouts = Timeouts { connect: Duration::from_secs(2), answer: Duration::from_secs(20) };
        let base = format!("https://{}", self.addresses[name]);
        Client::new(&base, self.client_tls("front-end"), timeouts).unwrap().expecting(&certname(name))
    }

    /// Waits until `condition`, telling the news meanwhile.
    async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition(self) {
            assert!(Instant::now() < deadline, "never: {what}; registered {:?}", self.registered());
            self.tell().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_decides(&self, name: &str) -> u64 {
        self.until(&format!("{name} decides"), |estate| estate.running[name].0.role().decides).await;
        self.running[name].0.role().epoch
    }

    async fn until_in_sync(&self) {
        let both = BTreeSet::from([MemberName::new("ca-1"), MemberName::new("ca-2")]);
        self.until("both in sync", |estate| estate.registered().in_sync == both).await;
    }

    /// A request as the front end passes it on, for a stranger.
    async fn forward(
        &self,
        to: &str,
        epoch: u64,
        id: &str,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, ClientFault> {
        self.forward_for(None, to, (epoch, id), method, path, body).await
    }

    /// The same, for whoever has this certificate.
    async fn forward_for(
        &self,
        client: Option<&Certificate>,
        to: &str,
        (epoch, id): (u64, &str),
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, ClientFault> {
        let mut headers = HeaderMap::new();
        set_client_headers(&mut headers, &support::peer(client));
        headers.insert("x-bunraku-epoch", HeaderValue::from(epoch));
        headers.insert("x-bunraku-request", HeaderValue::from_str(id).unwrap());
        self.client(to).request(method, path, headers, body.into_bytes()).await
    }

    async fn enrol(&self, to: &str, epoch: u64, name: &str) {
        let path = format!("/puppet-ca/v1/certificate_request/{name}");
        let answer =
            self.forward(to, epoch, &format!("save-{name}"), Method::PUT, &path, csr(name)).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        self.operate(to, name, "signed").await;
    }

    /// As the operator, on the member's local socket.
    async fn operate(&self, to: &str, name: &str, state: &str) {
        let client = Client::local(ca::socket_path(&self.cadir(to)), Timeouts::default());
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        let body = format!("{{\"desired_state\":\"{state}\"}}").into_bytes();
        let answer = client.request(Method::PUT, &path, HeaderMap::new(), body).await.unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    }

    async fn until_equal(&self) {
        let mut difference = None;
        for _ in 0..100 {
            difference = differ(&self.cadir("ca-1"), &self.cadir("ca-2"));
            if difference.is_none() {
                return;
            }
            self.tell().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the directories differ: {difference:?}");
    }
}

async fn answer_register(
    register: Arc<Mutex<EmbeddedRegister>>,
    request: Request,
    peer: Arc<Peer>,
) -> wire::Response {
    assert_eq!(request.uri().path(), REGISTER_PATH);
    let member = peer.certname().unwrap().trim_end_matches(".bunraku.internal").to_owned();
    let bytes = body::collect(request.into_body(), 1 << 20).await.unwrap();
    let ask: RegisterRequest<Configuration> = serde_json::from_slice(&bytes).unwrap();
    let mut register = register.lock().unwrap();
    let answer: RegisterAnswer<Configuration> = match ask {
        RegisterRequest::Read => match register.read().unwrap() {
            Some(configuration) => RegisterAnswer::Current { configuration },
            None => RegisterAnswer::Empty,
        },
        RegisterRequest::CompareAndSet { expected_version, configuration } => {
            let author = Author::Member(MemberName::new(member));
            let request = replica::register::RegisterRequest { expected_version, configuration };
            let answer = register.compare_and_set(&author, &request).unwrap();
            match (answer.current, answer.refused) {
                (Some(configuration), None) => RegisterAnswer::Set { configuration },
                (Some(configuration), Some(why)) => {
                    RegisterAnswer::Refused { configuration, reason: why.to_string() }
                }
                (None, _) => RegisterAnswer::Empty,
            }
        }
    };
    reply::json(StatusCode::OK, &answer)
}

/// The first difference between two CA directories, what belongs to the member alone aside.
fn differ(one: &Path, other: &Path) -> Option<String> {
    let (one, other) = (files(one), files(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().find(|name| one.get(*name) != other.get(*name)).map(|name| {
        let show = |files: &BTreeMap<String, Vec<u8>>| {
            files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        format!("{name}: {:?} and {:?}", show(&one), show(&other))
    })
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for place in ["", "requests", "signed"] {
        let Ok(entries) = std::fs::read_dir(root.join(place)) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = format!("{place}/{}", entry.file_name().to_string_lossy());
                files.insert(name, std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    files
}

fn serial_of(cadir: &Path, name: &str) -> u64 {
    let pem = std::fs::read(cadir.join("signed").join(format!("{name}.pem"))).unwrap();
    pki::Certificate::from_pem(&pem).unwrap().serial().to_u64().unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn list_number(cadir: &Path) -> u64 {
    let pem = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    pki::crl::RevocationList::from_pem(&pem).unwrap().number().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_joins_takes_over_and_the_old_primary_comes_back() {
    let mut estate = Estate::new().await;
    // A primary alone.
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "one.example.com"), 5, "after the CA and three roles");

    // A fresh standby with an empty directory joins by itself, and gets the key.
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    let key = std::fs::read(estate.cadir("ca-2").join("ca_key.pem")).unwrap();
    assert_eq!(key, std::fs::read(estate.cadir("ca-1").join("ca_key.pem")).unwrap());
    for name in ["ca-1", "ca-2"] {
        let cadir = estate.cadir(name);
        assert_eq!((mode(&cadir), mode(&cadir.join("bunraku"))), (0o750, 0o700), "{name}");
    }

    // What is decided at one shows at the other.
    estate.enrol("ca-1", epoch, "two.example.com").await;
    estate.operate("ca-1", "one.example.com", "revoked").await;
    estate.until_equal().await;
    assert_eq!(list_number(&estate.cadir("ca-2")), 1);

    // The standby does not decide, and says who does; nor does the primary in another epoch.
    let path = "/puppet-ca/v1/certificate_request/three.example.com";
    for (to, claimed) in [("ca-2", epoch), ("ca-1", epoch + 1)] {
        let body = csr("three.example.com");
        let refused = estate.forward(to, claimed, "x", Method::PUT, path, body).await.unwrap();
        assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(refused.headers["x-bunraku-stale"], format!("epoch={epoch} primary=ca-1").as_str());
    }
    // It answers reads.
    let read = estate
        .forward("ca-2", epoch, "y", Method::GET, "/puppet-ca/v1/certificate/two.example.com", String::new())
        .await
        .unwrap();
    assert_eq!(read.status, StatusCode::OK, "{}", read.text());

    // A request whose answer is lost with the primary: sent again to the next one, it gets the same answer.
    let save = csr("three.example.com");
    let saved = estate.forward("ca-1", epoch, "lost", Method::PUT, path, save.clone()).await.unwrap();
    assert_eq!(saved.status, StatusCode::OK);
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    let again = estate.forward("ca-2", epoch, "lost", Method::PUT, path, save.clone()).await.unwrap();
    assert_eq!((again.status, again.text()), (StatusCode::OK, String::new()));
    let other = estate.forward("ca-2", epoch, "new", Method::PUT, path, save).await.unwrap();
    assert_eq!(other.status, StatusCode::BAD_REQUEST);

    // Serials and the list's numbers go on.
    estate.operate("ca-2", "three.example.com", "signed").await;
    assert_eq!(serial_of(&estate.cadir("ca-2"), "three.example.com"), 7);
    estate.operate("ca-2", "two.example.com", "revoked").await;
    assert_eq!(list_number(&estate.cadir("ca-2")), 2);

    // The old primary comes back as a standby and catches up.
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    assert!(!estate.running["ca-1"].0.role().decides);

    // And takes over again.
    estate.stop("ca-2").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-1"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "four.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "four.example.com"), 8);
    estate.stop("ca-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_whose_answer_is_lost_is_answered_by_the_next_primary() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    let pem = std::fs::read(estate.cadir("ca-1").join("signed/one.example.com.pem")).unwrap();
    let old = Certificate::from_pem(&pem).unwrap();
    let path = "/puppet-ca/v1/certificate_renewal";
    let renew = async |estate: &Estate, to: &str, epoch: u64, id: &str| {
        let who = (epoch, id);
        estate.forward_for(Some(&old), to, who, Method::POST, path, String::new()).await.unwrap()
    };
    let first = renew(&estate, "ca-1", epoch, "lost").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    estate.until_equal().await;
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    let again = renew(&estate, "ca-2", epoch, "lost").await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, first.text()));
    let serial = |pem: String| Certificate::from_pem(pem.as_bytes()).unwrap().serial();
    // Another request is another renewal, with the next number.
    let other = renew(&estate, "ca-2", epoch, "new").await;
    assert_eq!(serial(other.text()), serial(first.text()).next());
    estate.stop("ca-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_lost_is_filled_again() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    estate.stop("ca-2").await;
    std::fs::remove_dir_all(estate.cadir("ca-2")).unwrap();
    estate.enrol("ca-1", epoch, "two.example.com").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_restarts_takes_the_next_epoch() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let first = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", first, "one.example.com").await;
    estate.stop("ca-1").await;
    estate.start("ca-1").await;
    assert!(!estate.running["ca-1"].0.role().decides, "not before the register has confirmed it");
    let second = estate.until_decides("ca-1").await;
    assert!(second > first);
    estate.enrol("ca-1", second, "two.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "two.example.com"), 6);
    estate.stop("ca-1").await;
}

/// One agent's request as a front end passes it on: held while nobody decides, sent again under the same id to the
/// primary of a later epoch, never twice within one.
async fn persist(
    clients: Arc<BTreeMap<String, Client>>,
    active: tokio::sync::watch::Receiver<Option<(String, u64)>>,
    name: String,
) -> u16 {
    let path = format!("/puppet-ca/v1/certificate_request/{name}");
    let body = csr(&name);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut tried = 0;
    loop {
        assert!(Instant::now() < deadline, "{name} was never answered");
        let Some((to, epoch)) = active.borrow().clone().filter(|(_, epoch)| *epoch > tried) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-client-verify", HeaderValue::from_static("NONE"));
        headers.insert("x-bunraku-epoch", HeaderValue::from(epoch));
        headers.insert("x-bunraku-request", HeaderValue::from_str(&format!("id-{name}")).unwrap());
        tried = epoch;
        match clients[&to].request(Method::PUT, &path, headers, body.clone().into_bytes()).await {
            Ok(answer) if answer.status == StatusCode::MISDIRECTED_REQUEST => {}
            Ok(answer) => return answer.status.as_u16(),
            // Whether it was carried out is not known: the next primary knows.
            Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_done_twice_when_primaries_go_away_under_load() {
    let mut estate = Estate::new().await;
    estate.autosign = Autosign::True;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    let clients: BTreeMap<String, Client> =
        ["ca-1", "ca-2"].iter().map(|name| ((*name).to_owned(), estate.client(name))).collect();
    let clients = Arc::new(clients);
    let (tell, active) = tokio::sync::watch::channel(Some(("ca-1".to_owned(), epoch)));
    let mut agents = tokio::task::JoinSet::new();
    for lane in 0..8 {
        let (clients, active) = (Arc::clone(&clients), active.clone());
        agents.spawn(async move {
            let mut names = Vec::new();
            for number in 0..40 {
                let name = format!("n{number}.lane{lane}.test");
                let status = persist(Arc::clone(&clients), active.clone(), name.clone()).await;
                assert_eq!(status, 200, "{name}");
                names.push(name);
            }
            names
        });
    }
    for (gone, next) in [("ca-1", "ca-2"), ("ca-2", "ca-1")] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tell.send(None).unwrap();
        estate.stop(gone).await;
        let before = estate.registered();
        estate.set(before.succeeded_by(MemberName::new(next), BTreeSet::new()));
        let epoch = estate.until_decides(next).await;
        tell.send(Some((next.to_owned(), epoch))).unwrap();
        estate.start(gone).await;
        estate.until_in_sync().await;
    }
    let mut names = BTreeSet::new();
    while let Some(lane) = agents.join_next().await {
        names.extend(lane.unwrap());
    }
    assert_eq!(names.len(), 320);
    estate.until_equal().await;
    let inventory = std::fs::read_to_string(estate.cadir("ca-1").join("inventory.txt")).unwrap();
    let rows: Vec<(&str, &str)> = inventory
        .lines()
        .map(|row| (row.split(' ').next().unwrap(), row.rsplit("/CN=").next().unwrap()))
        .collect();
    let serials: BTreeSet<&str> = rows.iter().map(|(serial, _)| *serial).collect();
    assert_eq!(serials.len(), rows.len(), "a serial was given twice");
    for name in &names {
        let count = rows.iter().filter(|(_, row)| row == name).count();
        assert_eq!(count, 1, "{name} is {count} times in the inventory");
        serial_of(&estate.cadir("ca-2"), name);
    }
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}

impl Estate {
    /// A step of a rollover, as the operator on the member's local socket.
    async fn roll(&self, to: &str, body: &str) {
        let client = Client::local(ca::socket_path(&self.cadir(to)), Timeouts::default());
        let path = "/bunraku/v1/authority/rollover";
        let answer = client.request(Method::POST, path, HeaderMap::new(), body.as_bytes().to_vec()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
}

fn other_keys(cadir: &Path) -> BTreeMap<String, Vec<u8>> {
    files(cadir).into_iter().filter(|(name, _)| name.starts_with("/ca_key-")).collect()
}

fn first_of(cadir: &Path, file: &str) -> Certificate {
    let pem = std::fs::read(cadir.join(file)).unwrap();
    Certificate::all_from_pem(&pem).unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_on_every_member_before_anything_hangs_on_it() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "old.example.com").await;
    let old = first_of(&estate.cadir("ca-1"), "ca_crt.pem");

    // It is there, with the mode of a key, when the operator is told.
    estate.roll("ca-1", r#"{"action":"new-key"}"#).await;
    let keys = other_keys(&estate.cadir("ca-2"));
    assert_eq!((keys.len(), &keys), (1, &other_keys(&estate.cadir("ca-1"))));
    let name = keys.keys().next().unwrap().trim_start_matches('/').to_owned();
    assert_eq!(mode(&estate.cadir("ca-2").join(&name)), 0o600);
    for log in ["log", "snapshot"] {
        let log = std::fs::read(estate.cadir("ca-1").join("bunraku").join(log)).unwrap();
        assert!(!log.windows(11).any(|text| text == b"PRIVATE KEY"), "a key must never be in the log");
    }
    // Nobody but a member gets it.
    let id = name.trim_start_matches("ca_key-").trim_end_matches(".pem");
    let path = format!("/bunraku/v1/ca/key?id={id}");
    let asked =
        estate.client("ca-1").request(Method::GET, &path, HeaderMap::new(), Vec::new()).await.unwrap();
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.text());

    // Given up, while the standby is away; then another one. It comes back and needs only that.
    estate.stop("ca-2").await;
    estate.until("the standby is out", |estate| estate.registered().in_sync.len() == 1).await;
    estate.roll("ca-1", r#"{"action":"abort"}"#).await;
    estate.roll("ca-1", r#"{"action":"new-key","ca_name":"The next"}"#).await;
    estate.roll("ca-1", r#"{"action":"activate","force":true}"#).await;
    estate.enrol("ca-1", epoch, "new.example.com").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    let new = first_of(&estate.cadir("ca-2"), "ca_crt.pem");
    assert_eq!(new.subject_cn(), Some("The next"));

    // It takes over: it signs with the new key, and revokes with either.
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    estate.enrol("ca-2", epoch, "newer.example.com").await;
    let leaf = first_of(&estate.cadir("ca-2"), "signed/newer.example.com.pem");
    leaf.verify(new.spki_der()).unwrap();
    for name in ["old.example.com", "new.example.com"] {
        estate.operate("ca-2", name, "revoked").await;
    }
    let lists = std::fs::read(estate.cadir("ca-2").join("ca_crl.pem")).unwrap();
    let lists = pki::crl::RevocationList::all_from_pem(&lists).unwrap();
    assert!(lists[0].verify(new.spki_der()).is_ok() && lists[1].verify(old.spki_der()).is_ok());
    assert_eq!((lists[0].len(), lists[1].len()), (1, 1));

    // A disk that was lost is filled again, keys and all.
    std::fs::remove_dir_all(estate.cadir("ca-1")).unwrap();
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    assert_eq!(other_keys(&estate.cadir("ca-1")).len(), 2);
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}
