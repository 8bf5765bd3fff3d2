//! What earlier versions wrote is read for ever: frames, a log, a membership file, a register.
//!
//! `conformance/written/1` holds their bytes. Nobody makes them anew: a test that finds one missing fails, and
//! `BUNRAKU_RECORD=1` writes what is missing but changes nothing that is there; [`SUM_1`] notices a change all the same.
//! A version that writes otherwise than the last one gets a folder of its own, and goes on reading this one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use replica::frame::{
    Append, Appended, Body, Configure, Denial, Frame, Handoff, Mismatch, Snapshot, SnapshotReceived,
};
use replica::log::Log;
use replica::membership::MembershipFile;
use replica::{
    ClusterId, Configuration, Entry, Epoch, Fault, MemberName, Membership, Position, Report, Role, register,
};

/// CRC-32C over all files of the first version, in the order of their names.
const SUM_1: u32 = 256_339_932;

const FILES: [&str; 4] = ["frames.hex", "log", "membership", "register.json"];

fn place(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../conformance/written/1").join(file)
}

/// The recorded bytes. `write` makes those that are missing, when that is wanted.
fn recorded(file: &str, write: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = place(file);
    if !path.exists() && std::env::var_os("BUNRAKU_RECORD").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, write()).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn name(text: &str) -> MemberName {
    MemberName::new(text)
}

fn position(index: u64) -> Position {
    Position { epoch: Epoch(3), index, checksum: 0x1234_5678_9abc_def0 }
}

fn configuration() -> Configuration {
    Configuration {
        cluster: ClusterId::new("estate"),
        version: 9,
        epoch: Epoch(3),
        primary: name("ca-1"),
        in_sync: BTreeSet::from([name("ca-1"), name("ca-2")]),
        forced: true,
    }
}

fn report(role: Role, fault: Option<Fault>) -> Body {
    Body::Report(Report {
        name: name("ca-1"),
        role,
        configuration: Some(configuration()),
        position: position(41),
        committed: 40,
        joined: true,
        fault,
        stalled_ms: 70_000,
        matched: BTreeMap::from([(name("ca-2"), position(39))]),
        level: 1,
    })
}

/// Every kind of message, with everything in it that there is.
fn bodies() -> Vec<(&'static str, Body)> {
    let entries = vec![Entry { position: position(41), payload: vec![1, 2, 255] }];
    let append = |admit| Append {
        configuration: configuration(),
        previous: position(40),
        entries: entries.clone(),
        commit: 40,
        admit,
    };
    let snapshot = Snapshot {
        configuration: configuration(),
        position: position(41),
        total: 1 << 33,
        offset: 1 << 32,
        bytes: vec![9, 8, 7],
    };
    let mismatch =
        Mismatch { hint: position(12), needs_snapshot: true, incarnation: u64::MAX, joined: false, level: 1 };
    vec![
        ("configure", Body::Configure(Configure { configuration: Some(configuration()) })),
        ("configure-unset", Body::Configure(Configure { configuration: None })),
        ("append", Body::Append(append(None))),
        ("append-admit", Body::Append(append(Some(7)))),
        ("snapshot", Body::Snapshot(snapshot)),
        ("handoff", Body::Handoff(Handoff { target: name("ca-2"), epoch: Epoch(3) })),
        ("report-joining", report(Role::Joining, None)),
        ("report-standby", report(Role::Standby, None)),
        ("report-starting", report(Role::Starting, None)),
        ("report-primary", report(Role::Primary, None)),
        ("report-handing-over", report(Role::HandingOver, None)),
        ("report-full", report(Role::Faulted, Some(Fault::DiskFull))),
        ("report-broken", report(Role::Faulted, Some(Fault::Disk))),
        ("appended", Body::Appended(Appended { end: position(41), incarnation: 7, joined: true, level: 1 })),
        ("mismatch", Body::Mismatch(mismatch)),
        ("stale", Body::Stale(configuration())),
        (
            "snapshot-received",
            Body::SnapshotReceived(SnapshotReceived { position: position(41), received: 1 << 32 }),
        ),
        ("handed-over", Body::HandedOver(position(41))),
        ("denied-cluster", Body::Denied(Denial::OtherCluster(ClusterId::new("other")))),
        ("denied-version", Body::Denied(Denial::Version(2))),
        ("denied-unsupported", Body::Denied(Denial::Unsupported)),
        ("denied-not-allowed", Body::Denied(Denial::NotAllowed)),
        ("denied-busy", Body::Denied(Denial::Busy)),
        ("denied-fault", Body::Denied(Denial::Fault(Fault::DiskFull))),
        ("denied-damaged", Body::Denied(Denial::Damaged)),
    ]
}

