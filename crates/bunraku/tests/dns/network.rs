//! Two hosts on a cable: `servers`, with an address for each front end and one for the name server, and `client`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Addresses of the front ends.
pub const FRONT_ENDS: [&str; 3] = ["10.78.0.1", "10.78.0.2", "10.78.0.3"];
/// Address of the name server.
pub const NAMES: &str = "10.78.0.10";
const CLIENT: &str = "10.78.0.4";

static MADE: AtomicU32 = AtomicU32::new(0);

/// The hosts, gone when dropped.
pub struct Network {
    name: String,
}

/// How an address is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dead {
    /// Nobody listens there.
    Refused,
    /// Packets vanish.
    Silent,
}

impl Network {
    pub fn make() -> Network {
        let name = format!("dns{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let network = Network { name };
        let [servers, client] = ["servers", "client"].map(|host| network.namespace(host));
        ip(&["netns", "add", &servers]);
        ip(&["netns", "add", &client]);
        ip(&[
            "-n", &servers, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &client,
        ]);
        for (host, addresses) in [(&servers, [&FRONT_ENDS[..], &[NAMES]].concat()), (&client, vec![CLIENT])] {
            ip(&["-n", host, "link", "set", "lo", "up"]);
            ip(&["-n", host, "link", "set", "eth0", "up"]);
            for address in addresses {
                ip(&["-n", host, "address", "add", &format!("{address}/24"), "dev", "eth0"]);
            }
        }
        let own = network.files();
        std::fs::create_dir_all(&own).unwrap();
        // No domain of its own, and nothing from this machine's.
        std::fs::write(own.join("resolv.conf"), format!("nameserver {NAMES}\n")).unwrap();
        std::fs::write(own.join("hosts"), "127.0.0.1 localhost\n").unwrap();
        network
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.name)
    }

    /// What `ip netns exec` shows the client in place of the files of `/etc`.
    fn files(&self) -> PathBuf {
        PathBuf::from("/etc/netns").join(self.namespace("client"))
    }

    /// A program on a host; it ends with the test.
    pub fn command(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), "setpriv", "--pdeathsig", "KILL", program]);
        command
    }

    /// The front end's port at this address is dead.
    pub fn kill(&self, address: &str, how: Dead) {
        let target: &[&str] = match how {
            Dead::Refused => &["-j", "REJECT", "--reject-with", "tcp-reset"],
            Dead::Silent => &["-j", "DROP"],
        };
        let rule = ["-I", "INPUT", "-d", address, "-p", "tcp", "--dport", "8140"];
        self.iptables(&[&rule, target].concat());
    }

    fn iptables(&self, words: &[&str]) {
        let status = self.command("servers", "iptables").arg("-w").args(words).status();
        assert!(status.is_ok_and(|status| status.success()), "iptables {words:?} (root, iptables?)");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in ["servers", "client"] {
            let _ = Command::new("ip").args(["netns", "delete", &self.namespace(host)]).status();
        }
        let _ = std::fs::remove_dir_all(self.files());
        // There may be other networks: it stays unless it is empty.
        let _ = std::fs::remove_dir("/etc/netns");
    }
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("ip (Debian's package iproute2)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said} (this test needs root)", words.join(" "));
}
