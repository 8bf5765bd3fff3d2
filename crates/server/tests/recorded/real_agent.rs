//! A real `puppet agent` against the worker, over TLS: it unpacks what is compressed, keeps backups, reports.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use pki::PrivateKey;
use wire::tls::{ClientCertificates, Identity, ServerTls, TrustBundle};
use wire::{Limits, drain, drain::DrainPlan};

use crate::estate::Estate;

const AGENT: &str = "agent2.example.com";

fn private_pem(key: &PrivateKey) -> Vec<u8> {
    key.to_pem().as_bytes().to_vec()
}

fn run_agent(dir: &Path, port: u16) -> Output {
    let place = |name: &str| format!("--{name}={}", dir.join(name).display());
    Command::new("puppet")
        .args(["agent", "--onetime", "--no-daemonize", "--verbose", "--detailed-exitcodes", "--color=false"])
        .args(["--server=localhost", "--certificate_revocation=false", "--no-usecacheonfailure"])
        .arg(format!("--serverport={port}"))
        .arg(format!("--certname={AGENT}"))
        .args([place("confdir"), place("vardir"), place("ssldir"), place("rundir"), place("logdir")])
        .output()
        .expect("puppet is installed")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_agent_applies_backs_up_and_reports() {
    let estate = Estate::new();
    let dir = estate.dir.path().join("agent");
    for folder in ["ssldir/certs", "ssldir/private_keys", "confdir", "vardir"] {
        std::fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let (certificate, key) = estate.certificate_and_key(AGENT);
    std::fs::write(dir.join("ssldir/certs/ca.pem"), estate.authority().to_pem()).unwrap();
    std::fs::write(dir.join(format!("ssldir/certs/{AGENT}.pem")), certificate.to_pem()).unwrap();
    std::fs::write(dir.join(format!("ssldir/private_keys/{AGENT}.pem")), private_pem(&key)).unwrap();

    let tcp = wire::listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = tcp.local_addr().unwrap().port();
    let managed = dir.join("managed.txt");
    let fetched = dir.join("fetched.txt");
    std::fs::write(&managed, "before\n").unwrap();
    let manifest = format!(
        "filebucket {{ 'main': server => 'localhost', port => {port}, path => false }}\n\
         file {{ '{}': content => \"after\\n\", backup => 'main' }}\n\
         file {{ '{}': source => 'puppet:///modules/demo/hello.txt' }}\n\
         Integer[1, 40].each |$n| {{ notify {{ \"number ${{n}}\": }} }}\n",
        managed.display(),
        fetched.display(),
    );
    let manifests = estate.dir.path().join("code/environments/production/manifests");
    std::fs::write(manifests.join("site.pp"), manifest).unwrap();

    let (certificate, key) = estate.certificate_and_key("localhost");
    let identity = Identity::from_pem(certificate.to_pem().as_bytes(), &private_pem(&key)).unwrap();
    let trust = TrustBundle::from_pem(estate.authority().to_pem().as_bytes()).unwrap();
    let tls = ServerTls::new(&identity, trust, ClientCertificates::Optional).unwrap();
    let (handle, drain) = drain::channel();
    let server = tokio::spawn(wire::serve_tls(tcp, tls, Limits::default(), estate.worker.clone(), drain));

    let agent = dir.clone();
    let first = tokio::task::spawn_blocking(move || run_agent(&agent, port)).await.unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&first.stdout), String::from_utf8_lossy(&first.stderr));
    assert_eq!(first.status.code(), Some(2), "{said}");
    assert_eq!(std::fs::read_to_string(&managed).unwrap(), "after\n", "{said}");
    assert_eq!(std::fs::read_to_string(&fetched).unwrap(), "hello file\n", "{said}");
    // Facts that this host does not give are not the server's fault.
    let errors: Vec<&str> =
        said.lines().filter(|line| line.contains("Error:") && !line.contains("Facter:")).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let reports = std::fs::read_dir(estate.dir.path().join("reports").join(AGENT)).unwrap().count();
    assert_eq!(reports, 1);
    let backups = walk(&estate.dir.path().join("bucket"));
    assert_eq!(backups, ["before\n"], "{said}");
    assert!(dir.join("vardir/lib/facter/demofact.rb").is_file(), "pluginsync: {said}");

    handle.begin(DrainPlan::prompt(Duration::from_secs(2)));
    server.await.unwrap();
}

/// What all `contents` below `dir` hold.
fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            found.extend(walk(&entry.path()));
        } else if entry.file_name() == "contents" {
            found.push(std::fs::read_to_string(entry.path()).unwrap());
        }
    }
    found
}
