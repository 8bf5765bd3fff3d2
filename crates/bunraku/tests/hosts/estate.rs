//! Front end, catalog worker and two CAs, started as on four hosts by `bunraku serve`; ended when dropped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ca::{RoleRequest, SetupOptions};
use pki::{AltName, Certname, KeyKind};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::network::{CA_PORT, Network};

pub const BUNRAKU: &str = env!("CARGO_BIN_EXE_bunraku");

/// Name, host and role of each process.
const PROCESSES: [(&str, &str, &str); 4] = [
    ("ca-1", "one", "ca"),
    ("ca-2", "two", "ca"),
    ("catalog-1", "front", "catalog"),
    ("front-end", "front", "front-end"),
];

/// Certnames: what the configuration says, and a server that takes the directory over at the end.
pub const FRONT_END: &str = "bunraku-front-end";
pub const OPERATOR: &str = "bunraku-operator";
pub const SUCCESSOR: &str = "puppet.example.com";

/// How an estate differs from the usual.
#[derive(Default)]
pub struct Plan {
    /// Hosts whose CA directory is on a disk of its own, and its size in KiB.
    pub small_disks: &'static [(&'static str, u32)],
    /// Process, and how far its clock is off, in `faketime`'s words.
    pub wrong_clock: Option<(&'static str, &'static str)>,
    /// Requests wait for the operator.
    pub unsigned: bool,
}

pub struct Estate {
    pub network: Network,
    root: Option<tempfile::TempDir>,
    plan: Plan,
    running: Mutex<BTreeMap<&'static str, Child>>,
}

impl Estate {
    pub fn start() -> Estate {
        Estate::start_with(Plan::default())
    }

    /// Makes the directories of all hosts, starts everything, and waits until both CAs are in sync.
    pub fn start_with(plan: Plan) -> Estate {
        let root = tempfile::Builder::new().prefix("hosts").tempdir().unwrap();
        furnish(root.path(), &plan);
        let estate = Estate { network: Network::make(), root: Some(root), plan, running: Mutex::default() };
        for (name, ..) in PROCESSES {
            estate.run(name);
        }
        estate.wait_until_home();
        estate
    }

    pub fn root(&self) -> &Path {
        self.root.as_ref().unwrap().path()
    }

    pub fn host(&self, host: &str) -> PathBuf {
        self.root().join(host)
    }

    /// The CA directory of a member.
    pub fn cadir(&self, name: &str) -> PathBuf {
        self.host(host_of(name)).join("ca")
    }

    /// Starts a process.
    pub fn run(&self, name: &'static str) {
        let (_, host, role) = *PROCESSES.iter().find(|(known, ..)| *known == name).unwrap();
        let home = self.host(host);
        let log = home.join("log").join(format!("{name}.log"));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        // It must not outlive a test run that is killed.
        let mut command = self.network.command(host, "setpriv");
        command
            .args(["--pdeathsig", "KILL", BUNRAKU])
            .args(["serve", "--role", role, "--name", name, "--config"])
            .arg(home.join("bunraku.toml"));
        if let Some((_, offset)) = self.plan.wrong_clock.filter(|(wrong, _)| *wrong == name) {
            command.env("LD_PRELOAD", super::clocks::LIBRARY).env("FAKETIME", offset);
            // Waiting goes on at its pace: what is wrong is the time of day.
            command.env("DONT_FAKE_MONOTONIC", "1");
        }
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let before = self.running.lock().unwrap().insert(name, child);
        assert!(before.is_none(), "{name} runs already");
    }

