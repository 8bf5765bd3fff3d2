//! Two members and a register, over real TLS.

use super::{csr, new_authority};
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
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use wire::client::{Answer, Client, ClientFault, Timeouts};
use wire::http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::identity::set_client_headers;
use wire::protocol::internal::{REGISTER_PATH, REPLICA_PATH, RegisterAnswer, RegisterRequest};
use wire::tls::{ClientCertificates, ClientTls, Identity, ServerTls, TrustBundle};
use wire::{DrainHandle, DrainPlan, HandlerFn, Limits, Peer, Request, body, drain, reply, serve_tls};

pub const FRONT_END: &str = "front-end.bunraku.internal";

pub fn certname(name: &str) -> String {
    format!("{name}.bunraku.internal")
}

/// An estate of two CA members and the front end's part that they need: the register, and its news.
pub struct Estate {
    pub root: TempDir,
    pub cluster: ClusterId,
    pub trust: TrustBundle,
    pub identities: BTreeMap<String, Identity>,
    pub addresses: BTreeMap<String, String>,
    pub register_address: String,
    pub register: Arc<Mutex<EmbeddedRegister>>,
    pub running: BTreeMap<String, (Arc<Worker>, DrainHandle)>,
    pub autosign: Autosign,
}

impl Estate {
    pub async fn new() -> Self {
        Self::of(&["ca-1", "ca-2"]).await
    }

    pub async fn of(members: &[&str]) -> Self {
        let (root, _) = new_authority();
        Self::over(root, members).await
    }

    /// Over a CA directory `ca` that is there already.
    pub async fn over(root: TempDir, members: &[&str]) -> Self {
        let cadir = root.path().join("ca");
        let names: Vec<String> = members.iter().copied().chain(["front-end"]).map(str::to_owned).collect();
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
        let addresses = members.iter().map(|name| {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            ((*name).to_owned(), free.to_string())
        });
        let estate = Self {
            root,
            cluster: cluster.clone(),
            trust,
            identities,
            addresses: addresses.collect(),
            register_address,
            register,
            running: BTreeMap::new(),
            autosign: Autosign::False,
        };
        estate.set(Configuration::first(cluster, MemberName::new("ca-1")));
        estate
    }

    pub fn cadir(&self, name: &str) -> PathBuf {
        self.root.path().join(match name {
            "ca-1" => "ca",
            "ca-2" => "ca.standby",
            other => other,
        })
    }

    /// Changes the register, as the front end.
    pub fn set(&self, configuration: Configuration) {
        let request =
            replica::register::RegisterRequest { expected_version: configuration.version - 1, configuration };
        let answer = self.register.lock().unwrap().compare_and_set(&Author::FrontEnd, &request).unwrap();
        assert_eq!(answer.refused, None);
    }

    pub fn registered(&self) -> Configuration {
        self.register.lock().unwrap().read().unwrap().unwrap()
    }

    pub fn client_tls(&self, name: &str) -> ClientTls {
        ClientTls::new(Some(&self.identities[name]), self.trust.clone()).unwrap()
    }

    pub fn settings(&self, name: &str) -> CaSettings {
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

    pub async fn start(&mut self, name: &str) {
        let worker = Worker::start(self.settings(name)).await.unwrap();
        let listener = wire::listen(self.addresses[name].parse().unwrap()).unwrap();
        let tls = ServerTls::new(&self.identities[name], self.trust.clone(), ClientCertificates::Optional);
        let (handle, drain) = drain::channel();
        tokio::spawn(serve_tls(listener, tls.unwrap(), Limits::default(), Arc::clone(&worker), drain));
        self.running.insert(name.to_owned(), (worker, handle));
    }

    pub async fn stop(&mut self, name: &str) {
        let (worker, handle) = self.running.remove(name).unwrap();
        handle.begin(DrainPlan::prompt(Duration::from_millis(10)));
        worker.stop().await;
    }

    /// Tells every running member what the register holds, as the front end's probe does.
    pub async fn tell(&self) {
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

    pub fn client(&self, name: &str) -> Client {
        let timeouts = Timeouts { connect: Duration::from_secs(2), answer: Duration::from_secs(20) };
        let base = format!("https://{}", self.addresses[name]);
        Client::new(&base, self.client_tls("front-end"), timeouts).unwrap().expecting(&certname(name))
    }

    /// Waits until `condition`, telling the news meanwhile.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition(self) {
            assert!(Instant::now() < deadline, "never: {what}; registered {:?}", self.registered());
            self.tell().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn until_decides(&self, name: &str) -> u64 {
        self.until(&format!("{name} decides"), |estate| estate.running[name].0.role().decides).await;
        self.running[name].0.role().epoch
    }

    pub async fn until_in_sync(&self) {
        let all: BTreeSet<MemberName> = self.addresses.keys().map(MemberName::new).collect();
        self.until("all in sync", |estate| estate.registered().in_sync == all).await;
    }

    /// A request as the front end passes it on, for a stranger.
    pub async fn forward(
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
    pub async fn forward_for(
        &self,
        client: Option<&Certificate>,
        to: &str,
        (epoch, id): (u64, &str),
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Answer, ClientFault> {
        let mut headers = HeaderMap::new();
        set_client_headers(&mut headers, &super::peer(client));
        headers.insert("x-bunraku-epoch", HeaderValue::from(epoch));
        headers.insert("x-bunraku-request", HeaderValue::from_str(id).unwrap());
        self.client(to).request(method, path, headers, body.into_bytes()).await
    }

    pub async fn enrol(&self, to: &str, epoch: u64, name: &str) {
        let path = format!("/puppet-ca/v1/certificate_request/{name}");
        let answer =
            self.forward(to, epoch, &format!("save-{name}"), Method::PUT, &path, csr(name)).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        self.operate(to, name, "signed").await;
    }

    /// As the operator, on the member's local socket.
    pub async fn operate(&self, to: &str, name: &str, state: &str) {
        let client = Client::local(ca::socket_path(&self.cadir(to)), Timeouts::default());
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        let body = format!("{{\"desired_state\":\"{state}\"}}").into_bytes();
        let answer = client.request(Method::PUT, &path, HeaderMap::new(), body).await.unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    }

    pub async fn until_equal(&self) {
        let mut difference = None;
        let first = self.cadir("ca-1");
        for _ in 0..100 {
            difference = self.addresses.keys().find_map(|name| differ(&first, &self.cadir(name)));
            if difference.is_none() {
                return;
            }
            self.tell().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the directories differ: {difference:?}");
    }
}

pub async fn answer_register(
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
pub fn differ(one: &Path, other: &Path) -> Option<String> {
    let (one, other) = (files(one), files(other));
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().find(|name| one.get(*name) != other.get(*name)).map(|name| {
        let show = |files: &BTreeMap<String, Vec<u8>>| {
            files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        format!("{name}: {:?} and {:?}", show(&one), show(&other))
    })
}

pub fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
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

pub fn serial_of(cadir: &Path, name: &str) -> u64 {
    let pem = std::fs::read(cadir.join("signed").join(format!("{name}.pem"))).unwrap();
    pki::Certificate::from_pem(&pem).unwrap().serial().to_u64().unwrap()
}
