//! Two front ends, two CAs, three etcds, on three hosts; one thing after the other fails. Agents go to both front ends,
//! and to the other one when theirs does not answer. In the end nothing that one of them was told is lost.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pki::{KeyKind, PrivateKey};
use wire::client::{Client, Timeouts};
use wire::tls::ClientTls;

use super::deployment::{text, wait_until};
use super::hosts::{Hosts, front_end_at};
use super::torture::{check, get, put};

/// Agents that enrol one after the other, at both front ends.
struct Load {
    ended: Arc<AtomicBool>,
    runtime: tokio::runtime::Runtime,
    agents: Vec<tokio::task::JoinHandle<Enrolled>>,
    /// How many have been given their certificates, by front end.
    served: Arc<[AtomicUsize; 2]>,
}

#[derive(Default)]
struct Enrolled {
    /// What they were given, by name.
    certificates: BTreeMap<String, String>,
    /// Answers other than success, and connections that broke, by front end.
    troubles: BTreeMap<u8, Vec<String>>,
}

impl Load {
    fn start() -> Load {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let served: Arc<[AtomicUsize; 2]> = Arc::default();
        let stream = |host| runtime.spawn(enrol_until(host, Arc::clone(&ended), Arc::clone(&served)));
        let agents = vec![stream(1), stream(2)];
        Load { ended, runtime, agents, served }
    }

    fn served(&self, host: u8) -> usize {
        self.served[usize::from(host) - 1].load(Ordering::Relaxed)
    }

    /// Waits until the last one has its certificate.
    fn finish(self) -> Enrolled {
        self.ended.store(true, Ordering::Relaxed);
        let mut enrolled = Enrolled::default();
        for agents in self.agents {
            let one = self.runtime.block_on(agents).unwrap();
            enrolled.certificates.extend(one.certificates);
            one.troubles
                .into_iter()
                .for_each(|(host, said)| enrolled.troubles.entry(host).or_default().extend(said));
        }
        eprintln!("{} enrolled; troubles: {:?}", enrolled.certificates.len(), enrolled.troubles);
        enrolled
    }
}

async fn enrol_until(host: u8, ended: Arc<AtomicBool>, served: Arc<[AtomicUsize; 2]>) -> Enrolled {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let mut all = Enrolled::default();
    let mut number = 0;
    while !ended.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("agent-{host}-{number}.example.com");
        let pem = enrol(&name, host, &key, &mut all.troubles).await;
        all.certificates.insert(name, pem);
        served[usize::from(host) - 1].fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    all
}

/// As an agent does with two servers to choose from: the next one when the first does not do it, until it is done.
async fn enrol(name: &str, first: u8, key: &PrivateKey, troubles: &mut BTreeMap<u8, Vec<String>>) -> String {
    for attempt in 0_u8.. {
        let host = if attempt.is_multiple_of(2) { first } else { 3 - first };
        let submitted = put(&agent(host), name, key).await;
        // 400: it is there already, from the attempt whose answer was lost.
        if !matches!(submitted, Ok(200 | 400)) {
            troubles.entry(host).or_default().push(format!("{submitted:?}"));
            continue;
        }
        for reader in [host, 3 - host] {
            if let Some(pem) = get(&agent(reader), name).await {
                return pem;
            }
        }
    }
    unreachable!("an agent does not give up")
}

fn agent(host: u8) -> Client {
    let timeouts = Timeouts { connect: Duration::from_secs(2), answer: Duration::from_secs(60) };
    let base = format!("https://{}", front_end_at(host));
    Client::new(&base, ClientTls::insecure().unwrap(), timeouts).unwrap()
}

/// Everything is well again, and each promise holds on both directories.
fn nothing_is_lost(hosts: &Hosts, enrolled: &Enrolled) {
    hosts.wait_until_home();
    for cadir in hosts.cadirs() {
        wait_until("the directory shows everything", Duration::from_secs(20), || {
            enrolled.certificates.iter().all(|(name, pem)| {
                std::fs::read_to_string(cadir.join(format!("signed/{name}.pem")))
                    .is_ok_and(|file| file == *pem)
            })
        });
        assert_eq!(check(&cadir, &enrolled.certificates), Vec::<String>::new(), "repeated serials");
    }
}

