//! Three hosts as network namespaces on a bridge: an etcd on each, a front end and a CA on two of them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::MutexGuard;
use std::time::Duration;

use serde_json::Value;

use super::deployment::{BUNRAKU, text, turn, wait_until};

/// Addresses end in the host's number, the test itself has 254.
const NET: &str = "10.177.0";
const BRIDGE: &str = "bunraku-br";

/// The ports of the roles, on each host that has one.
pub const FRONT_END: u16 = 8140;
const CA_1: u16 = 18_142;
const CA_2: u16 = 18_143;

/// A process on a host.
struct Running {
    name: String,
    child: Child,
}

/// The whole estate. Host 1: front-end, ca-1, etcd-1. Host 2: front-end-2, ca-2, etcd-2. Host 3: etcd-3.
pub struct Hosts {
    root: tempfile::TempDir,
    running: Vec<Running>,
    rules: Vec<(u8, Vec<String>)>,
    _turn: MutexGuard<'static, ()>,
}

impl Hosts {
    /// Starts everything and waits until both CAs are in sync for both front ends.
    pub fn start() -> Hosts {
        let turn = turn();
        sweep();
        let root = tempfile::tempdir().unwrap();
        let mut hosts = Hosts { root, running: Vec::new(), rules: Vec::new(), _turn: turn };
        hosts.connect();
        hosts.prepare();
        for number in 1..=3 {
            hosts.start_process(&format!("etcd-{number}"));
        }
        for name in ["front-end", "front-end-2", "ca-1", "ca-2"] {
            hosts.start_process(name);
        }
        hosts.wait_until_home();
        hosts
    }

    fn connect(&self) {
        run(&format!("ip link add {BRIDGE} type bridge"));
        run(&format!("ip addr add {NET}.254/24 dev {BRIDGE}"));
        run(&format!("ip link set {BRIDGE} up"));
        for number in 1..=3 {
            let ns = namespace(number);
            run(&format!("ip netns add {ns}"));
            run(&format!("ip link add bunraku-v{number} type veth peer name eth0 netns {ns}"));
            run(&format!("ip link set bunraku-v{number} master {BRIDGE} up"));
            run(&format!("ip -n {ns} addr add {NET}.{number}/24 dev eth0"));
            run(&format!("ip -n {ns} link set eth0 up"));
            run(&format!("ip -n {ns} link set lo up"));
        }
    }

