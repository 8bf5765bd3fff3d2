//! A crash at any point: the file operations of a CA at work are recorded, cut off after each one, and what a disk may
//! hold then is opened again. Nothing acknowledged is missing, no serial comes twice, and whoever was in the middle of
//! enrolling gets a certificate.
//!
//! `BUNRAKU_CRASH_SAMPLES` (1): how many seeded losses are tried at each point, besides "all of it" and "none of it".

mod disk;
#[path = "../support/mod.rs"]
mod support;

use ca::directory::Layout;
use ca::{Autosign, CaSettings, Worker, audit};
use disk::{Record, Unflushed};
use pki::crl::RevocationList;
use pki::{Certificate, Serial};
use replica::witness::recorder;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Reply, ask, csr, local, new_authority, peer, settings};

/// What a requests' name ends with when nobody needs to sign it.
const AUTO: &str = ".auto.test";
/// The steps to a new key of the CA: what the status says after each, and what is asked for.
const STEPS: [(&str, &str); 3] = [
    ("introduced", r#"{"action":"new-key","ca_name":"The next"}"#),
    ("active", r#"{"action":"activate","force":true}"#),
    ("one-key", r#"{"action":"retire","force":true}"#),
];
/// The request that an operator signs.
const MANUAL: &str = "manual.test";

/// What the agents hold in their hands.
struct Story {
    requests: BTreeMap<String, String>,
    certificates: BTreeMap<String, String>,
    record: Record,
    cadir: PathBuf,
    list: PathBuf,
    _root: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_crash_leaves_behind_nothing_acknowledged_is_missing() {
    let story = tell().await;
    let samples: u64 = std::env::var("BUNRAKU_CRASH_SAMPLES").map_or(1, |text| text.parse().unwrap());
    let mut images = 0;
    for end in (0..=story.record.len()).filter(|end| story.record.differs_at(*end)) {
        let drawn = (0..samples).map(|sample| Unflushed::Drawn((end as u64) << 20 | sample));
        for unflushed in [Unflushed::Kept, Unflushed::Lost].into_iter().chain(drawn) {
            let place = memory();
            let cadir = place.path().join("ca");
            story.record.materialise(end, unflushed, &story.cadir, &cadir);
            let what = format!("crash after operation {end} of {}, {unflushed:?}", story.record.len());
            readable_by_puppet(&cadir, &what);
            goes_on(&story, &cadir, end, &what).await;
            images += 1;
        }
    }
    eprintln!("{images} crashes at {} operations", story.record.len());
    assert!(story.record.len() > 60 && images > 150, "too little was recorded to mean anything: {images}");
}

/// A place whose flushes cost nothing, where there is one.
fn memory() -> tempfile::TempDir {
    let place = Path::new("/dev/shm");
    if place.is_dir() { tempfile::tempdir_in(place).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn with_autosign(cadir: &Path, list: &Path) -> CaSettings {
    CaSettings { autosign: Autosign::File(list.to_owned()), ..settings(cadir) }
}

/// Enrolments side by side, a request that waits and is signed, revocations, a clean, more enrolments; recorded.
async fn tell() -> Story {
    let (root, cadir) = new_authority();
    let list = root.path().join("autosign.conf");
    std::fs::write(&list, format!("*{AUTO}\n")).unwrap();
    let worker = Worker::start(with_autosign(&cadir, &list)).await.unwrap();
    worker.authority().ledger().directory_follows().await;
    let initial = files(&cadir);
    recorder::begin();
    let names: Vec<String> = (0..10).map(|number| format!("agent-{number}{AUTO}")).collect();
    let requests: BTreeMap<String, String> =
        names.iter().map(String::as_str).chain([MANUAL]).map(|name| (name.to_owned(), csr(name))).collect();
    let mut certificates = BTreeMap::new();
    for group in [&names[..1], &names[1..5]] {
        enrol(&worker, group, &requests, &mut certificates).await;
    }
    assert_eq!(put(&worker, MANUAL, &requests[MANUAL]).await.status, 200);
    recorder::mark("waits");
    change(&worker, MANUAL, "signed").await;
    certificates.insert(MANUAL.to_owned(), get(&worker, MANUAL).await.unwrap());
    recorder::mark(format!("signed {MANUAL}"));
    tokio::join!(revoke(&worker, &names[0]), revoke(&worker, &names[1]));
    recorder::mark(format!("cleaning {}", names[2]));
    let body = format!("{{\"certnames\":[\"{}\"]}}", names[2]);
    let json = [("content-type", "application/json")];
    let cleaned = ask(&worker, local(), "PUT", "/puppet-ca/v1/clean", &json, body).await;
    assert_eq!(cleaned.status, 200, "{}", cleaned.text());
    recorder::mark(format!("cleaned {}", names[2]));
    enrol(&worker, &names[5..7], &requests, &mut certificates).await;
    // The CA gets a new key, step by step.
    for (name, body) in names[7..].iter().zip(STEPS) {
        recorder::mark(format!("taking {}", body.0));
        let path = "/bunraku/v1/authority/rollover";
        let taken = ask(&worker, local(), "POST", path, &[], body.1).await;
        assert_eq!(taken.status, 200, "{}", taken.text());
        recorder::mark(format!("taken {}", body.0));
        enrol(&worker, std::slice::from_ref(name), &requests, &mut certificates).await;
        if body.0 == "active" {
            revoke(&worker, &names[3]).await;
        }
    }
    worker.authority().ledger().directory_follows().await;
    let record = Record::new(initial, recorder::end());
    worker.stop().await;
    Story { requests, certificates, record, cadir, list, _root: root }
}

async fn enrol(
    worker: &Arc<Worker>,
    names: &[String],
    requests: &BTreeMap<String, String>,
    certificates: &mut BTreeMap<String, String>,
) {
    let mut running = tokio::task::JoinSet::new();
    for name in names {
        let (worker, name, request) = (Arc::clone(worker), name.clone(), requests[name].clone());
        running.spawn(async move {
            let answer = put(&worker, &name, &request).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            recorder::mark(format!("signed {name}"));
            let certificate = get(&worker, &name).await.unwrap();
            (name, certificate)
        });
    }
    certificates.extend(running.join_all().await);
}

async fn revoke(worker: &Arc<Worker>, name: &str) {
    change(worker, name, "revoked").await;
    recorder::mark(format!("revoked {name}"));
}

async fn change(worker: &Arc<Worker>, name: &str, state: &str) {
    support::change(worker, name, state).await;
}

async fn put(worker: &Arc<Worker>, name: &str, request: &str) -> Reply {
    let path = format!("/puppet-ca/v1/certificate_request/{name}");
    ask(worker, peer(None), "PUT", &path, &[], request).await
}

async fn get(worker: &Arc<Worker>, name: &str) -> Option<String> {
    let reply = ask(worker, peer(None), "GET", &format!("/puppet-ca/v1/certificate/{name}"), &[], "").await;
    (reply.status == 200).then(|| reply.text())
}

/// What Puppet Server relies on: everything that has a name is whole, each certificate is in the inventory, and
/// `serial` is beyond all of them.
fn readable_by_puppet(cadir: &Path, what: &str) {
    let serials = issued(cadir);
    let next = std::fs::read_to_string(cadir.join("serial")).unwrap();
    let next = Serial::parse_hex(&next).unwrap_or_else(|fault| panic!("{what}: serial: {fault}"));
    for serial in &serials {
        assert!(*serial < next, "{what}: {serial} is in the inventory, and {next} comes next");
    }
    for (path, _, bytes) in files(&cadir.join("signed")) {
        let certificate = Certificate::from_pem(&bytes);
        let certificate = certificate.unwrap_or_else(|fault| panic!("{what}: {}: {fault}", path.display()));
        let serial = certificate.serial();
        assert!(serials.contains(&serial), "{what}: {serial} is not in the inventory");
    }
    for (path, _, bytes) in files(&cadir.join("requests")) {
        let request = pki::Request::from_pem(&bytes);
        assert!(request.is_ok(), "{what}: {}: {request:?}", path.display());
    }
    let list = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    assert!(RevocationList::all_from_pem(&list).is_ok(), "{what}: ca_crl.pem");
}

/// The serials in the inventory's whole lines, each of which may be there once.
fn issued(cadir: &Path) -> BTreeSet<Serial> {
    let inventory = std::fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let whole = inventory.rfind('\n').map_or("", |end| &inventory[..end]);
    let mut serials = BTreeSet::new();
    for row in whole.lines() {
        let serial = Serial::parse_hex(row.split(' ').next().unwrap()).unwrap();
        assert!(serials.insert(serial), "{serial} is twice in the inventory:\n{inventory}");
    }
    serials
}

/// The CA starts on it and keeps its promises.
async fn goes_on(story: &Story, cadir: &Path, end: usize, what: &str) {
    let started = Worker::start(with_autosign(cadir, &story.list)).await;
    let worker = started.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let marks = story.record.marks(end);
    let is_marked = |mark: &str, name: &str| marks.contains(format!("{mark} {name}").as_str());
    let list = ask(&worker, peer(None), "GET", "/puppet-ca/v1/certificate_revocation_list/ca", &[], "").await;
    let lists = RevocationList::all_from_pem(&list.body).unwrap();

    // 1. What was acknowledged.
    let keys = the_keys_fit(&worker, cadir, what).await;
    for (at, (phase, _)) in STEPS.iter().enumerate() {
        // Nothing later than what was under way, nothing earlier than what was acknowledged.
        let phases = std::iter::once("one-key").chain(STEPS.iter().map(|(phase, _)| *phase));
        let before = phases.clone().nth(at).unwrap();
        if is_marked("taking", phase) && !is_marked("taken", phase) {
            assert!(keys == before || keys == *phase, "{what}: {keys} while {phase} was under way");
        } else if is_marked("taken", phase)
            && STEPS.get(at + 1).is_none_or(|next| !is_marked("taking", next.0))
        {
            assert_eq!(keys, *phase, "{what}");
        }
    }
    let mut last = Serial::from_u64(0);
    for (name, certificate) in &story.certificates {
        let serial = Certificate::from_pem(certificate.as_bytes()).unwrap().serial();
        let there = get(&worker, name).await;
        if is_marked("cleaned", name) {
            assert_eq!(there, None, "{what}: {name} was cleaned");
        } else if is_marked("signed", name) && !is_marked("cleaning", name) {
            assert_eq!(there.as_ref(), Some(certificate), "{what}: {name} was signed");
        }
        if is_marked("signed", name) {
            last = last.max(serial);
        }
        if is_marked("revoked", name) || is_marked("cleaned", name) {
            let state = standing(&worker, name).await;
            let listed = lists.iter().any(|list| list.contains(&serial));
            // What was cleaned has no state, and its key is not trusted once that is retired.
            let gone = is_marked("cleaned", name) && is_marked("taking", "one-key");
            assert!(listed || state == "revoked" || gone, "{what}: {name} was revoked");
        }
    }
    if marks.contains("waits") && !is_marked("signed", MANUAL) {
        let path = format!("/puppet-ca/v1/certificate_request/{MANUAL}");
        let waiting = ask(&worker, peer(None), "GET", &path, &[], "").await.status == 200;
        assert!(waiting || get(&worker, MANUAL).await.is_some(), "{what}: {MANUAL} waited");
    }

    // 2. Whoever was not answered asks again, as agents do: 400 says "it is there", and then it must be.
    for (name, request) in story.requests.iter().filter(|(name, _)| name.ends_with(AUTO)) {
        if is_marked("signed", name) {
            continue;
        }
        let answer = put(&worker, name, request).await;
        assert!(matches!(answer.status, 200 | 400), "{what}: {name}: {} {}", answer.status, answer.text());
        let deadline = Instant::now() + Duration::from_secs(10);
        while get(&worker, name).await.is_none() {
            assert!(Instant::now() < deadline, "{what}: {name} is stranded: {}", answer.text());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    // 3. The next certificate has a serial that nobody had.
    let fresh = format!("fresh{AUTO}");
    assert_eq!(put(&worker, &fresh, &csr(&fresh)).await.status, 200, "{what}");
    let fresh = Certificate::from_pem(get(&worker, &fresh).await.unwrap().as_bytes()).unwrap().serial();
    assert!(fresh > last, "{what}: {fresh} after {last}");
    worker.authority().ledger().directory_follows().await;
    worker.stop().await;
    assert!(issued(cadir).contains(&fresh), "{what}");
    readable_by_puppet(cadir, what);
    record_is_whole(story, cadir, &marks, what);
    nothing_is_left(cadir, what);
}

/// The audit record is what the log says, and has a line for everything that was acknowledged.
fn record_is_whole(story: &Story, cadir: &Path, marks: &BTreeSet<&str>, what: &str) {
    let layout = Layout::new(cadir);
    let expected = audit::expected(&layout, false).unwrap().unwrap();
    let found = audit::verify(&layout, Some(&expected), None).unwrap();
    assert!(found.is_whole() && !found.unwritten && found.not_held.is_empty(), "{what}: {found:?}");
    let lines = audit::Lines::of(audit::segments(&layout).unwrap());
    let lines: BTreeSet<(String, String, Option<String>)> = lines
        .map(|part| audit::Record::parse(&part.unwrap().bytes).unwrap())
        .map(|line| (line.event, line.certname.unwrap_or_default(), line.serial))
        .collect();
    for (name, certificate) in &story.certificates {
        let serial = Certificate::from_pem(certificate.as_bytes()).unwrap().serial();
        for (mark, events) in
            [("signed", &["signed"][..]), ("revoked", &["revoked"]), ("cleaned", &["revoked", "deleted"])]
        {
            if !marks.contains(format!("{mark} {name}").as_str()) {
                continue;
            }
            for event in events {
                let line = (event.to_string(), name.clone(), Some(serial.to_string()));
                assert!(lines.contains(&line), "{what}: no line says that {name} was {event}: {lines:?}");
            }
        }
    }
    if marks.contains("waits") {
        assert!(lines.contains(&("requested".into(), MANUAL.into(), None)), "{what}: {lines:?}");
    }
}

/// What the list of certificates says of a name.
async fn standing(worker: &Arc<Worker>, name: &str) -> String {
    let path = format!("/puppet-ca/v1/certificate_status/{name}");
    let status = ask(worker, local(), "GET", &path, &[], "").await;
    let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap_or_default();
    status["state"].as_str().unwrap_or_default().to_owned()
}

/// The directory begins with the certificate of the key in it, every key that is needed is there, and certificates and
/// lists are the same keys'. Says how far the rollover is.
async fn the_keys_fit(worker: &Arc<Worker>, cadir: &Path, what: &str) -> String {
    use pki::Signer as _;
    worker.authority().ledger().directory_follows().await;
    let key = std::fs::read(cadir.join("ca_key.pem")).unwrap();
    let key = pki::PrivateKey::from_pem(&key).unwrap_or_else(|fault| panic!("{what}: ca_key.pem: {fault}"));
    let bundle = Certificate::all_from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
    assert_eq!(
        bundle[0].spki_der(),
        key.spki_der(),
        "{what}: ca_crt.pem begins with another key's certificate"
    );
    let public = std::fs::read_to_string(cadir.join("ca_pub.pem")).unwrap();
    assert_eq!(public, key.public_pem(), "{what}");
    let lists = RevocationList::all_from_pem(&std::fs::read(cadir.join("ca_crl.pem")).unwrap()).unwrap();
    assert_eq!(lists.len(), bundle.len(), "{what}");
    for (list, certificate) in lists.iter().zip(&bundle) {
        assert!(list.verify(certificate.spki_der()).is_ok(), "{what}: the lists are in another order");
    }
    let status = ask(worker, local(), "GET", "/bunraku/v1/authority/rollover", &[], "").await;
    let status: serde_json::Value = serde_json::from_slice(&status.body).unwrap();
    for one in status["keys"].as_array().unwrap() {
        assert!(one["missing"].is_null(), "{what}: {one}");
    }
    status["phase"].as_str().unwrap().to_owned()
}

fn nothing_is_left(cadir: &Path, what: &str) {
    let own = ["configuration", "found", "lock", "log", "projected", "seen", "snapshot"];
    for (path, _, bytes) in files(&cadir.join("bunraku")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.starts_with(cadir.join("bunraku/found")) {
            // The disk is a copy: to the CA its single files are others than those it saw last, whatever is in them,
            // and it keeps them. No certificate and no request of its own may be taken for somebody else's work.
            let single = ["ca_crl.pem", "ca_crt.pem", "inventory.txt", "serial"].contains(&name);
            assert!(single && !bytes.is_empty(), "{what}: {} was taken for foreign", path.display());
            continue;
        }
        let record = path.parent().unwrap() == cadir.join("bunraku/audit");
        assert!(own.contains(&name) || record, "{what}: {} is left", path.display());
    }
}

/// All files below a directory with inodes and contents.
fn files(directory: &Path) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            all.extend(files(&entry.path()));
        } else if kind.is_file() {
            all.push((entry.path(), entry.metadata().unwrap().ino(), std::fs::read(entry.path()).unwrap()));
        }
    }
    all
}
