//! A CA directory with two keys, in the hands of Puppet Server: it works with the new one, and leaves what it does not know
//! of alone.

use std::process::Command;

use pki::crl::RevocationList;
use pki::{Certificate, PrivateKey, Signer as _};

use super::case::{Askers, Case, Who};
use super::hosts::{self, Host, csr, run};
use super::ours::Ours;
use super::theirs::PuppetServer;

async fn step(askers: &Askers, body: &str) {
    let step = Case::new("step", "POST", "/bunraku/v1/authority/rollover", Who::Operator).body(body);
    askers.must(200, step).await;
}

async fn enrol(askers: &Askers, name: &str) -> Certificate {
    askers.submit(name, csr(name)).await;
    askers.change(name, "signed").await;
    Certificate::from_pem(askers.certificate(name).await.as_bytes()).unwrap()
}

/// CA certificates, revocation lists and key of the directory.
fn shown(host: &Host) -> (Vec<Certificate>, Vec<RevocationList>, PrivateKey) {
    let read = |name: &str| std::fs::read(host.cadir().join(name)).unwrap();
    (
        Certificate::all_from_pem(&read("ca_crt.pem")).unwrap(),
        RevocationList::all_from_pem(&read("ca_crl.pem")).unwrap(),
        PrivateKey::from_pem(&read("ca_key.pem")).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn puppet_server_works_on_a_directory_with_two_keys() {
    let root = hosts::temporary();
    let host = Host::set_up(&root.path().join("estate"));

    let bunraku = Ours::start(&host).await;
    let askers = host.askers(bunraku.port, None);
    let old = enrol(&askers, "old.example.com").await;
    enrol(&askers, "gone.example.com").await;
    // The root that `puppetserver ca setup` left in the directory signs the new CA's certificate.
    step(&askers, r#"{"action":"new-key","key_type":"rsa2048"}"#).await;
    step(&askers, r#"{"action":"activate","force":true}"#).await;
    askers.change("gone.example.com", "revoked").await;
    let first = enrol(&askers, "first.example.com").await;
    bunraku.stop().await;
    let (bundle, before, key) = shown(&host);
    assert_eq!((bundle.len(), before.len()), (3, 3), "new, old and root");
    assert_eq!(key.spki_der(), bundle[0].spki_der());

    // Puppet Server starts on it, signs with the new key, and keeps the lists of the others.
    let puppet = PuppetServer::start(&host);
    let askers = host.askers(puppet.port, None);
    let theirs = enrol(&askers, "theirs.example.com").await;
    for leaf in [&first, &theirs] {
        leaf.verify(bundle[0].spki_der()).unwrap();
    }
    old.verify(bundle[1].spki_der()).unwrap();
    assert!(theirs.serial() > first.serial());
    askers.change("first.example.com", "revoked").await;
    // The real agent enrols there.
    let ssldir = root.path().join("agent");
    let agent = |action: &str| {
        let port = puppet.port.to_string();
        let mut command = Command::new("puppet");
        command.args(["ssl", action, "--certname", "agent.example.com", "--server", "localhost"]);
        command.args(["--serverport", &port, "--keylength", "2048", "--ssldir"]).arg(&ssldir);
        for (flag, folder) in [("--confdir", "conf"), ("--vardir", "var")] {
            command.arg(flag).arg(root.path().join(folder));
        }
        run(&mut command)
    };
    agent("submit_request");
    askers.change("agent.example.com", "signed").await;
    agent("download_cert");
    assert!(agent("verify").contains("Verified client certificate"));
    puppet.stop();
    let (after_bundle, after, _) = shown(&host);
    assert_eq!(after_bundle, bundle);
    assert!(after[0].verify(bundle[0].spki_der()).is_ok() && after[0].contains(&first.serial()));
    assert!(after.contains(&before[1]) && after.contains(&before[2]), "the other lists are as they were");

    // And back: what Puppet Server did counts, and the former key's certificates can be revoked and retired.
    let bunraku = Ours::start(&host).await;
    let askers = host.askers(bunraku.port, None);
    askers.change("old.example.com", "revoked").await;
    enrol(&askers, "last.example.com").await;
    step(&askers, r#"{"action":"retire","force":true}"#).await;
    bunraku.stop().await;
    let (bundle, lists, _) = shown(&host);
    assert_eq!((bundle.len(), lists.len()), (2, 2));
    assert!(lists[0].contains(&first.serial()) && lists[0].number() > after[0].number());
}