    fn signal(&self, name: &str, signal: Signal) {
        let running = self.running.lock().unwrap();
        let child = running.get(name).unwrap_or_else(|| panic!("{name} does not run"));
        kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal).unwrap();
    }

    /// `kill -9`.
    pub fn kill(&self, name: &str) {
        self.signal(name, Signal::KILL);
        let child = self.running.lock().unwrap().remove(name);
        child.unwrap().wait().unwrap();
    }

    /// SIGSTOP.
    pub fn pause(&self, name: &str) {
        self.signal(name, Signal::STOP);
    }

    /// SIGCONT.
    pub fn wake(&self, name: &str) {
        self.signal(name, Signal::CONT);
    }

    pub fn runs(&self, name: &str) -> bool {
        self.running.lock().unwrap().contains_key(name)
    }

    /// Ends everything in order; the directories stay.
    pub fn end(&self) {
        for (name, mut child) in std::mem::take(&mut *self.running.lock().unwrap()) {
            let pid = Pid::from_raw(child.id() as i32).unwrap();
            let _ = kill_process(pid, Signal::CONT);
            let _ = kill_process(pid, Signal::TERM);
            let began = Instant::now();
            while child.try_wait().unwrap().is_none() {
                if began.elapsed() > Duration::from_secs(20) {
                    eprintln!("{name} did not end: killed");
                    let _ = child.kill();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The command line, on the front end's host.
    pub fn bunraku(&self, words: &[&str]) -> std::process::Output {
        let mut command = self.network.command("front", BUNRAKU);
        command.args(words).arg("--config").arg(self.host("front").join("bunraku.toml")).output().unwrap()
    }

    /// What `bunraku status` says; `Null` while the front end does not answer.
    pub fn status(&self) -> Value {
        serde_json::from_slice(&self.bunraku(&["status", "--json"]).stdout).unwrap_or_default()
    }

    pub fn active(&self) -> Option<String> {
        self.status()["ca"]["active"].as_str().map(str::to_owned)
    }

    pub fn wait_until_active(&self, name: &str) {
        wait_until(&format!("{name} is active"), || self.active().as_deref() == Some(name));
    }

    /// Waits until the preferred CA is primary and both are in sync.
    pub fn wait_until_home(&self) {
        let mut last = Value::Null;
        wait_until_seen("ca-1 is active and both CAs are in sync", || {
            last = self.status();
            let members = last["ca"]["members"].as_array().cloned().unwrap_or_default();
            let home = last["ca"]["active"] == "ca-1" && members.iter().all(|m| m["in_sync"] == true);
            if home { Ok(()) } else { Err(last.to_string()) }
        });
    }

    /// Waits until the member is not counted upon any more.
    pub fn wait_until_out(&self, name: &str) {
        wait_until(&format!("{name} is out of the in-sync set"), || {
            let status = self.status();
            let members = status["ca"]["members"].as_array().cloned().unwrap_or_default();
            members.iter().any(|member| member["name"] == name && member["in_sync"] == false)
        });
    }

    pub fn log(&self, host: &str, file: &str) -> String {
        std::fs::read_to_string(self.host(host).join("log").join(file)).unwrap_or_default()
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            for (name, host, _) in PROCESSES {
                tell_end(name, &self.log(host, &format!("{name}.log")));
            }
            tell_end("front_end_error.log", &self.log("front", "front_end_error.log"));
        }
        for (host, _) in self.plan.small_disks {
            let _ = Command::new("umount").arg("--lazy").arg(self.host(host).join("ca")).status();
        }
        if std::thread::panicking() && std::env::var_os("BUNRAKU_KEEP").is_some() {
            eprintln!("left as it is: {}", self.root.take().unwrap().keep().display());
        }
    }
}

fn tell_end(name: &str, log: &str) {
    let tail: Vec<&str> = log.lines().rev().take(40).collect();
    eprintln!("--- {name}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
}

pub fn host_of(name: &str) -> &'static str {
    PROCESSES.iter().find(|(known, ..)| *known == name).unwrap().1
}

/// Makes the directories: a P-256 CA on host `one`, nothing on `two`, certificates for everybody everywhere.
fn furnish(root: &Path, plan: &Plan) {
    for host in ["front", "one", "two"] {
        let home = root.join(host);
        for folder in [
            "log",
            "reports",
            "ssl/certs",
            "ssl/private_keys",
            "ssl/public_keys",
            "code/environments/production/manifests",
        ] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let site = "notify { 'hosts': message => 'Served on hosts of its own.' }\n";
        std::fs::write(home.join("code/environments/production/manifests/site.pp"), site).unwrap();
        std::fs::write(home.join("bunraku.toml"), configuration(plan)).unwrap();
    }
    for (host, kib) in plan.small_disks {
        let at = root.join(host).join("ca");
        std::fs::create_dir(&at).unwrap();
        let size = format!("size={kib}k,mode=750");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "small"]).arg(&at).status();
        assert!(mounted.unwrap().success(), "mount");
    }
    // Made beside and copied: a new authority appears by a rename, which no mounted disk bears.
    let cadir = root.join("made");
    let day = 86_400;
    let options =
        SetupOptions { ca_name: "Puppet CA: hosts".to_owned(), key: KeyKind::EcP256, ca_ttl: 365 * day };
    ca::setup(&cadir, &options, |_| {}).unwrap();
    let names = [FRONT_END, "bunraku-catalog-1", "bunraku-ca-1", "bunraku-ca-2", OPERATOR, SUCCESSOR];
    let wanted: Vec<RoleRequest> = names
        .iter()
        .map(|name| RoleRequest {
            certname: Certname::parse(name).unwrap(),
            key: KeyKind::EcP256,
            alt_names: vec![AltName::Dns("puppet".to_owned()), AltName::Dns("localhost".to_owned())],
            cli_auth: matches!(*name, OPERATOR | SUCCESSOR),
            ttl: 365 * day,
        })
        .collect();
    for made in ca::issue_role_certificates(&cadir, "ca-1", &wanted).unwrap() {
        for host in ["front", "one", "two"] {
            let ssl = root.join(host).join("ssl");
            let name = made.certname.as_str();
            std::fs::write(ssl.join(format!("certs/{name}.pem")), &made.certificate_pem).unwrap();
            std::fs::write(ssl.join(format!("private_keys/{name}.pem")), &made.key_pem).unwrap();
            std::fs::write(ssl.join(format!("public_keys/{name}.pem")), &made.public_key_pem).unwrap();
            std::fs::copy(cadir.join("ca_crt.pem"), ssl.join("certs/ca.pem")).unwrap();
            std::fs::copy(cadir.join("ca_crl.pem"), ssl.join("crl.pem")).unwrap();
        }
    }
    let place = root.join("one/ca");
    std::fs::create_dir_all(&place).unwrap();
    let copied = Command::new("cp").arg("-a").arg(cadir.join(".")).arg(&place).status();
    assert!(copied.unwrap().success(), "cp");
}

