//! A front end over a real etcd: how it comes to the register, and what it does not believe.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gateway::{EtcdSettings, FrontEnd, RegisterSettings, Status, Tuning, WorkerAddress};
use replica::register;
use replica::{ClusterId, Configuration, Epoch, MemberName};

use crate::estate::{Estate, eventually};

/// One etcd without certificates, on ports of its own.
struct Etcd {
    client: u16,
    peer: u16,
    data: PathBuf,
    process: Child,
}

impl Etcd {
    fn start(data: &Path) -> Etcd {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (client, peer) = (free(), free());
        let process = Etcd::spawn(data, client, peer);
        Etcd { client, peer, data: data.to_owned(), process }
    }

    fn spawn(data: &Path, client: u16, peer: u16) -> Child {
        let (client, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        Command::new("etcd")
            .args(["--name", "one", "--initial-cluster", &format!("one={peer}"), "--data-dir"])
            .arg(data)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("etcd is installed (Debian: etcd-server)")
    }

    /// The same addresses, and nothing in it.
    fn begin_anew(&mut self) {
        self.end();
        std::fs::remove_dir_all(&self.data).unwrap();
        self.process = Etcd::spawn(&self.data, self.client, self.peer);
    }

    fn end(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn settings(&self) -> RegisterSettings {
        RegisterSettings::Etcd(EtcdSettings {
            endpoints: vec![format!("http://127.0.0.1:{}", self.client)],
            prefix: "/bunraku".into(),
            tls: None,
        })
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // Ended already by the test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn registered() -> Configuration {
    let first = Configuration::first(ClusterId::new("test-estate"), MemberName::new("ca-1"));
    let in_sync = BTreeSet::from([MemberName::new("ca-1"), MemberName::new("ca-2")]);
    Configuration { version: 12, epoch: Epoch(7), in_sync, ..first }
}

/// A front end whose CA members are not there: only the register is looked at.
fn front_end(estate: &Estate, etcd: &Etcd) -> Arc<FrontEnd> {
    let nobody = |name: &str| WorkerAddress {
        name: name.into(),
        address: "127.0.0.1:9".into(),
        certname: format!("{name}.test"),
    };
    let mut settings = estate.settings(Vec::new(), vec![nobody("ca-1"), nobody("ca-2")], Tuning::default());
    settings.register = etcd.settings();
    FrontEnd::start(settings).unwrap()
}

async fn until(front_end: &FrontEnd, what: &str, good: impl Fn(&Status) -> bool) {
    eventually(what, || good(&front_end.status())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_register_moves_to_etcd_and_an_emptied_etcd_is_not_believed() {
    let estate = Estate::new();
    let mut etcd = Etcd::start(&estate.path("etcd"));
    let file = estate.path("register.json");
    std::fs::write(&file, register::encode(&registered()).unwrap()).unwrap();

    // 1. The file's value is in etcd, and nobody can take the file for the truth again.
    let front = front_end(&estate, &etcd);
    until(&front, "it has moved", |status| status.epoch == 7 && status.register.answers).await;
    assert!(!file.exists() && estate.path("register.moved-to-etcd.json").exists());
    assert!(
        estate.log("error.log").contains("has moved to etcd with epoch 7"),
        "{}",
        estate.log("error.log")
    );
    until(&front, "it shows itself", |status| status.front_ends.iter().any(|one| one.name == "front.test"))
        .await;

    // 2. Emptied: it goes on in epoch 7, says so, and does not begin at 1.
    etcd.begin_anew();
    until(&front, "it says that etcd is not to be believed", |status| {
        let cause = status.register.cause.clone().unwrap_or_default();
        // The register says so first, the supervisor when it has asked it.
        !status.register.answers && cause.contains("held version 12 before") && !status.warnings.is_empty()
    })
    .await;
    let status = front.status();
    assert_eq!(status.epoch, 7);
    assert!(
        status.warnings[0].starts_with("no failover possible: etcd holds version 0"),
        "{:?}",
        status.warnings
    );

    // 3. A start does not make it forget.
    drop(front);
    let front = front_end(&estate, &etcd);
    until(&front, "it remembers", |status| status.epoch == 7 && !status.register.answers).await;

    // 4. The way back of docs/CLUSTER.md.
    drop(front);
    std::fs::copy(estate.path("register.seen.json"), &file).unwrap();
    let front = front_end(&estate, &etcd);
    until(&front, "etcd has it again", |status| status.epoch == 7 && status.register.answers).await;
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_file_never_takes_the_place_of_what_etcd_holds() {
    let estate = Estate::new();
    let etcd = Etcd::start(&estate.path("etcd"));
    let file = estate.path("register.json");
    std::fs::write(&file, register::encode(&registered()).unwrap()).unwrap();
    let front = front_end(&estate, &etcd);
    until(&front, "it has moved", |status| status.epoch == 7 && status.register.answers).await;
    drop(front);
    let older = Configuration { version: 3, epoch: Epoch(2), ..registered() };
    std::fs::write(&file, register::encode(&older).unwrap()).unwrap();
    let front = front_end(&estate, &etcd);
    until(&front, "it reads etcd", |status| status.register.answers && status.epoch == 7).await;
    assert!(file.exists(), "left for the operator to look at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_takes_leave_is_counted_no_more() {
    let estate = Estate::new();
    let etcd = Etcd::start(&estate.path("etcd"));
    let file = estate.path("register.json");
    std::fs::write(&file, register::encode(&registered()).unwrap()).unwrap();
    let leaving = front_end(&estate, &etcd);
    let here = |status: &Status| status.front_ends.iter().any(|one| one.name == "front.test");
    until(&leaving, "it is there", here).await;

    let second = Estate::new();
    let mut settings = second.settings(Vec::new(), Vec::new(), Tuning::default());
    settings.certname = "second.test".into();
    settings.register = etcd.settings();
    let staying = FrontEnd::start(settings).unwrap();
    until(&staying, "it sees the other", here).await;
    leaving.leave().await;
    until(&staying, "the other is gone", |status| status.register.answers && !here(status)).await;
    // Not even when it has read four times more that its own sight is not there.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert!(!here(&staying.status()));
}
