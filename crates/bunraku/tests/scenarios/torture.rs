//! `kill -9` in the middle of many enrolments, again and again: nobody is stranded, nothing acknowledged is lost, no
//! serial is given twice, nothing is left lying about.
//!
//! `BUNRAKU_TORTURE_ROUNDS` (3) and `BUNRAKU_TORTURE_AGENTS` (200) say how much of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use pki::{KeyKind, PrivateKey};
use wire::Bytes;
use wire::client::{Client, Timeouts};
use wire::tls::ClientTls;

use super::adopting::configure;
use super::deployment::{BUNRAKU, Deployment, wait_until};
use super::made_by_hand::{make_authority, make_role};

#[test]
fn a_ca_by_itself_survives_being_killed_among_enrolments() {
    let mut lone = Lone::start(33_142);
    let ca = lone.cadir();
    torture(33_142, &[&ca], |killing| if killing { lone.kill() } else { lone.run() });
    lone.end();
    nothing_is_left(&ca);
}

#[test]
fn a_deployment_survives_being_killed_among_enrolments() {
    let mut deployment = Deployment::start(21_140, &["--autosign", "true"]);
    let directories = [deployment.primary_dir(), deployment.standby_dir()];
    let cadirs: Vec<&Path> = directories.iter().map(PathBuf::as_path).collect();
    torture(21_140, &cadirs, |killing| {
        if killing {
            deployment.crash();
        } else {
            deployment.start_again();
        }
    });
    deployment.wait_until_home();
    deployment.end();
    for cadir in cadirs {
        nothing_is_left(cadir);
    }
}

/// What all rounds together came to.
#[derive(Default, Debug)]
struct Tally {
    acknowledged: usize,
    unanswered: usize,
    /// Of those, retries that were answered with 400 and found their certificate then, as agents do.
    finished: usize,
    stranded: Vec<String>,
    lost: Vec<String>,
    repeated: Vec<String>,
}

/// `turn(true)` kills, `turn(false)` starts again.
fn torture(port: u16, cadirs: &[&Path], mut turn: impl FnMut(bool)) {
    let number = |name: &str, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (rounds, agents) = (number("BUNRAKU_TORTURE_ROUNDS", 3), number("BUNRAKU_TORTURE_AGENTS", 200));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let key = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
    let mut tally = Tally::default();
    let mut certificates: BTreeMap<String, String> = BTreeMap::new();
    // How long a round takes that nobody disturbs: the kills fall anywhere in it.
    let calm = runtime.block_on(enrol_all(port, "calm", agents, &key));
    assert!(calm.iter().all(|agent| agent.certificate.is_some()), "{:?}", calm[0].said);
    let span = calm.iter().map(|agent| agent.ended).max().unwrap();
    certificates.extend(calm.into_iter().filter_map(|agent| Some((agent.name, agent.certificate?))));
    for round in 0..rounds {
        let storm = runtime.spawn({
            let (key, prefix) = (Arc::clone(&key), format!("storm-{round}"));
            async move { enrol_all(port, &prefix, agents, &key).await }
        });
        let share = f64::from(u16::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..2].try_into().unwrap()))
            / 65_536.0;
        std::thread::sleep(CONNECTING + span.mul_f64(share));
        turn(true);
        let storm = runtime.block_on(storm).unwrap();
        let before = tally.acknowledged;
        turn(false);
        let again = runtime.block_on(async {
            let mut retries = tokio::task::JoinSet::new();
            for agent in storm {
                retries.spawn(retry(port, agent, Arc::clone(&key)));
            }
            retries.join_all().await
        });
        for Retried { name, acknowledged, finished, before, certificate } in again {
            tally.acknowledged += usize::from(acknowledged);
            tally.unanswered += usize::from(!acknowledged);
            tally.finished += usize::from(finished);
            match certificate {
                None if acknowledged => tally.lost.push(name),
                None => tally.stranded.push(name),
                // What it had in hand must be what there is.
                Some(now) if before.as_ref().is_some_and(|before| *before != now) => tally.lost.push(name),
                Some(now) => drop(certificates.insert(name, now)),
            }
        }
        let after = runtime.block_on(enrol_all(port, &format!("after-{round}"), 20, &key));
        assert!(after.iter().all(|agent| agent.certificate.is_some()), "{:?}", after[0].said);
        certificates.extend(after.into_iter().filter_map(|agent| Some((agent.name, agent.certificate?))));
        eprintln!(
            "round {round}: killed at {:.0} % of {span:?}, {} of {agents} had been acknowledged",
            share * 100.0,
            tally.acknowledged - before
        );
    }
    for cadir in cadirs {
        wait_until("the directory shows everything", Duration::from_secs(20), || {
            certificates.iter().all(|(name, pem)| {
                std::fs::read_to_string(cadir.join(format!("signed/{name}.pem")))
                    .is_ok_and(|file| file == *pem)
            })
        });
        tally.repeated.extend(check(cadir, &certificates));
    }
    eprintln!(
        "{rounds} rounds of {agents}: {} acknowledged, {} not ({} of them found finished); {} stranded, {} lost, {} repeated",
        tally.acknowledged,
        tally.unanswered,
        tally.finished,
        tally.stranded.len(),
        tally.lost.len(),
        tally.repeated.len()
    );
    let faults = [&tally.stranded, &tally.lost, &tally.repeated];
    assert!(faults.iter().all(|names| names.is_empty()), "{tally:?}");
}

