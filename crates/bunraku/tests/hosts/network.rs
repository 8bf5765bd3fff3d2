//! Hosts as network namespaces on one bridge, which is in a namespace too: nothing of it touches this machine's network.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The hosts, and the last number of their addresses.
pub const HOSTS: [(&str, u8); 4] = [("front", 1), ("one", 2), ("two", 3), ("client", 4)];

/// The port on which the CAs listen, each on its host.
pub const CA_PORT: u16 = 8141;

static MADE: AtomicU32 = AtomicU32::new(0);

/// The hosts, gone when dropped.
pub struct Network {
    name: String,
}

/// What becomes of packets that may not pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// The sender is told "host prohibited".
    Reject,
    /// Nobody is told.
    Drop,
}

/// A firewall's rules on a host, removed when dropped.
#[must_use]
pub struct Cut {
    namespace: String,
    rules: Vec<Vec<String>>,
}

impl Network {
    pub fn make() -> Network {
        sweep();
        let name = format!("bunraku{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let network = Network { name };
        let switch = network.namespace("switch");
        ip(&["netns", "add", &switch]);
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"]);
        ip(&["-n", &switch, "link", "set", "bridge", "up"]);
        for (host, number) in HOSTS {
            let at = network.namespace(host);
            let address = format!("{}/24", Network::address(host));
            ip(&["netns", "add", &at]);
            ip(&["-n", &switch, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", &at]);
            ip(&["-n", &switch, "link", "set", host, "master", "bridge", "up"]);
            ip(&["-n", &at, "link", "set", "lo", "up"]);
            ip(&["-n", &at, "link", "set", "eth0", "up"]);
            ip(&["-n", &at, "address", "add", &address, "dev", "eth0"]);
            let own = network.files(host);
            std::fs::create_dir_all(&own).unwrap();
            let names = format!("127.0.0.1 localhost\n10.77.0.1 puppet\n10.77.0.{number} {host}\n");
            std::fs::write(own.join("hosts"), names).unwrap();
        }
        network
    }

    pub fn address(host: &str) -> String {
        let (_, number) = HOSTS.iter().find(|(name, _)| *name == host).unwrap();
        format!("10.77.0.{number}")
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// What `ip netns exec` shows in place of the files of `/etc`.
    fn files(&self, host: &str) -> PathBuf {
        PathBuf::from("/etc/netns").join(self.namespace(host))
    }

    /// The namespace, to step into.
    pub fn door(&self, host: &str) -> PathBuf {
        PathBuf::from("/run/netns").join(self.namespace(host))
    }

    /// A program that will run on a host. It keeps the process id that it is started with.
    pub fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), program]);
        command
    }

    /// One way: nothing from `from` arrives at `to`.
    pub fn cut(&self, from: &str, to: &str, how: How) -> Cut {
        let mut cut = Cut { namespace: self.namespace(to), rules: Vec::new() };
        cut.add(&["-s", &Network::address(from)], how);
        cut
    }

    /// Both ways.
    pub fn part(&self, a: &str, b: &str, how: How) -> [Cut; 2] {
        [self.cut(a, b, how), self.cut(b, a, how)]
    }

    /// Nobody reaches the CA on `host`; its own connections to others go on.
    pub fn close_port(&self, host: &str, how: How) -> Cut {
        let mut cut = Cut { namespace: self.namespace(host), rules: Vec::new() };
        cut.add(&["-p", "tcp", "--dport", &CA_PORT.to_string()], how);
        cut
    }

    /// Pulls the host's network cable, or plugs it in again.
    pub fn plug(&self, host: &str, connected: bool) {
        ip(&["-n", &self.namespace("switch"), "link", "set", host, if connected { "up" } else { "down" }]);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in HOSTS.iter().map(|(host, _)| *host).chain(["switch"]) {
            let _ = Command::new("ip").args(["netns", "delete", &self.namespace(host)]).status();
            let _ = std::fs::remove_dir_all(self.files(host));
        }
        // There may be other networks: it stays unless it is empty.
        let _ = std::fs::remove_dir("/etc/netns");
    }
}

impl Cut {
    fn add(&mut self, what: &[&str], how: How) {
        let target: &[&str] = match how {
            How::Reject => &["-j", "REJECT", "--reject-with", "icmp-host-prohibited"],
            How::Drop => &["-j", "DROP"],
        };
        let rule: Vec<String> = [what, target].concat().iter().map(|word| word.to_string()).collect();
        self.run("-I", &rule);
        self.rules.push(rule);
    }

    fn run(&self, action: &str, rule: &[String]) {
        let status = Command::new("ip")
            .args(["netns", "exec", &self.namespace, "iptables", "-w", action, "INPUT"])
            .args(rule)
            .status();
        assert!(status.is_ok_and(|s| s.success()), "iptables {action} INPUT {rule:?} (root, iptables?)");
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        for rule in &self.rules {
            self.run("-D", rule);
        }
    }
}

/// Removes the namespaces of test runs that were killed.
fn sweep() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix("bunraku").and_then(|rest| rest.split('-').next());
        if pid.is_some_and(|pid| pid.parse::<u32>().is_ok() && !PathBuf::from("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "delete", &name]).status();
            let _ = std::fs::remove_dir_all(PathBuf::from("/etc/netns").join(&name));
        }
    }
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("ip (Debian's package iproute2)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said} (this test needs root)", words.join(" "));
}
