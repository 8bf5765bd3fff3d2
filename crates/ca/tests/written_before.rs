//! What earlier versions wrote is read for ever: log entries, and a whole CA directory with its snapshot, log and record.
//!
//! `conformance/written/1` holds their bytes, `replica/tests/written_before.rs` says how they are kept. Here too
//! `BUNRAKU_RECORD=1` writes what is missing, never what is there.

mod support;

use std::path::{Path, PathBuf};

use ca::Worker;
use ca::command::{Actor, AutosignMark, Command, Details, Envelope, Outcome, RequestRecord, Revocation};
use support::{ask, change, csr, enrol, local, new_authority, operator, peer, settings};

/// CRC-32C of `envelopes.hex`, and over all files of `ca`, in the order of their names, each after its name.
const SUM_ENVELOPES_1: u32 = 1_315_823_378;
const SUM_DIRECTORY_1: u32 = 1_422_540_841;

fn place(what: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/written/1").join(what)
}

fn recording() -> bool {
    std::env::var_os("BUNRAKU_RECORD").is_some()
}

/// Every kind of command, with everything in it that there is.
fn commands() -> Vec<(&'static str, Command)> {
    let text = str::to_owned;
    let details = || Details {
        alt_names: vec![text("DNS:a.example.com"), text("IP:10.0.0.9")],
        authorization_extensions: vec![(text("pp_auth_role"), text("web"))],
    };
    let revocation = |serial: &str| Revocation {
        serial: text(serial),
        date: 1_795_254_007,
        certname: Some(text("a.example.com")),
        actor: Some(Actor {
            certname: Some(text("operator")),
            address: Some(text("192.0.2.7")),
            local: true,
        }),
        reason: Some(text("keyCompromise")),
    };
    let saved = |autosign| Command::RequestSaved {
        certname: text("a.example.com"),
        der: vec![0x30, 3, 2, 1, 0],
        autosign,
        details: details(),
    };
    let issued = |renewal| Command::CertificateIssued {
        certname: text("a.example.com"),
        der: vec![0x30, 3, 2, 1, 1],
        serial: text("0007"),
        not_before: 1_795_254_000,
        not_after: 1_952_934_000,
        details: details(),
        renewal,
    };
    let (number, this_update, next_update) = (3, 1_795_254_000, 1_952_934_000);
    let (added, dropped, signature) = (vec![revocation("0004")], vec![text("0002")], vec![9; 70]);
    vec![
        ("request-saved-manual", saved(AutosignMark::Manual)),
        ("request-saved-undecided", saved(AutosignMark::Undecided)),
        ("request-saved-approved", saved(AutosignMark::Approved)),
        ("request-deleted", Command::RequestDeleted { certname: text("a.example.com") }),
        ("autosign-declined", Command::AutosignDeclined { certname: text("a.example.com") }),
        ("serials-reserved", Command::SerialsReserved { next: text("00AF") }),
        ("serials-returned", Command::SerialsReturned { from: text("00AF"), to: text("00A0") }),
        ("certificate-issued", issued(None)),
        ("certificate-renewed", issued(Some(true))),
        ("certificate-removed", Command::CertificateRemoved { certname: text("a.example.com") }),
        (
            "revocation-list-issued",
            Command::RevocationListIssued {
                number,
                this_update,
                next_update,
                added: added.clone(),
                dropped: dropped.clone(),
                signature: signature.clone(),
            },
        ),
        ("chain-lists-replaced", Command::ChainListsReplaced { lists_pem: text("-----BEGIN X509 CRL-----") }),
        (
            "authority-renewed",
            Command::AuthorityRenewed { issuer_der: vec![1, 2], bundle_pem: text("-----BEGIN") },
        ),
        ("infra-nodes-changed", Command::InfraNodesChanged { inventory: text("a.example.com\n") }),
        ("infra-list-adopted", Command::InfraListAdopted { der: vec![3, 4] }),
        (
            "infra-list-issued",
            Command::InfraListIssued {
                number,
                this_update,
                next_update,
                added: added.clone(),
                dropped: dropped.clone(),
                signature: signature.clone(),
            },
        ),
        (
            "key-introduced",
            Command::KeyIntroduced {
                certificate_der: vec![5],
                list_der: vec![6],
                infra_der: vec![7],
                bundle_pem: text("-----BEGIN"),
            },
        ),
        (
            "key-activated",
            Command::KeyActivated {
                list_der: vec![6],
                infra_der: Vec::new(),
                bundle_pem: text("-----BEGIN"),
            },
        ),
        ("key-retired", Command::KeyRetired { bundle_pem: text("-----BEGIN") }),
        ("key-abandoned", Command::KeyAbandoned { bundle_pem: text("-----BEGIN") }),
        (
            "second-list-issued",
            Command::SecondListIssued {
                number,
                this_update,
                next_update,
                added: added.clone(),
                dropped: dropped.clone(),
                signature: signature.clone(),
            },
        ),
        (
            "second-infra-list-issued",
            Command::SecondInfraListIssued { number, this_update, next_update, added, dropped, signature },
        ),
        ("revocation-list-adopted", Command::RevocationListAdopted { der: vec![8] }),
        (
            "certificate-adopted",
            Command::CertificateAdopted {
                certname: text("a.example.com"),
                der: vec![0x30, 3, 2, 1, 2],
                serial: text("0008"),
                not_before: 1_795_254_000,
                not_after: 1_952_934_000,
                details: details(),
                row: true,
            },
        ),
        ("inventory-adopted", Command::InventoryAdopted { offset: 1 << 33, text: text("0x0001 …\n") }),
        ("noted", Command::Noted { text: text("another CA was at work") }),
        ("audit-begun", Command::AuditBegun { format: 1 }),
        (
            "refused",
            Command::Refused {
                certname: text("a.example.com"),
                what: text("sign"),
                reason: text("it asks for names"),
            },
        ),
        ("because", Command::Because { text: text("the policy said yes") }),
    ]
}

