//! `ca::sync`: directories of Puppet Server that have grown apart, brought together without losing anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ca::sync::{self, Plan, SyncFault};
use pki::crl::{CrlDraft, RevocationList};
use pki::issue::{Authority, LeafProfile, self_signed_ca, sign_leaf};
use pki::{Certname, KeyKind, PrivateKey, Request, Serial, Signer};

const NOW: i64 = 1_800_000_000;

/// A CA, and directories of it as Puppet Server keeps them.
struct Estate {
    root: tempfile::TempDir,
    authority: Authority,
    key_pem: String,
}

/// What a directory holds.
#[derive(Clone)]
struct Content {
    next: u64,
    inventory: String,
    signed: BTreeMap<String, String>,
    revoked: Vec<(Serial, i64)>,
    number: u64,
}

impl Estate {
    fn new() -> (Self, Content) {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let certificate =
            self_signed_ca("Puppet CA: sync", &key, Serial::from_u64(1), NOW - 1000, NOW + 1_000_000_000)
                .unwrap();
        let key_pem = key.to_pem();
        let authority = Authority { certificate, signer: Arc::new(key) };
        let content = Content {
            next: 2,
            inventory: String::new(),
            signed: BTreeMap::new(),
            revoked: Vec::new(),
            number: 0,
        };
        (Self { root: tempfile::tempdir().unwrap(), authority, key_pem }, content)
    }

    fn sign(&self, content: &mut Content, name: &str) -> Serial {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let serial = Serial::from_u64(content.next);
        let profile = LeafProfile::own(
            Certname::parse(name).unwrap(),
            key.spki_der().to_vec(),
            serial,
            // Never twice the same: two certificates of one serial differ.
            NOW - i64::from(name.len() as u32),
            100_000_000,
        );
        let certificate = sign_leaf(&self.authority, &profile).unwrap();
        let date =
            |at: i64| jiff::Timestamp::from_second(at).unwrap().strftime("%Y-%m-%dT%H:%M:%SUTC").to_string();
        content.inventory += &format!(
            "0x{serial} {} {} /CN={name}\n",
            date(certificate.not_before()),
            date(certificate.not_after())
        );
        content.signed.insert(name.to_owned(), certificate.to_pem());
        content.next += 1;
        serial
    }

    fn revoke(content: &mut Content, serial: Serial) {
        content.revoked.push((serial, NOW));
        content.number += 1;
    }

    fn write(&self, name: &str, content: &Content) -> PathBuf {
        let dir = self.root.path().join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("signed")).unwrap();
        std::fs::create_dir_all(dir.join("requests")).unwrap();
        let list =
            pki::crl::issue(&self.authority, &CrlDraft::at(NOW, content.number, &content.revoked)).unwrap();
        let file = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        file("ca_crt.pem", &self.authority.certificate.to_pem());
        file("ca_key.pem", &self.key_pem);
        file("ca_crl.pem", &list.to_pem());
        file("serial", &Serial::from_u64(content.next).to_string());
        file("inventory.txt", &content.inventory);
        for (name, pem) in &content.signed {
            file(&format!("signed/{name}.pem"), pem);
        }
        dir
    }

    fn request(&self, dir: &Path, name: &str) {
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let request = Request::build(name, &key, &pki::RequestContent::default()).unwrap();
        std::fs::write(dir.join(format!("requests/{name}.pem")), request.to_pem()).unwrap();
    }
}

fn quiet(_: &str, _: usize, _: usize) {}

fn plan(source: &Path, destination: &Path, merge: bool) -> Plan {
    let ours = sync::read(source, "source", &mut quiet).unwrap();
    let theirs = destination.exists().then(|| sync::read(destination, "destination", &mut quiet).unwrap());
    sync::compare(&ours, theirs.as_ref(), merge).unwrap()
}