    /// As docs/CLUSTER.md says: etcd's own CA, the configuration, `up --prepare`, a copy for the second host.
    fn prepare(&self) {
        let etcd = self.path("etcd-ca");
        let names: Vec<String> = (1..=3).map(|number| format!("IP:{NET}.{number}")).collect();
        let made = Command::new(BUNRAKU)
            .args(["ca", "setup", "--ca-name", "etcd", "--key", "ec", "--certname", "etcd-1"])
            .args(["--subject-alt-names", &names.join(",")])
            .arg("--cadir")
            .arg(&etcd)
            .arg("--ssldir")
            .arg(self.path("etcd-ssl"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        let data = self.data(1);
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("bunraku.toml"), self.configuration()).unwrap();
        let prepared = Command::new(BUNRAKU)
            .args(["up", "--prepare", "--ca-key", "ec", "--dir"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(prepared.status.success(), "{}", text(&prepared.stderr));
        run(&format!("cp -a {} {}", data.display(), self.data(2).display()));
        // The second CA has nothing of its own: it gets everything from the first.
        std::fs::remove_dir_all(self.data(2).join("ssl/ca")).unwrap();
    }

    fn configuration(&self) -> String {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bunraku.example.toml");
        let mut config = std::fs::read_to_string(example).unwrap();
        let endpoints: Vec<String> =
            (1..=3).map(|number| format!("\"https://{NET}.{number}:2379\"")).collect();
        let (etcd, ssl) = (self.path("etcd-ca"), self.path("etcd-ssl"));
        let register = format!(
            "kind = \"etcd\"\nendpoints = [{}]\nca = \"{}/ca_crt.pem\"\ncertificate = \"{}/certs/etcd-1.pem\"\n\
             key = \"{}/private_keys/etcd-1.pem\"",
            endpoints.join(", "),
            etcd.display(),
            ssl.display(),
            ssl.display()
        );
        let second = format!(
            "[[front_end.further]]\nname = \"front-end-2\"\nlisten = \"{NET}.2:{FRONT_END}\"\n\
             certname = \"bunraku-front-end-2\"\n\n[register]"
        );
        for (from, to) in [
            ("cluster = \"unnamed\"", "cluster = \"scenario\"".to_string()),
            ("autosign = false", "autosign = true".to_string()),
            ("\"127.0.0.1:18142\"", format!("\"{NET}.1:{CA_1}\"")),
            ("\"127.0.0.1:18143\"", format!("\"{NET}.2:{CA_2}\"")),
            ("\"127.0.0.1:8140\"", format!("\"{NET}.1:{FRONT_END}\"")),
            ("kind = \"embedded\"", register),
            ("\n[register]", format!("\n{second}")),
        ] {
            assert!(config.contains(from), "{from}");
            config = config.replacen(from, &to, 1);
        }
        config
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The deployment's directory on a host.
    fn data(&self, host: u8) -> PathBuf {
        self.path(&format!("host-{host}"))
    }

    pub fn cadirs(&self) -> [PathBuf; 2] {
        [self.data(1).join("ssl/ca"), self.data(2).join("ssl/ca.standby")]
    }

    /// Starts a role, or an etcd, on the host where it belongs.
    pub fn start_process(&mut self, name: &str) {
        let host = host_of(name);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace(host)]);
        if name.starts_with("etcd") {
            self.etcd(&mut command, name, host);
        } else {
            let role = if name.starts_with("ca") { "ca" } else { "front-end" };
            command.arg(BUNRAKU).args(["serve", "--role", role, "--name", name, "--config"]);
            command.arg(self.data(host).join("bunraku.toml"));
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log_path(name)).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|fault| panic!("{name}: {fault}"));
        self.running.push(Running { name: name.to_string(), child });
    }

    fn etcd(&self, command: &mut Command, name: &str, host: u8) {
        let (client, peer) = (format!("https://{NET}.{host}:2379"), format!("http://{NET}.{host}:2380"));
        let all: Vec<String> = (1..=3).map(|n| format!("etcd-{n}=http://{NET}.{n}:2380")).collect();
        let ssl = self.path("etcd-ssl");
        command.args(["etcd", "--name", name, "--data-dir"]).arg(self.path(name));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &all.join(","), "--client-cert-auth"]);
        command.arg("--trusted-ca-file").arg(self.path("etcd-ca/ca_crt.pem"));
        command.arg("--cert-file").arg(ssl.join("certs/etcd-1.pem"));
        command.arg("--key-file").arg(ssl.join("private_keys/etcd-1.pem"));
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.log"))
    }

    /// What the error log of a host's front end says.
    pub fn errors(&self, host: u8) -> String {
        std::fs::read_to_string(self.data(host).join("log/front_end_error.log")).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(&mut self, name: &str) {
        let at = self.running.iter().position(|one| one.name == name).expect(name);
        let mut gone = self.running.remove(at);
        gone.child.kill().unwrap();
        gone.child.wait().unwrap();
    }

    /// A firewall on the host of `target` that rejects connections to that role; `from` one host only, or from all.
    pub fn reject(&mut self, from: Option<u8>, target: &str) {
        let (host, port) = match target {
            "ca-1" => (1, CA_1),
            "ca-2" => (2, CA_2),
            _ => panic!("no rule for {target}"),
        };
        let from = from.map_or("0.0.0.0/0".to_string(), |host| format!("{NET}.{host}"));
        let rule =
            format!("INPUT -p tcp -s {from} --dport {port} -j REJECT --reject-with icmp-host-prohibited");
        let rule: Vec<String> = rule.split(' ').map(str::to_string).collect();
        iptables(host, "-I", &rule);
        self.rules.push((host, rule));
    }

    /// Takes all rules away.
    pub fn open(&mut self) {
        for (host, rule) in self.rules.drain(..) {
            iptables(host, "-D", &rule);
        }
    }

    /// The status of a front end, as the command line shows it; none while it does not answer.
    pub fn status(&self, front_end: &str) -> Option<Value> {
        let output = Command::new(BUNRAKU)
            .args(["status", "--json", "--front-end", front_end, "--config"])
            .arg(self.data(host_of(front_end)).join("bunraku.toml"))
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Waits until the status of a front end satisfies `good`.
    pub fn wait_for(&self, front_end: &str, what: &str, good: impl Fn(&Value) -> bool) {
        wait_until(&format!("{front_end}: {what}"), Duration::from_secs(30), || {
            self.status(front_end).is_some_and(|status| good(&status))
        });
    }

    /// Waits until `ca-1` is primary and both are in sync, for both front ends.
    pub fn wait_until_home(&self) {
        for front_end in ["front-end", "front-end-2"] {
            self.wait_for(front_end, "ca-1 is active and both CAs are in sync", |status| {
                let members = status["ca"]["members"].as_array().unwrap();
                status["ca"]["active"] == "ca-1"
                    && members.iter().all(|member| member["in_sync"] == true)
                    && status["register"]["answers"] == true
            });
        }
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for one in &mut self.running {
            // One that has ended by itself is what the test found.
            let _ = one.child.kill();
            let _ = one.child.wait();
        }
        if std::thread::panicking() {
            for name in ["front-end", "front-end-2", "ca-1", "ca-2", "etcd-1"] {
                let log = std::fs::read_to_string(self.log_path(name)).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(15).collect();
                eprintln!("--- {name}\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
            for host in [1, 2] {
                eprintln!("--- errors of host {host}\n{}", self.errors(host));
            }
        }
        sweep();
    }
}

/// What host a role lives on.
fn host_of(name: &str) -> u8 {
    match name.rsplit('-').next() {
        Some("2") => 2,
        Some("3") => 3,
        _ => 1,
    }
}

/// The address of a host's front end.
pub fn front_end_at(host: u8) -> String {
    format!("{NET}.{host}:{FRONT_END}")
}

fn namespace(number: u8) -> String {
    format!("bunraku-h{number}")
}

fn iptables(host: u8, action: &str, rule: &[String]) {
    let status = Command::new("ip")
        .args(["netns", "exec", &namespace(host), "iptables", "-w", action])
        .args(rule)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "iptables {action} {rule:?} on host {host}");
}

/// Removes what this run, or one that was interrupted, has made of the network.
fn sweep() {
    for number in 1..=3 {
        quietly(&format!("ip netns del {}", namespace(number)));
        quietly(&format!("ip link del bunraku-v{number}"));
    }
    quietly(&format!("ip link del {BRIDGE}"));
}

fn quietly(line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    // It need not be there.
    let _ = Command::new(words[0]).args(&words[1..]).output();
}

fn run(line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|e| panic!("{line}: {e}"));
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
}
