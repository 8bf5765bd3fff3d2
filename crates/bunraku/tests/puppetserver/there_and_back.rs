//! One CA directory: Puppet Server, Bunraku, Puppet Server, Bunraku. Each one finds what the last one left, goes on with
//! it, and leaves it whole.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use pki::crl::RevocationList;
use pki::{KeyKind, PrivateKey, RequestContent, Serial};
use serde_json::Value;

use super::case::{Askers, Case, Who};
use super::hosts::{self, Host, csr, csr_with};
use super::ours::Ours;
use super::theirs::PuppetServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_goes_there_and_back_twice() {
    let root = hosts::temporary();
    let host = Host::set_up(&root.path().join("estate"));
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let renewing = "renewing.example.com";
    let mut journal = Journal::default();

    let puppet = PuppetServer::start(&host);
    let askers = host.askers(puppet.port, None);
    askers.submit(renewing, csr_with(renewing, &key, &RequestContent::default())).await;
    askers.change(renewing, "signed").await;
    journal.stay(&askers, Side::Theirs, "first").await;
    let first = askers.certificate(renewing).await;
    puppet.stop();
    journal.check(&host.cadir());

    let bunraku = Ours::start_with(&host, |settings| settings.allow_auto_renewal = true).await;
    journal.arrive(&host.askers(bunraku.port, None)).await;
    let askers = host.askers(bunraku.port, Some((&first, &key)));
    let renew = Case::new("renew", "POST", "/puppet-ca/v1/certificate_renewal", Who::Node);
    let second = askers.must(200, renew).await.text();
    journal.stay(&askers, Side::Ours, "second").await;
    bunraku.stop().await;
    journal.check(&host.cadir());

    let puppet = PuppetServer::start(&host);
    journal.arrive(&host.askers(puppet.port, None)).await;
    // The renewed certificate counts there.
    let askers = host.askers(puppet.port, Some((&second, &key)));
    assert_eq!(askers.certificate(renewing).await, second);
    askers.must(200, Case::new("renewed", "GET", "/puppet-ca/v1/expirations", Who::Node)).await;
    journal.stay(&askers, Side::Theirs, "third").await;
    askers.change(renewing, "revoked").await;
    journal.revoked.insert(serial(&second));
    journal.statuses = statuses(&askers).await;
    puppet.stop();
    journal.check(&host.cadir());

    let bunraku = Ours::start(&host).await;
    let askers = host.askers(bunraku.port, None);
    journal.arrive(&askers).await;
    journal.stay(&askers, Side::Ours, "fourth").await;
    bunraku.stop().await;
    journal.check(&host.cadir());
}

/// Whose stay it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Theirs,
    Ours,
}

/// What has been true so far, and must stay true.
#[derive(Default)]
struct Journal {
    /// What the last server said of every name.
    statuses: Vec<Value>,
    /// Names of the last stay that the next one goes on with.
    last: Option<String>,
    /// A certificate that the last stay has dropped without revoking it.
    dropped: Option<Serial>,
    revoked: BTreeSet<Serial>,
    inventory: String,
    list_number: u64,
    next_serial: Option<Serial>,
}

impl Journal {
    /// A server that has just started knows what the last one knew.
    async fn arrive(&self, askers: &Askers) {
        let now = statuses(askers).await;
        for (then, now) in self.statuses.iter().zip(&now) {
            assert_eq!(then, now);
        }
        assert_eq!(self.statuses.len(), now.len());
    }