/// Waits until `ca-2` is active for these front ends, and prints what they say of it.
fn taken_over(hosts: &Hosts, front_ends: &[&str]) {
    for front_end in front_ends {
        hosts.wait_for(front_end, "ca-2 has taken over", |status| status["ca"]["active"] == "ca-2");
        let last = hosts.status(front_end).unwrap()["ca"]["last_failover"].clone();
        eprintln!("{front_end}: {} ms without an active CA: {}", last["duration_ms"], last["reason"]);
    }
}

/// Debian's agent gets its certificate through the second front end. What it said.
fn real_agent(hosts: &Hosts, certname: &str) -> String {
    let address = front_end_at(2);
    let (host, port) = address.split_once(':').unwrap();
    let mut command = Command::new("puppet");
    command.args(["ssl", "bootstrap", "--certname", certname, "--server", host, "--serverport", port]);
    command.args(["--keylength", "2048", "--color", "false", "--verbose"]);
    for folder in ["confdir", "vardir", "ssldir", "rundir", "logdir"] {
        command.arg(format!("--{folder}")).arg(hosts.path(&format!("agent/{folder}")));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout) + &text(&output.stderr)
}

fn epoch(hosts: &Hosts, front_end: &str) -> u64 {
    hosts.status(front_end).unwrap()["epoch"].as_u64().unwrap()
}

#[test]
fn primary_dies_with_two_front_ends() {
    let mut hosts = Hosts::start();
    let load = Load::start();
    hosts.kill("ca-1");
    // The real agent, at the front end on the other host, before anybody can know who is primary.
    let bootstrap = real_agent(&hosts, "real.example.com");
    assert!(bootstrap.contains("Notice: Completed SSL initialization"), "{bootstrap}");
    taken_over(&hosts, &["front-end", "front-end-2"]);
    hosts.start_process("ca-1");
    hosts.wait_until_home();
    // The case that decides designs: nobody reaches the primary, its own connections go out.
    hosts.reject(None, "ca-1");
    taken_over(&hosts, &["front-end", "front-end-2"]);
    hosts.open();
    hosts.wait_until_home();
    let enrolled = load.finish();
    assert!(enrolled.troubles.is_empty(), "an agent saw it: {:?}", enrolled.troubles);
    nothing_is_lost(&hosts, &enrolled);
}

#[test]
fn one_of_two_front_ends_dies() {
    let mut hosts = Hosts::start();
    let load = Load::start();
    hosts.kill("front-end");
    // With the front end and the primary of one host gone, the other front end decides alone once the lease is out.
    hosts.kill("ca-1");
    hosts.wait_for("front-end-2", "ca-2 has taken over", |status| {
        let alone = status["front_ends"].as_array().is_some_and(|list| list.len() == 1);
        status["ca"]["active"] == "ca-2" && alone
    });
    taken_over(&hosts, &["front-end-2"]);
    hosts.start_process("front-end");
    hosts.start_process("ca-1");
    hosts.wait_until_home();
    let enrolled = load.finish();
    assert_eq!(
        enrolled.troubles.keys().collect::<Vec<_>>(),
        [&1],
        "only agents of the dead one: {:?}",
        enrolled.troubles
    );
    nothing_is_lost(&hosts, &enrolled);
}

#[test]
fn front_end_cut_off_from_primary_does_not_depose_it_alone_and_goes_through_the_other() {
    let mut hosts = Hosts::start();
    let before = epoch(&hosts, "front-end");
    hosts.reject(Some(2), "ca-1");
    hosts.wait_for("front-end-2", "it says that it is alone with that", |status| {
        let why = status["ca"]["obstacle"].as_str().unwrap_or_default();
        why.starts_with("ca-1 does not answer") && why.contains("but not for bunraku-front-end: it stays")
    });
    let load = Load::start();
    hosts.wait_for("front-end", "both views are shown", |status| {
        let views = status["front_ends"].as_array().unwrap();
        views.iter().any(|view| view["name"] == "bunraku-front-end-2" && view["down"]["ca-1"].is_string())
    });
    assert_eq!(epoch(&hosts, "front-end"), before, "nobody was deposed");
    assert_eq!(hosts.status("front-end").unwrap()["ca"]["active"], "ca-1");
    wait_until("agents of the other front end are served", Duration::from_secs(20), || load.served(1) > 10);
    let through = || load.served(2) > 10;
    wait_until("and those that come here, through there", Duration::from_secs(20), through);
    let status = hosts.status("front-end-2").unwrap();
    assert_eq!(status["ca"]["active"], "ca-1", "{status}");
    // The straight way is taken again when it is open.
    hosts.open();
    hosts.wait_for("front-end-2", "it reaches ca-1 itself", |status| status["ca"]["obstacle"].is_null());
    let before_open = load.served(2);
    wait_until("and goes there straight", Duration::from_secs(20), || load.served(2) > before_open + 5);
    let told = hosts.errors(2).matches("but not for bunraku-front-end: it stays").count();
    assert!((1..=3).contains(&told), "said {told} times");
    let enrolled = load.finish();
    assert!(enrolled.troubles.is_empty(), "an agent saw it: {:?}", enrolled.troubles);
    nothing_is_lost(&hosts, &enrolled);
    assert_eq!(epoch(&hosts, "front-end-2"), before);
}

