//! `bunraku ca sync` on two directories of Puppet Server's own: what a nightly rsync was for.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use pki::Certificate;
use pki::crl::RevocationList;

use super::hosts::{self, Host, csr, run};
use super::theirs::PuppetServer;

#[tokio::test(flavor = "multi_thread")]
async fn two_directories_of_puppet_server_are_brought_in_step() {
    let root = hosts::temporary();
    let host = Host::set_up(&root.path().join("primary"));
    let standby = Host { root: root.path().join("standby") };
    let puppet = PuppetServer::start(&host);
    let askers = host.askers(puppet.port, None);
    for name in ["kept.example.com", "goes.example.com"] {
        askers.submit(name, csr(name)).await;
        askers.change(name, "signed").await;
    }
    askers.submit("waits.example.com", csr("waits.example.com")).await;
    // A puppet.conf of its own, then the copy that a cron job would have made.
    hosts::copy(&host.root, &standby.root);
    let conf = std::fs::read_to_string(host.puppet_conf()).unwrap();
    let (from, to) = (host.root.display().to_string(), standby.root.display().to_string());
    std::fs::write(standby.puppet_conf(), conf.replace(&from, &to)).unwrap();
    askers.change("goes.example.com", "revoked").await;
    puppet.stop();

    // Nothing there that is not here: it becomes the same.
    let said = sync(&host, &standby, &[]);
    assert!(said.status.success(), "{}", text(&said));
    assert_eq!(files(&host.cadir()), files(&standby.cadir()));

    // Something was signed there, by Puppet Server's own tool, which gives numbers out of that directory.
    generate(&standby, "only-there.example.com");
    let before = files(&standby.cadir());
    let refused = sync(&host, &standby, &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("only-there.example.com"), "{}", text(&refused));
    assert!(text(&refused).contains("nothing was done"), "{}", text(&refused));
    assert_eq!(files(&standby.cadir()), before, "it was refused, and something has changed");
    let planned = sync(&host, &standby, &["--merge", "--dry-run"]);
    assert!(planned.status.success(), "{}", text(&planned));
    assert_eq!(files(&standby.cadir()), before);
    let merged = sync(&host, &standby, &["--merge"]);
    assert!(merged.status.success(), "{}", text(&merged));
    assert!(standby.cadir().join("signed/only-there.example.com.pem").exists());

    // The judge: Puppet Server starts on it and serves all of it, and the next number is a new one.
    let puppet = PuppetServer::start(&standby);
    let askers = standby.askers(puppet.port, None);
    let mut serials = BTreeMap::new();
    for name in ["kept.example.com", "goes.example.com", "only-there.example.com"] {
        let file = std::fs::read_to_string(standby.cadir().join(format!("signed/{name}.pem"))).unwrap();
        assert_eq!(askers.certificate(name).await, file);
        serials.insert(serial(&file), name);
    }
    assert_eq!(serials.len(), 3, "{serials:?}");
    askers.change("waits.example.com", "signed").await;
    let new = serial(&askers.certificate("waits.example.com").await);
    assert!(!serials.contains_key(&new), "{new} was given before");
    let list = std::fs::read(standby.cadir().join("ca_crl.pem")).unwrap();
    let list = RevocationList::all_from_pem(&list).unwrap();
    let gone = std::fs::read(standby.cadir().join("signed/goes.example.com.pem")).unwrap();
    let gone = Certificate::from_pem(&gone).unwrap().serial();
    assert!(list.iter().any(|list| list.contains(&gone)), "a revocation is lost");
    // Under a server that may be writing nothing is done, unless somebody knows better.
    let running = command(&host, &standby, &[]).output().unwrap();
    assert!(
        !running.status.success() && text(&running).contains("a Puppet Server runs"),
        "{}",
        text(&running)
    );
    puppet.stop();

    // Both have gone on, each for itself: a number twice. That takes a person.
    generate(&host, "elsewhere.example.com");
    let before = files(&standby.cadir());
    let refused = sync(&host, &standby, &["--merge"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    assert!(text(&refused).contains("repeated-serial"), "{}", text(&refused));
    assert_eq!(files(&standby.cadir()), before);
}

/// `puppetserver ca generate --ca-client`: signs with the key in the directory, without a server.
fn generate(host: &Host, name: &str) {
    run(Command::new("puppetserver")
        .args(["ca", "generate", "--ca-client", "--force", "--certname", name, "--config"])
        .arg(host.puppet_conf()));
}

/// Other tests on this machine may have their own Puppet Servers at work.
fn sync(from: &Host, to: &Host, flags: &[&str]) -> Output {
    command(from, to, flags).arg("--puppetserver-elsewhere").output().unwrap()
}

fn command(from: &Host, to: &Host, flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bunraku"));
    command.args(["ca", "sync"]).args(flags).arg(from.cadir()).arg(to.cadir());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn serial(pem: &str) -> String {
    Certificate::from_pem(pem.as_bytes()).unwrap().serial().to_string()
}

/// Every file below a directory, with its content.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}