fn configuration(plan: &Plan) -> String {
    let autosign = !plan.unsigned;
    let mut text = format!(
        "version = 1\ncluster = \"hosts\"\n[main]\nserver = \"puppet\"\n[ca]\nautosign = {autosign}\n\
         max_pending_per_source = 100000\nmax_pending = 100000\n\
         [front_end]\nname = \"front-end\"\nlisten = \"{front}:8140\"\nfailback_after = \"500ms\"\n\
         [[catalog.worker]]\nname = \"catalog-1\"\naddress = \"{front}:18140\"\ncertname = \"bunraku-catalog-1\"\n",
        front = Network::address("front")
    );
    for (name, host) in [("ca-1", "one"), ("ca-2", "two")] {
        let address = Network::address(host);
        text += &format!(
            "[[ca.member]]\nname = \"{name}\"\naddress = \"{address}:{CA_PORT}\"\ncertname = \"bunraku-{name}\"\n\
             cadir = \"ca\"\n"
        );
    }
    text
}

/// Waits until `condition` holds; one that never does fails the test with its name.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_until_seen(what, || if condition() { Ok(()) } else { Err(String::new()) });
}

/// The same; a condition that does not hold says what there is instead.
pub fn wait_until_seen(what: &str, mut condition: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    while let Err(instead) = condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited in vain until {what}: {instead}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