/// Time in which all agents open their connections.
const CONNECTING: Duration = Duration::from_secs(2);

/// One agent's first attempt.
struct Attempt {
    name: String,
    acknowledged: bool,
    certificate: Option<String>,
    /// From the common start.
    ended: Duration,
    said: String,
}

struct Retried {
    name: String,
    acknowledged: bool,
    finished: bool,
    before: Option<String>,
    certificate: Option<String>,
}

/// All connect first, then all fire at the same time.
async fn enrol_all(port: u16, prefix: &str, agents: usize, key: &Arc<PrivateKey>) -> Vec<Attempt> {
    let start = tokio::time::Instant::now() + CONNECTING;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..agents {
        let (name, key) = (format!("{prefix}-{number}.example.com"), Arc::clone(key));
        running.spawn(async move {
            let client = stranger(port);
            let connected = client.get("/puppet-ca/v1/certificate/ca", "*/*").await;
            tokio::time::sleep_until(start).await;
            let mut attempt = Attempt {
                name,
                acknowledged: false,
                certificate: None,
                ended: Duration::ZERO,
                said: format!("{:?}", connected.err()),
            };
            match put(&client, &attempt.name, &key).await {
                Ok(200) => {
                    attempt.acknowledged = true;
                    attempt.certificate = get(&client, &attempt.name).await;
                }
                other => attempt.said = format!("{other:?}"),
            }
            attempt.ended = start.elapsed();
            attempt
        });
    }
    running.join_all().await
}