fn apply(plan: &Plan, source: &Path, destination: &Path) -> Result<(), SyncFault> {
    let ours = sync::read(source, "source", &mut quiet).unwrap();
    sync::apply(plan, &ours, destination, &mut quiet).map(drop)
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["", "signed", "requests"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                let name = format!("{folder}/{}", entry.file_name().to_str().unwrap());
                files.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_copy_is_made_and_then_follows_what_is_signed_cleaned_and_revoked() {
    let (estate, mut content) = Estate::new();
    estate.sign(&mut content, "one.example");
    let gone = estate.sign(&mut content, "two.example");
    let source = estate.write("src", &content);
    estate.request(&source, "waits.example");
    let destination = estate.root.path().join("dst");
    let first = plan(&source, &destination, false);
    assert!(first.is_clear(false) && first.dropped.is_empty(), "{first:?}");
    apply(&first, &source, &destination).unwrap();
    assert_eq!(files(&source), files(&destination));
    assert!(plan(&source, &destination, false).is_empty());

    // One is cleaned (revoked and removed), one replaced, one new; the request is signed.
    Estate::revoke(&mut content, gone);
    content.signed.remove("two.example");
    estate.sign(&mut content, "one.example");
    estate.sign(&mut content, "three.example");
    estate.sign(&mut content, "waits.example");
    let source = estate.write("src", &content);
    let second = plan(&source, &destination, false);
    assert!(second.is_clear(false), "{second:?}");
    assert_eq!(second.dropped, ["signed/two.example.pem", "requests/waits.example.pem"]);
    apply(&second, &source, &destination).unwrap();
    assert_eq!(files(&source), files(&destination));
    let left: Vec<_> =
        std::fs::read_dir(estate.root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing stays beside them: {left:?}");
}

#[test]
fn what_only_the_destination_has_is_refused_and_kept_with_merge() {
    let (estate, mut content) = Estate::new();
    let old = estate.sign(&mut content, "one.example");
    let mut there = content.clone();
    // A failover: the destination signs and revokes; the source does nothing meanwhile.
    let new = estate.sign(&mut there, "new.example");
    Estate::revoke(&mut there, old);
    let (source, destination) = (estate.write("src", &content), estate.write("dst", &there));
    estate.request(&destination, "waits.example");
    std::fs::write(destination.join("notes.txt"), "mine").unwrap();
    let refused = plan(&source, &destination, false);
    let kinds: Vec<&str> = refused.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(
        kinds,
        ["certificate", "request", "inventory", "revocation", "revocation-list", "serial", "file"],
        "{refused:?}"
    );
    assert!(!refused.is_clear(false));

    let merged = plan(&source, &destination, true);
    assert!(merged.is_clear(true), "{merged:?}");
    apply(&merged, &source, &destination).unwrap();
    let after = files(&destination);
    assert_eq!(after["/serial"], files(&estate.write("expected", &there))["/serial"]);
    for kept in
        ["signed/new.example.pem", "signed/one.example.pem", "requests/waits.example.pem", "/notes.txt"]
    {
        assert!(after.contains_key(kept), "{kept} is gone: {:?}", after.keys());
    }
    let inventory = String::from_utf8(after["/inventory.txt"].clone()).unwrap();
    assert_eq!(inventory, there.inventory);
    let list = RevocationList::from_pem(&after["/ca_crl.pem"]).unwrap();
    list.verify(estate.authority.certificate.spki_der()).unwrap();
    assert!(list.contains(&old) && !list.contains(&new));
    assert_eq!(list.number(), Some(2), "above both");
    assert!(plan(&source, &destination, true).findings.len() >= 4, "the source still lacks them");
}

#[test]
fn a_serial_issued_twice_and_forked_lists_are_named() {
    let (estate, mut content) = Estate::new();
    let old = estate.sign(&mut content, "one.example");
    let shared = estate.sign(&mut content, "two.example");
    let mut there = content.clone();
    let here_serial = estate.sign(&mut content, "here.example");
    let there_serial = estate.sign(&mut there, "there.example");
    assert_eq!(here_serial, there_serial);
    Estate::revoke(&mut content, old);
    Estate::revoke(&mut there, shared);
    let (source, destination) = (estate.write("src", &content), estate.write("dst", &there));
    let before = files(&destination);
    let found = plan(&source, &destination, true);
    let what: Vec<String> = found.findings.iter().map(|f| format!("{} {}", f.kind, f.what)).collect();
    let has =
        |text: &str| assert!(what.iter().any(|line| line.contains(text)), "{text:?} is not in {what:#?}");
    has("serial 0004 was issued twice: to here.example in the source, to there.example in the destination");
    has("both sides have made a list number 1, and the two differ");
    has("serial 0003 is revoked in the destination only");
    assert!(!found.is_clear(true), "nobody can merge a serial that two nodes have");
    assert_eq!(files(&destination), before);
}

#[test]
fn another_ca_and_an_unsound_source_are_refused() {
    let (estate, mut content) = Estate::new();
    estate.sign(&mut content, "one.example");
    let source = estate.write("src", &content);
    let (other, theirs) = Estate::new();
    let destination = other.write("dst", &theirs);
    let found = plan(&source, &destination, true);
    assert!(found.findings.iter().any(|f| f.kind == "authority" && f.merge.is_none()), "{found:?}");

    std::fs::write(source.join("ca_crl.pem"), "").unwrap();
    let ours = sync::read(&source, "source", &mut quiet).unwrap();
    let why = sync::compare(&ours, None, false).unwrap_err();
    assert!(why.contains("ca_crl.pem") && why.contains("bunraku ca fsck"), "{why}");
}

#[test]
fn a_source_at_work_and_a_run_that_was_cut_off_leave_the_destination_whole() {
    let (estate, mut content) = Estate::new();
    estate.sign(&mut content, "one.example");
    let (source, destination) = (estate.write("src", &content), estate.write("dst", &content));
    estate.sign(&mut content, "two.example");
    let source_now = estate.write("src", &content);
    assert_eq!(source, source_now);
    let read = sync::read(&source, "source", &mut quiet).unwrap();
    let theirs = sync::read(&destination, "destination", &mut quiet).unwrap();
    let plan = sync::compare(&read, Some(&theirs), false).unwrap();
    // The source goes on signing between the reading and the copying.
    estate.sign(&mut content, "three.example");
    estate.write("src", &content);
    let before = files(&destination);
    let fault = sync::apply(&plan, &read, &destination, &mut quiet).unwrap_err();
    assert!(matches!(fault, SyncFault::SourceChanged(_)), "{fault}");
    assert_eq!(files(&destination), before);
    // What a run that was killed leaves beside it is swept away by the next.
    let rest = estate.root.path().join(".dst.bunraku-sync/signed");
    std::fs::create_dir_all(&rest).unwrap();
    std::fs::write(rest.join("half.pem"), "half").unwrap();
    let read = sync::read(&source, "source", &mut quiet).unwrap();
    let plan = sync::compare(&read, Some(&theirs), false).unwrap();
    sync::apply(&plan, &read, &destination, &mut quiet).unwrap();
    assert_eq!(files(&source), files(&destination));
    assert!(!estate.root.path().join(".dst.bunraku-sync").exists());
}
