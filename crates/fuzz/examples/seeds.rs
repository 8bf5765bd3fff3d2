//! Writes the binary part of the corpus anew: frames, log entries and a snapshot of this version. The folders are kept
//! apart by their names, so what has been found stays.
//!
//! `cargo run -p fuzz --example seeds`
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ca::command::{Actor, AutosignMark, Command, Details, Envelope, Outcome, RequestRecord, Revocation};
use ca::directory::Layout;
use replica::frame::{
    Append, Appended, Body, Configure, Denial, Frame, Handoff, Mismatch, Snapshot, SnapshotReceived,
};
use replica::{ClusterId, Configuration, Entry, Epoch, MemberName, Position, Report, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, frame) in frames() {
        write(&corpus.join("frame"), name, &frame.encode())?;
    }
    for (name, envelope) in envelopes() {
        write(&corpus.join("envelope"), name, &envelope.encode())?;
    }
    let scratch = tempfile::tempdir()?;
    let cadir = scratch.path().join("ca");
    let options =
        ca::SetupOptions { ca_name: "Puppet CA: fuzz".into(), key: pki::KeyKind::EcP256, ca_ttl: 86_400 };
    ca::setup(&cadir, &options, |_| ())?;
    let layout = Layout::new(&cadir);
    write(&corpus.join("snapshot"), "seed-empty", &snapshot(&layout)?)?;
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/x509");
    std::fs::create_dir_all(layout.requests())?;
    std::fs::create_dir_all(layout.signed())?;
    for name in ["ec.example.com", "s4.auto.example.com"] {
        std::fs::copy(recorded.join(format!("requests/{name}.pem")), layout.request(name))?;
    }
    write(&corpus.join("snapshot"), "seed-waiting", &snapshot(&layout)?)?;
    std::fs::copy(
        recorded.join("signed/s1.auto.example.com.pem"),
        layout.certificate("s1.auto.example.com"),
    )?;
    let lists = std::fs::read_to_string(layout.revocation_lists())?;
    std::fs::write(
        layout.revocation_lists(),
        lists + &std::fs::read_to_string(recorded.join("root-crl.pem"))?,
    )?;
    write(&corpus.join("snapshot"), "seed-signed", &snapshot(&layout)?)?;
    Ok(())
}

fn write(folder: &Path, name: &str, octets: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(name), octets)
}

fn frames() -> Vec<(&'static str, Frame)> {
    let position = Position { epoch: Epoch(3), index: 41, checksum: 0x1234_5678_9abc };
    let primary = MemberName::new("ca-1");
    let configuration = Configuration {
        cluster: ClusterId::new("estate"),
        version: 9,
        epoch: Epoch(3),
        primary: primary.clone(),
        in_sync: BTreeSet::from([primary.clone(), MemberName::new("ca-2")]),
        forced: false,
    };
    let report = Report {
        name: primary.clone(),
        role: Role::Primary,
        configuration: Some(configuration.clone()),
        position,
        committed: 40,
        joined: true,
        fault: Some(replica::Fault::DiskFull),
        stalled_ms: 12,
        matched: BTreeMap::from([(MemberName::new("ca-2"), position)]),
        level: 1,
    };
    let append = Append {
        configuration: configuration.clone(),
        previous: position,
        entries: vec![Entry { position, payload: envelopes()[0].1.encode() }],
        commit: 40,
        admit: Some(7),
    };
    let snapshot =
        Snapshot { configuration: configuration.clone(), position, total: 64, offset: 8, bytes: vec![7; 24] };
    let mismatch = Mismatch { hint: position, needs_snapshot: true, incarnation: 7, joined: false, level: 1 };
    [
        ("seed-configure", Body::Configure(Configure { configuration: Some(configuration.clone()) })),
        ("seed-append", Body::Append(append)),
        ("seed-snapshot", Body::Snapshot(snapshot)),
        ("seed-handoff", Body::Handoff(Handoff { target: primary.clone(), epoch: Epoch(3) })),
        ("seed-report", Body::Report(report)),
        ("seed-appended", Body::Appended(Appended { end: position, incarnation: 7, joined: true, level: 1 })),
        ("seed-mismatch", Body::Mismatch(mismatch)),
        ("seed-stale", Body::Stale(configuration)),
        ("seed-received", Body::SnapshotReceived(SnapshotReceived { position, received: 32 })),
        ("seed-denied", Body::Denied(Denial::OtherCluster(ClusterId::new("other")))),
    ]
    .map(|(name, body)| (name, Frame::new(ClusterId::new("estate"), Epoch(3), primary.clone(), body)))
    .into()
}

fn envelopes() -> Vec<(&'static str, Envelope)> {
    let details = Details {
        alt_names: vec!["DNS:a.example.com".into(), "IP:10.0.0.9".into()],
        authorization_extensions: vec![("pp_auth_role".into(), "web".into())],
    };
    let saved = Command::RequestSaved {
        certname: "a.example.com".into(),
        der: vec![0x30, 3, 2, 1, 0],
        autosign: AutosignMark::Undecided,
        details: details.clone(),
    };
    let issued = Command::CertificateIssued {
        certname: "a.example.com".into(),
        der: vec![0x30, 3, 2, 1, 0],
        serial: "0007".into(),
        not_before: 1_795_254_000,
        not_after: 1_952_934_000,
        details,
        renewal: Some(true),
    };
    let revoked = Command::RevocationListIssued {
        number: 3,
        this_update: 5,
        next_update: 6,
        added: vec![Revocation {
            serial: "0004".into(),
            date: 5,
            certname: Some("a".into()),
            actor: Some(Actor::default()),
            reason: Some("keyCompromise".into()),
        }],
        dropped: vec!["0002".into()],
        signature: vec![9; 32],
    };
    let small = vec![
        Command::RequestDeleted { certname: "a".into() },
        Command::AutosignDeclined { certname: "b".into() },
        Command::CertificateRemoved { certname: "c".into() },
        Command::ChainListsReplaced { lists_pem: "-----BEGIN".into() },
    ];
    let outcome = Outcome { status: 200, content_type: "text/plain".into(), body: "ok".into() };
    let request = RequestRecord { id: "6f1c".into(), outcome: Some(outcome) };
    let actor = Actor { certname: None, address: Some("192.0.2.7".into()), local: false };
    [
        ("seed-saved", vec![saved, Command::SerialsReserved { next: "0008".into() }]),
        ("seed-issued", vec![issued]),
        ("seed-revoked", vec![revoked]),
        ("seed-small", small),
    ]
    .map(|(name, commands)| {
        let (actor, request) = (actor.clone(), Some(request.clone()));
        (name, Envelope { at: 1_795_254_000, actor, request, commands })
    })
    .into()
}

/// The state that a CA begins with on this directory, as its snapshot has it.
fn snapshot(layout: &Layout) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let directory = ca::directory::Directory::open(layout.root())?;
    let state = ca::import::read(layout)?.take_over(&directory)?.ok_or("there is no CA in the directory")?;
    Ok(state.encode())
}
