//! The real clients, `puppetserver ca` and `puppet ssl`, in the same words to both servers: what they print and how they
//! end must be the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::hosts::{Host, SERVER};

/// One side: a host, its server's port, and a folder for what its clients keep.
pub struct Side<'a> {
    host: &'a Host,
    port: u16,
    clients: PathBuf,
}

impl Side<'_> {
    pub fn new(host: &Host, port: u16) -> Side<'_> {
        let clients = host.root.join("clients");
        std::fs::create_dir_all(&clients).unwrap();
        let side = Side { host, port, clients };
        let place = host.root.display();
        let settings = format!(
            "[main]\ncertname = {SERVER}\nserver = localhost\nca_server = localhost\nserverport = {port}\n\
             ca_port = {port}\nmasterport = {port}\nssldir = {place}/ssl\ncadir = {place}/ca\nkeylength = 2048\n"
        );
        std::fs::write(side.conf(), settings).unwrap();
        side
    }

    fn conf(&self) -> PathBuf {
        self.clients.join("puppet.conf")
    }

    fn run(&self, words: &[&str]) -> String {
        let mut command = match words {
            ["puppetserver", "ca", action @ ..] => {
                let script = "require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)";
                let mut command = Command::new("ruby");
                command.args(["-e", script, "--"]).args(action).arg("--config").arg(self.conf());
                command
            }
            ["puppet", "ssl", action, certname, flags @ ..] => {
                let home = self.clients.join(certname);
                let mut command = Command::new("puppet");
                command.args(["ssl", action, "--certname", certname, "--server", "localhost"]).args(flags);
                command.args([
                    "--serverport",
                    &self.port.to_string(),
                    "--keylength",
                    "2048",
                    "--color",
                    "false",
                ]);
                for (flag, folder) in [
                    ("--confdir", "conf"),
                    ("--vardir", "var"),
                    ("--ssldir", "ssl"),
                    ("--rundir", "run"),
                    ("--logdir", "log"),
                ] {
                    command.arg(flag).arg(home.join(folder));
                }
                command
            }
            other => panic!("{other:?} is no command of these"),
        };
        let output = command.output().unwrap();
        let said = format!(
            "{}{}[exit {:?}]",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            output.status.code()
        );
        let mut lines = self.alike(&said);
        // A server answers with names in any order.
        if words.contains(&"list") {
            lines.sort();
        }
        lines.join("\n")
    }

    /// The lines, without what is its own: paths, port, times, fingerprints and keys of certificates that it made itself.
    fn alike(&self, said: &str) -> Vec<String> {
        let said = said.replace(&self.host.root.display().to_string(), "HOST");
        let said = said.replace(&format!(":{}", self.port), ":PORT");
        let mut lines = Vec::new();
        for line in said.lines() {
            let octets = line.trim().trim_end_matches(':');
            if is_octets(octets) {
                continue;
            }
            let line = ["Not Before: ", "Not After : "]
                .iter()
                .fold(line, |line, time| line.find(time).map_or(line, |at| &line[..at + time.len()]));
            let words = line.split(' ').map(|word| if is_digest(word) { "DIGEST" } else { word });
            lines.push(words.collect::<Vec<_>>().join(" "));
        }
        lines
    }
}

/// A digest, perhaps in quotes or followed by a name's details.
fn is_digest(word: &str) -> bool {
    let word = word.split('\t').next().unwrap_or_default();
    let word = word.trim_matches(|c: char| !c.is_ascii_hexdigit());
    word.len() >= 59 && is_octets(word)
}

/// Pairs of hexadecimal digits with colons between them.
fn is_octets(text: &str) -> bool {
    text.split(':').all(|pair| pair.len() == 2 && pair.chars().all(|c| c.is_ascii_hexdigit()))
}

/// What the clients are told to do, in this order.
const COMMANDS: &[&str] = &[
    "puppetserver ca list",
    "puppetserver ca list --all",
    "puppetserver ca list --certname agent1.example.com,nosuch.example.com",
    "puppetserver ca list --certname gen2.example.com --format json",
    "puppet ssl submit_request one.example.com",
    "puppet ssl submit_request one.example.com",
    "puppet ssl download_cert one.example.com",
    "puppet ssl verify one.example.com",
    "puppet ssl bootstrap two.example.com --waitforcert 0",
    "puppetserver ca list",
    "puppetserver ca revoke --certname one.example.com",
    "puppetserver ca sign --certname one.example.com --ttl 2d",
    "puppetserver ca sign --certname one.example.com",
    "puppetserver ca sign --certname nosuch.example.com,two.example.com",
    "puppet ssl download_cert one.example.com",
    "puppet ssl verify one.example.com",
    "puppet ssl submit_request one.example.com",
    "puppet ssl bootstrap two.example.com --waitforcert 0",
    "puppet ssl show two.example.com",
    "puppetserver ca sign --all",
    "puppetserver ca revoke --certname two.example.com",
    "puppetserver ca revoke --certname two.example.com,nosuch.example.com,gen2.example.com",
    "puppet ssl verify two.example.com",
    "puppetserver ca clean --certname two.example.com",
    "puppetserver ca clean --certname two.example.com",
    "puppetserver ca clean --certname nosuch.example.com,one.example.com",
    "puppet ssl clean two.example.com",
    "puppet ssl clean one.example.com",
    "puppetserver ca generate --certname three.example.com",
    "puppetserver ca generate --certname three.example.com",
    "puppetserver ca generate --certname four.example.com --ttl 1h",
    "puppetserver ca generate --certname five.example.com --subject-alt-names other.example.com",
    "puppetserver ca generate --certname Six.example.com",
    "puppetserver ca clean --certname five.example.com",
    "puppetserver ca list --all",
    "puppetserver ca generate --certname seven.example.com --ca-client",
    "puppetserver ca prune",
    "puppetserver ca enable --infracrl",
    // The rest of the suite compares certificates, and these have keys that the clients made.
    "puppetserver ca clean --certname three.example.com,four.example.com",
];

/// Runs them all on both sides. What was not the same.
pub fn differences(theirs: &Side<'_>, ours: &Side<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for line in COMMANDS {
        let words: Vec<&str> = line.split(' ').collect();
        let (there, here) = (theirs.run(&words), ours.run(&words));
        if there != here {
            found.push(format!("$ {line}\n--- with Puppet Server\n{there}\n--- with Bunraku\n{here}"));
        }
    }
    assert!(told(&theirs.clients), "the clients of Puppet Server got no certificate");
    found
}

/// Whether the agent has fetched certificates at all: two empty sides are alike, too.
fn told(clients: &Path) -> bool {
    clients.join("two.example.com/ssl").exists()
}