fn frames() -> Vec<(&'static str, Frame)> {
    let frame = |body| Frame::new(ClusterId::new("estate"), Epoch(3), name("ca-1"), body);
    bodies().into_iter().map(|(name, body)| (name, frame(body))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn frame_lines() -> String {
    frames().iter().map(|(name, frame)| format!("{name} {}\n", hex(&frame.encode()))).collect()
}

#[test]
fn frames_are_read() {
    let text = String::from_utf8(recorded("frames.hex", || frame_lines().into_bytes())).unwrap();
    let expected = frames();
    assert_eq!(text.lines().count(), expected.len());
    for (line, (name, frame)) in text.lines().zip(&expected) {
        let (said, digits) = line.split_once(' ').unwrap();
        assert_eq!(said, *name);
        let bytes: Vec<u8> = digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(Frame::decode(&bytes).as_ref(), Ok(frame), "{name}");
    }
    // Whoever changes what is written has another version, whose bytes must be recorded too.
    assert_eq!(frame_lines(), text, "this version writes frames that are not recorded");
}

fn log_entries() -> Vec<Entry> {
    let base = position(7);
    let mut entries: Vec<Entry> = Vec::new();
    for (epoch, payload) in [(3, vec![5; 300]), (4, Vec::new()), (4, vec![0; 3])] {
        let before = entries.last().map_or(base, |entry| entry.position);
        entries.push(Entry::after(&before, Epoch(epoch), payload));
    }
    entries
}

#[test]
fn a_log_is_read_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let path = folder.path().join("new");
        let mut log = Log::create_at(&path, position(7)).unwrap();
        log.append(&log_entries()).unwrap();
        log.flush().unwrap();
        drop(log);
        std::fs::read(path).unwrap()
    };
    let copy = folder.path().join("log");
    std::fs::write(&copy, recorded("log", write)).unwrap();
    let (mut log, entries) = Log::open_at(&copy).unwrap();
    assert_eq!((log.base(), &entries), (position(7), &log_entries()));
    let next = Entry::after(&log.last(), Epoch(5), vec![1]);
    log.append(std::slice::from_ref(&next)).unwrap();
    log.flush().unwrap();
    drop(log);
    assert_eq!(Log::open_at(&copy).unwrap().1.last(), Some(&next));
}

#[test]
fn a_membership_is_read() {
    let membership =
        Membership { incarnation: u64::MAX - 1, joined: true, configuration: Some(configuration()) };
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let path = folder.path().join("new");
        MembershipFile::at(&path).store(&membership).unwrap();
        std::fs::read(path).unwrap()
    };
    let copy = folder.path().join("membership");
    std::fs::write(&copy, recorded("membership", write)).unwrap();
    assert_eq!(MembershipFile::at(&copy).load().unwrap(), Some(membership));
}

#[test]
fn a_register_is_read() {
    let bytes = recorded("register.json", || register::encode(&configuration()).unwrap());
    assert_eq!(register::decode(&bytes).unwrap(), configuration());
}

#[test]
fn what_was_written_is_what_it_was() {
    let mut sum = 0;
    for file in FILES {
        sum = crc32c::crc32c_append(sum, &recorded(file, || panic!("the other tests write it")));
    }
    assert_eq!(sum, SUM_1, "the bytes of the first version are not what they were");
}
