//! Cutting a port on the loopback interface, as an operator would; undone when dropped.

use std::process::Command;

/// A rule of iptables' INPUT chain.
pub struct Rule {
    specification: Vec<String>,
}

impl Rule {
    /// Answers every packet to `port` with "host prohibited": connects fail at once with "No route to host".
    pub fn reject(port: u16) -> Rule {
        Rule::insert(port, &["-j", "REJECT", "--reject-with", "icmp-host-prohibited"])
    }

    /// Swallows every packet to `port`.
    pub fn drop_packets(port: u16) -> Rule {
        Rule::insert(port, &["-j", "DROP"])
    }

    fn insert(port: u16, target: &[&str]) -> Rule {
        let port = port.to_string();
        let mut specification = vec!["INPUT", "-i", "lo", "-p", "tcp", "--dport", &port];
        specification.extend(target);
        let rule = Rule { specification: specification.into_iter().map(str::to_string).collect() };
        rule.run("-I");
        rule
    }

    fn run(&self, action: &str) {
        let status = Command::new("iptables").arg("-w").arg(action).args(&self.specification).status();
        assert!(status.is_ok_and(|s| s.success()), "iptables {action} {:?}", self.specification);
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        self.run("-D");
    }
}