fn envelopes() -> Vec<(String, Envelope)> {
    let outcome =
        Outcome { status: 200, content_type: "text/plain".to_owned(), body: "what it was".to_owned() };
    let actor = Actor { certname: Some("operator".into()), address: Some("192.0.2.7".into()), local: false };
    let whole = |commands| Envelope {
        at: 1_795_254_007,
        actor: actor.clone(),
        request: Some(RequestRecord { id: "6a0c3a57".to_owned(), outcome: Some(outcome.clone()) }),
        commands,
    };
    let mut envelopes: Vec<(String, Envelope)> =
        commands().into_iter().map(|(name, command)| (name.to_owned(), whole(vec![command]))).collect();
    let bare = Envelope { at: -1, actor: Actor::default(), request: None, commands: Vec::new() };
    envelopes.push(("nothing".to_owned(), bare));
    envelopes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn log_entries_are_read() {
    let path = place("envelopes.hex");
    let lines: String =
        envelopes().iter().map(|(name, envelope)| format!("{name} {}\n", hex(&envelope.encode()))).collect();
    if recording() && !path.exists() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &lines).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(crc32c::crc32c(text.as_bytes()), SUM_ENVELOPES_1, "the recorded bytes are not what they were");
    let expected = envelopes();
    assert_eq!(text.lines().count(), expected.len());
    for (line, (name, envelope)) in text.lines().zip(&expected) {
        let (said, digits) = line.split_once(' ').unwrap();
        assert_eq!(said, name);
        let bytes: Vec<u8> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(Envelope::decode(&bytes).as_ref().ok(), Some(envelope), "{name}");
    }
    // Whoever changes what is written has another version, whose bytes must be recorded too.
    assert_eq!(lines, text, "this version writes entries that are not recorded");
}

/// A directory with something of everything: a snapshot of what was there, and a log after it.
async fn record_directory(into: &Path) {
    let (_root, cadir) = new_authority();
    operator(&cadir, "operator.example.com", true);
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    for name in ["kept", "revoked", "cleaned"] {
        enrol(&worker, &format!("{name}-before.example.com")).await;
    }
    change(&worker, "revoked-before.example.com", "revoked").await;
    worker.stop().await;
    // What is there becomes the snapshot of a new log.
    std::fs::remove_dir_all(cadir.join("bunraku")).unwrap();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    for name in ["kept", "revoked"] {
        enrol(&worker, &format!("{name}-after.example.com")).await;
    }
    change(&worker, "revoked-after.example.com", "revoked").await;
    let path = "/puppet-ca/v1/certificate_status/cleaned-before.example.com";
    change(&worker, "cleaned-before.example.com", "revoked").await;
    assert_eq!(ask(&worker, local(), "DELETE", path, &[], "").await.status, 204);
    let path = "/puppet-ca/v1/certificate_request/waits.example.com";
    assert_eq!(ask(&worker, peer(None), "PUT", path, &[], csr("waits.example.com")).await.status, 200);
    worker.stop().await;
    copy(&cadir, into);
    for own in ["lock", "socket"] {
        let _ = std::fs::remove_file(into.join("bunraku").join(own));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below `root`, by name.
fn files(root: &Path, below: &Path, into: &mut std::collections::BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(root, &path, into);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            into.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_read_and_goes_on() {
    let recorded = place("ca");
    if recording() && !recorded.exists() {
        record_directory(&recorded).await;
    }
    let mut there = std::collections::BTreeMap::new();
    files(&recorded, &recorded, &mut there);
    let sum = there.iter().fold(0, |sum, (name, content)| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, name.as_bytes()), content)
    });
    assert_eq!(sum, SUM_DIRECTORY_1, "the recorded directory is not what it was: {:?}", there.keys());
    for part in ["bunraku/snapshot", "bunraku/log", "bunraku/configuration", "inventory.txt", "ca_key.pem"] {
        assert!(there.contains_key(part), "{part} is not recorded: {:?}", there.keys());
    }

    let folder = tempfile::tempdir().unwrap();
    let cadir = folder.path().join("ca");
    copy(&recorded, &cadir);
    for empty in ["requests", "signed", "private"] {
        std::fs::create_dir_all(cadir.join(empty)).unwrap();
    }
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let expected = [
        ("kept-before", "signed", 200),
        ("revoked-before", "revoked", 200),
        ("cleaned-before", "", 404),
        ("kept-after", "signed", 200),
        ("revoked-after", "revoked", 200),
        ("waits", "requested", 200),
    ];
    for (name, state, status) in expected {
        let path = format!("/puppet-ca/v1/certificate_status/{name}.example.com");
        let said = ask(&worker, local(), "GET", &path, &[], "").await;
        assert_eq!(said.status, status, "{name}: {}", said.text());
        let said: serde_json::Value = serde_json::from_slice(&said.body).unwrap_or_default();
        assert_eq!(said["state"].as_str().unwrap_or_default(), state, "{name}");
    }
    let next = worker.authority().ledger().read(|state| state.next_serial()).unwrap();
    change(&worker, "waits.example.com", "signed").await;
    change(&worker, "kept-before.example.com", "revoked").await;
    worker.stop().await;
    let pem = std::fs::read(cadir.join("signed/waits.example.com.pem")).unwrap();
    assert_eq!(pki::Certificate::from_pem(&pem).unwrap().serial(), next);
    // And this version reads what it has added to it.
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert!(
        worker.authority().ledger().read(|state| state.is_revoked(&next)).is_some_and(|revoked| !revoked)
    );
    worker.stop().await;
}
