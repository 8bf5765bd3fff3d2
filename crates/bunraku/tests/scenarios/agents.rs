//! The two agents: Debian's `puppet agent`, and `bunraku agent`.

use std::path::PathBuf;
use std::process::Command;

use super::deployment::{BUNRAKU, Deployment, text};

/// Which program plays the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Puppet,
    Bunraku,
}

pub const BOTH: [Kind; 2] = [Kind::Puppet, Kind::Bunraku];

/// One node with its own files.
pub struct Agent {
    kind: Kind,
    certname: String,
    home: PathBuf,
    port: u16,
}

/// What one run came to.
pub struct Run {
    pub code: i32,
    /// stdout and stderr, without colours.
    pub said: String,
}

impl Agent {
    pub fn new(kind: Kind, certname: &str, deployment: &Deployment) -> Agent {
        let home = deployment.scratch(&format!("agents/{certname}"));
        Agent { kind, certname: certname.to_string(), home, port: deployment.port }
    }

    /// Its `ssldir`.
    pub fn ssl(&self) -> PathBuf {
        self.home.join("ssl")
    }

    /// Where it keeps the CA's certificates.
    pub fn ca_bundle(&self) -> PathBuf {
        self.home.join("ssl/certs/ca.pem")
    }

    /// `agent --test` and more flags.
    pub fn run(&self, flags: &[&str]) -> Run {
        let mut command = match self.kind {
            Kind::Puppet => Command::new("puppet"),
            Kind::Bunraku => Command::new(BUNRAKU),
        };
        command.args(["agent", "--test", "--certname", &self.certname, "--server", "localhost"]);
        command.args(["--serverport", &self.port.to_string()]);
        for (flag, folder) in [("--confdir", "conf"), ("--vardir", "var"), ("--ssldir", "ssl")] {
            command.arg(flag).arg(self.home.join(folder));
        }
        if self.kind == Kind::Puppet {
            // Without this flag our agent takes a P-256 key; Puppet's takes seconds for RSA-4096.
            command.args(["--keylength", "2048", "--color", "false"]);
            command.arg("--rundir").arg(self.home.join("run")).arg("--logdir").arg(self.home.join("log"));
        }
        let output = command.args(flags).output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        let code = output.status.code().unwrap_or(-1);
        eprintln!(
            "$ {:?} agent --test --certname {} {flags:?}\n{said}[exit {code}]",
            self.kind, self.certname
        );
        Run { code, said }
    }
}