#[test]
fn etcd_loses_quorum_during_failover() {
    let mut hosts = Hosts::start();
    let load = Load::start();
    // 1. Without etcd everything goes on as it is.
    hosts.kill("etcd-2");
    hosts.kill("etcd-3");
    for front_end in ["front-end", "front-end-2"] {
        hosts.wait_for(front_end, "it serves, and says what cannot happen", |status| {
            let warning = status["warnings"][0].as_str().unwrap_or_default();
            status["ca"]["active"] == "ca-1"
                && warning.starts_with("no failover possible: etcd does not answer")
        });
    }
    // 2. A front end that starts now serves in what it knew.
    hosts.kill("front-end-2");
    hosts.start_process("front-end-2");
    hosts.wait_for("front-end-2", "it serves from memory", |status| status["ca"]["active"] == "ca-1");
    // 3. The primary dies: nobody takes over, and requests wait.
    let before = epoch(&hosts, "front-end");
    hosts.kill("ca-1");
    hosts.wait_for("front-end", "requests are held", |status| {
        let why = status["ca"]["obstacle"].as_str().unwrap_or_default();
        why.contains("nobody can take over while the register does not answer")
    });
    assert_eq!(epoch(&hosts, "front-end"), before);
    // 4. With etcd the failover goes through, and they are answered.
    hosts.start_process("etcd-2");
    taken_over(&hosts, &["front-end", "front-end-2"]);
    hosts.start_process("ca-1");
    hosts.start_process("etcd-3");
    hosts.wait_until_home();
    let enrolled = load.finish();
    assert!(
        !enrolled.troubles.contains_key(&1),
        "an agent of the front end that lived saw it: {:?}",
        enrolled.troubles
    );
    nothing_is_lost(&hosts, &enrolled);
    assert!(hosts.errors(1).contains("The register in etcd answers"), "{}", hosts.errors(1));
}

#[test]
fn without_etcd_a_lost_standby_stops_changes_and_not_reading() {
    let mut hosts = Hosts::start();
    for number in 1..=3 {
        hosts.kill(&format!("etcd-{number}"));
    }
    hosts.kill("ca-2");
    hosts.wait_for("front-end", "it says what waits", |status| {
        let warnings = status["warnings"].as_array().cloned().unwrap_or_default();
        warnings
            .iter()
            .any(|said| said.as_str().is_some_and(|said| said.starts_with("ca-2 is down and cannot leave")))
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let waiting = runtime.spawn(async move {
        let name = "patient.example.com";
        put(&agent(1), name, &key).await
    });
    let read = runtime.block_on(async { get(&agent(1), "ca").await });
    assert!(read.is_some_and(|pem| pem.contains("BEGIN CERTIFICATE")));
    assert!(!waiting.is_finished(), "nothing is confirmed that only one disk has");
    hosts.start_process("ca-2");
    assert_eq!(runtime.block_on(waiting).unwrap(), Ok(200), "both disks have it now");
    for number in 1..=3 {
        hosts.start_process(&format!("etcd-{number}"));
    }
    let pem = runtime.block_on(async { get(&agent(2), "patient.example.com").await }).unwrap();
    let certificates = BTreeMap::from([("patient.example.com".to_string(), pem)]);
    nothing_is_lost(&hosts, &Enrolled { certificates, troubles: BTreeMap::new() });
}