    /// Requests, signatures, revocations, cleans; also of what the last stay has left.
    async fn stay(&mut self, askers: &Askers, side: Side, stay: &str) {
        let name = |what: &str, stay: &str| format!("{what}-{stay}.example.com");
        for what in ["waits", "serves", "revoked", "cleaned", "dropped"] {
            let name = name(what, stay);
            askers.submit(&name, csr(&name)).await;
            if what != "waits" {
                askers.change(&name, "signed").await;
            }
        }
        askers.change(&name("revoked", stay), "revoked").await;
        self.revoked.insert(serial(&askers.certificate(&name("revoked", stay)).await));
        self.revoked.insert(serial(&askers.certificate(&name("cleaned", stay)).await));
        self.clean(askers, &name("cleaned", stay)).await;
        let dropped = serial(&askers.certificate(&name("dropped", stay)).await);
        let path = format!("/puppet-ca/v1/certificate_status/{}", name("dropped", stay));
        askers.must(204, Case::new("drop", "DELETE", path, Who::Operator)).await;
        if let Some(last) = self.last.replace(stay.to_owned()) {
            askers.change(&name("waits", &last), "signed").await;
            self.revoked.insert(serial(&askers.certificate(&name("serves", &last)).await));
            askers.change(&name("serves", &last), "revoked").await;
            // A name that was dropped or cleaned may come again.
            for again in [name("dropped", &last), name("cleaned", &last)] {
                askers.submit(&again, csr(&again)).await;
                askers.change(&again, "signed").await;
            }
            // The file of its first certificate is long gone; Bunraku finds the serial in the inventory.
            self.revoked.insert(serial(&askers.certificate(&name("dropped", &last)).await));
            if side == Side::Ours {
                self.revoked.extend(self.dropped.take());
            }
            askers.change(&name("dropped", &last), "revoked").await;
        }
        self.dropped = Some(dropped);
        self.statuses = statuses(askers).await;
    }

    async fn clean(&self, askers: &Askers, name: &str) {
        let clean = Case::new("clean", "PUT", "/puppet-ca/v1/clean", Who::Operator);
        let clean = clean.body(format!("{{\"certnames\":[\"{name}\"]}}"));
        let said = askers.must(200, clean).await.text();
        assert_eq!(said, "Successfully cleaned all certs.");
    }

    /// The directory that a server has left.
    fn check(&mut self, cadir: &Path) {
        let read = |name: &str| std::fs::read_to_string(cadir.join(name)).unwrap();
        let inventory = read("inventory.txt");
        assert!(inventory.starts_with(&self.inventory), "rows are only added:\n{inventory}");
        let serials: Vec<Serial> =
            inventory.lines().map(|row| Serial::parse_hex(row.split(' ').next().unwrap()).unwrap()).collect();
        assert!(
            serials.is_sorted_by(|one, other| one < other),
            "a serial twice, or out of order:\n{inventory}"
        );
        let next = Serial::parse_hex(&read("serial")).unwrap();
        assert_eq!(next, serials.last().unwrap().next(), "{inventory}");
        assert!(self.next_serial.is_none_or(|before| before < next));

        let lists = RevocationList::all_from_pem(read("ca_crl.pem").as_bytes()).unwrap();
        assert_eq!(lists.len(), 2, "ours and the root's");
        let number = lists[0].number().unwrap();
        assert!(number > self.list_number, "{number} after {}", self.list_number);
        for serial in &self.revoked {
            assert!(lists[0].contains(serial), "{serial} is no longer revoked");
        }
        openssl_agrees(cadir, &lists[0]);
        (self.inventory, self.list_number, self.next_serial) = (inventory, number, Some(next));
    }
}

/// Each certificate hangs on the CA, and counts unless it is on the list.
fn openssl_agrees(cadir: &Path, list: &RevocationList) {
    let mut seen = 0;
    for entry in std::fs::read_dir(cadir.join("signed")).unwrap() {
        let path = entry.unwrap().path();
        let revoked = list.contains(&serial(&std::fs::read_to_string(&path).unwrap()));
        let output = Command::new("openssl")
            .args(["verify", "-crl_check_all", "-CAfile"])
            .arg(cadir.join("ca_crt.pem"))
            .arg("-CRLfile")
            .arg(cadir.join("ca_crl.pem"))
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), !revoked, "{}: {said}", path.display());
        assert!(!revoked || said.contains("certificate revoked"), "{}: {said}", path.display());
        seen += 1;
    }
    assert!(seen > 2, "only {seen} certificates");
}

/// What the server says of every name, in the order of names.
async fn statuses(askers: &Askers) -> Vec<Value> {
    let all = Case::new("all", "GET", "/puppet-ca/v1/certificate_statuses/all", Who::Operator);
    let mut list: Vec<Value> = serde_json::from_slice(&askers.must(200, all).await.body).unwrap();
    list.sort_by_key(|one| one["name"].as_str().unwrap().to_owned());
    list
}

fn serial(pem: &str) -> Serial {
    pki::Certificate::from_pem(pem.as_bytes()).unwrap().serial()
}
