//! Where an estate of the tests keeps its files: a CA directory made by `puppetserver ca setup`, and keys of those who ask.

use std::path::{Path, PathBuf};
use std::process::Command;

use pki::{KeyKind, PrivateKey, RequestContent};
use wire::client::{Client, Timeouts};
use wire::tls::{ClientTls, Identity, TrustBundle};

use super::case::Askers;

/// The server's certname; its certificate carries `pp_cli_auth`, so it is the operator's too.
pub const SERVER: &str = "puppet.example.com";
/// The node that asks in the suite.
pub const NODE: &str = "agent1.example.com";

/// A directory with everything that one server has.
pub struct Host {
    pub root: PathBuf,
}

impl Host {
    /// `puppetserver ca setup` in `root`: root and intermediate CA (RSA-2048), certificate and key of the server.
    pub fn set_up(root: &Path) -> Host {
        let host = Host { root: root.to_owned() };
        std::fs::create_dir_all(root.join("puppet")).unwrap();
        let place = root.display();
        let settings = format!(
            "[main]\ncertname = {SERVER}\nssldir = {place}/ssl\ncadir = {place}/ca\nkeylength = 2048\n"
        );
        std::fs::write(host.puppet_conf(), settings).unwrap();
        let names = ["--subject-alt-names", "puppet,localhost"];
        run(Command::new("puppetserver")
            .args(["ca", "setup"])
            .args(names)
            .arg("--config")
            .arg(host.puppet_conf()));
        host
    }

    pub fn puppet_conf(&self) -> PathBuf {
        self.root.join("puppet/puppet.conf")
    }

    pub fn cadir(&self) -> PathBuf {
        self.root.join("ca")
    }

    /// The server's own certificate and key, as PEM.
    pub fn server_pems(&self) -> (Vec<u8>, Vec<u8>) {
        let read = |kind: &str| {
            let path = self.root.join(format!("ssl/{kind}/{SERVER}.pem"));
            std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
        };
        (read("certs"), read("private_keys"))
    }

    /// Those who ask the server of this CA at `port`; `node` is the certificate and key of [`NODE`], if it has one yet.
    pub fn askers(&self, port: u16, node: Option<(&str, &PrivateKey)>) -> Askers {
        let bundle = std::fs::read(self.cadir().join("ca_crt.pem")).unwrap();
        let client = |identity: Option<Identity>| {
            let tls = ClientTls::new(identity.as_ref(), TrustBundle::from_pem(&bundle).unwrap()).unwrap();
            Client::new(&format!("https://127.0.0.1:{port}"), tls, Timeouts::default())
                .unwrap()
                .expecting(SERVER)
        };
        let (certificate, key) = self.server_pems();
        let operator = Identity::from_pem(&certificate, &key).unwrap();
        let node =
            node.map(|(pem, key)| Identity::from_pem(pem.as_bytes(), key.to_pem().as_bytes()).unwrap());
        Askers { nobody: client(None), node: client(node), operator: client(Some(operator)) }
    }
}

/// A request for a certificate with a new P-256 key.
pub fn csr(name: &str) -> String {
    csr_with(name, &PrivateKey::generate(KeyKind::EcP256).unwrap(), &RequestContent::default())
}

/// A request for a certificate with `key` that asks for `content`.
pub fn csr_with(name: &str, key: &PrivateKey, content: &RequestContent) -> String {
    pki::Request::build(name, key, content).unwrap().to_pem()
}

/// Runs a program that must succeed. What it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|fault| panic!("{command:?}: {fault}"));
    let printed =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {:?}:\n{printed}", output.status.code());
    printed
}

/// A folder that Puppet Server's user can reach.
pub fn temporary() -> tempfile::TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new().permissions(mode).tempdir().unwrap()
}

/// A copy of a directory with everything that belongs to it: owners, modes, times.
pub fn copy(from: &Path, to: &Path) {
    run(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