/// What an agent does in its next run.
async fn retry(port: u16, attempt: Attempt, key: Arc<PrivateKey>) -> Retried {
    let Attempt { name, acknowledged, certificate: before, .. } = attempt;
    let client = stranger(port);
    let mut finished = false;
    if !acknowledged {
        match put(&client, &name, &key).await {
            Ok(200) => {}
            // To an agent this says: it is there already, go on.
            Ok(400) => finished = true,
            other => eprintln!("{name}: {other:?}"),
        }
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut certificate = None;
    while certificate.is_none() && Instant::now() < deadline {
        certificate = get(&client, &name).await;
        if certificate.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Retried { name, acknowledged, finished, before, certificate }
}

fn stranger(port: u16) -> Client {
    let timeouts = Timeouts { connect: Duration::from_secs(10), answer: Duration::from_secs(60) };
    Client::new(&format!("https://127.0.0.1:{port}"), ClientTls::insecure().unwrap(), timeouts).unwrap()
}

pub(super) async fn put(client: &Client, name: &str, key: &PrivateKey) -> Result<u16, String> {
    let request = pki::Request::build(name, key, &pki::RequestContent::default()).unwrap().to_pem();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "text/plain".parse().unwrap());
    let path = format!("/puppet-ca/v1/certificate_request/{name}");
    let answer = client.request(Method::PUT, &path, headers, Bytes::from(request)).await;
    answer.map(|answer| answer.status.as_u16()).map_err(|fault| fault.to_string())
}

pub(super) async fn get(client: &Client, name: &str) -> Option<String> {
    let answer = client.get(&format!("/puppet-ca/v1/certificate/{name}"), "*/*").await.ok()?;
    (answer.status == 200).then(|| answer.text())
}

/// Serials that two rows of the inventory, or two certificates, have; each certificate must have its row, and none may
/// be at or beyond `serial`.
pub(super) fn check(cadir: &Path, certificates: &BTreeMap<String, String>) -> Vec<String> {
    let inventory = std::fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let mut seen = BTreeSet::new();
    let mut repeated = Vec::new();
    for row in inventory.lines() {
        let serial = row.split(' ').next().unwrap().to_owned();
        if !seen.insert(serial) {
            repeated.push(row.to_owned());
        }
    }
    let next = std::fs::read_to_string(cadir.join("serial")).unwrap();
    let next = pki::Serial::parse_hex(next.trim()).unwrap();
    let mut of_certificates = BTreeSet::new();
    for (name, pem) in certificates {
        let serial = pki::Certificate::from_pem(pem.as_bytes()).unwrap().serial();
        assert!(serial < next, "{name} has {serial}, and {next} comes next");
        assert!(seen.contains(&format!("0x{serial}")), "{name} ({serial}) is not in the inventory");
        if !of_certificates.insert(serial) {
            repeated.push(format!("{serial} {name}"));
        }
    }
    let waiting = std::fs::read_dir(cadir.join("requests")).unwrap().count();
    assert_eq!(waiting, 0, "requests that nobody signed");
    repeated
}

/// After an orderly end the directory holds what it should and nothing else.
fn nothing_is_left(cadir: &Path) {
    let known = [
        "ca_crl.pem",
        "ca_crt.pem",
        "ca_key.pem",
        "ca_pub.pem",
        "inventory.txt",
        "serial",
        "signed",
        "requests",
        "bunraku",
        "infra_crl.pem",
        "infra_inventory.txt",
        "infra_serials",
        "root_key.pem",
    ];
    let names = |path: PathBuf| -> Vec<String> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    for name in names(cadir.to_path_buf()) {
        assert!(known.contains(&name.as_str()), "{name} is left in {}", cadir.display());
    }
    for folder in ["signed", "requests"] {
        for name in names(cadir.join(folder)) {
            assert!(name.ends_with(".pem"), "{folder}/{name} is left in {}", cadir.display());
        }
    }
    for name in names(cadir.join("bunraku")) {
        assert!(!name.ends_with(".new") && name != "incoming" && name != "probe", "bunraku/{name} is left");
    }
    assert_eq!(names(cadir.join("bunraku/tmp")), Vec::<String>::new());
}

/// One CA without front end and standby.
struct Lone {
    root: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Lone {
    fn start(port: u16) -> Lone {
        let root = tempfile::tempdir().unwrap();
        // Not the port of a deployment's first CA: that test may run at the same time.
        let address = ("127.0.0.1:31142", "127.0.0.1:33142");
        configure(root.path(), &[("autosign = false", "autosign = true"), address]);
        // A key whose signatures are made by threads of their own, several proposed at a time.
        let authority = make_authority(&root.path().join("ca"), KeyKind::Rsa2048, 0);
        make_role(&authority, &root.path().join("data/ssl"), "bunraku-ca-1");
        std::fs::create_dir(root.path().join("data/log")).unwrap();
        let process = Lone::spawn(root.path());
        let lone = Lone { root, port, process };
        lone.wait();
        lone
    }

    fn spawn(root: &Path) -> Child {
        Command::new(BUNRAKU)
            .args(["serve", "--role", "ca", "--name", "ca-1", "--alone", "--config"])
            .arg(root.join("data/bunraku.toml"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn cadir(&self) -> PathBuf {
        self.root.path().join("ca")
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn run(&mut self) {
        self.process = Lone::spawn(self.root.path());
        self.wait();
    }

    fn wait(&self) {
        wait_until("the CA listens", Duration::from_secs(20), || {
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    fn end(&mut self) {
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Lone {
    fn drop(&mut self) {
        // Ended already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
