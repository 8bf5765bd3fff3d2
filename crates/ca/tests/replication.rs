//! Two members and a register, over real TLS: what is decided at one is at the other, whoever goes away.

mod support;

use ca::directory::Layout;
use ca::{Autosign, audit};
use pki::Certificate;
use replica::MemberName;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::csr;
use support::estate::{Estate, files, serial_of};
use wire::client::{Client, Timeouts};
use wire::http::{HeaderMap, HeaderValue, Method, StatusCode};

/// The lines of the audit record.
fn record(cadir: &Path) -> Vec<String> {
    let files = audit::segments(&Layout::new(cadir)).unwrap();
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(&file.path).unwrap();
            text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Waits until the lines of `one` are the last ones of `other`.
async fn until_same_record(estate: &Estate, one: &str, other: &str) {
    estate
        .until("the same audit record", |estate| {
            let (one, other) = (record(&estate.cadir(one)), record(&estate.cadir(other)));
            !one.is_empty() && other.ends_with(&one)
        })
        .await;
}

/// What is found in the record of a member that has stopped.
fn verified(cadir: &Path) -> audit::Findings {
    let layout = Layout::new(cadir);
    let expected = audit::expected(&layout, false).unwrap().unwrap();
    audit::verify(&layout, Some(&expected), None).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn list_number(cadir: &Path) -> u64 {
    let pem = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    pki::crl::RevocationList::from_pem(&pem).unwrap().number().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_joins_takes_over_and_the_old_primary_comes_back() {
    let mut estate = Estate::new().await;
    // A primary alone.
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "one.example.com"), 5, "after the CA and three roles");

    // A fresh standby with an empty directory joins by itself, and gets the key.
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    let key = std::fs::read(estate.cadir("ca-2").join("ca_key.pem")).unwrap();
    assert_eq!(key, std::fs::read(estate.cadir("ca-1").join("ca_key.pem")).unwrap());
    for name in ["ca-1", "ca-2"] {
        let cadir = estate.cadir(name);
        assert_eq!((mode(&cadir), mode(&cadir.join("bunraku"))), (0o750, 0o700), "{name}");
    }

    // What is decided at one shows at the other.
    estate.enrol("ca-1", epoch, "two.example.com").await;
    estate.operate("ca-1", "one.example.com", "revoked").await;
    estate.until_equal().await;
    assert_eq!(list_number(&estate.cadir("ca-2")), 1);
    // Their audit records say the same, in the same bytes, from where the standby joined.
    until_same_record(&estate, "ca-2", "ca-1").await;
    let before = record(&estate.cadir("ca-1")).len() - record(&estate.cadir("ca-2")).len();
    assert!(before > 0, "the standby was fed by a snapshot");

    // The standby does not decide, and says who does; nor does the primary in another epoch.
    let path = "/puppet-ca/v1/certificate_request/three.example.com";
    for (to, claimed) in [("ca-2", epoch), ("ca-1", epoch + 1)] {
        let body = csr("three.example.com");
        let refused = estate.forward(to, claimed, "x", Method::PUT, path, body).await.unwrap();
        assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(refused.headers["x-bunraku-stale"], format!("epoch={epoch} primary=ca-1").as_str());
    }
    // It answers reads.
    let read = estate
        .forward("ca-2", epoch, "y", Method::GET, "/puppet-ca/v1/certificate/two.example.com", String::new())
        .await
        .unwrap();
    assert_eq!(read.status, StatusCode::OK, "{}", read.text());

    // A request whose answer is lost with the primary: sent again to the next one, it gets the same answer.
    let save = csr("three.example.com");
    let saved = estate.forward("ca-1", epoch, "lost", Method::PUT, path, save.clone()).await.unwrap();
    assert_eq!(saved.status, StatusCode::OK);
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    let again = estate.forward("ca-2", epoch, "lost", Method::PUT, path, save.clone()).await.unwrap();
    assert_eq!((again.status, again.text()), (StatusCode::OK, String::new()));
    let other = estate.forward("ca-2", epoch, "new", Method::PUT, path, save).await.unwrap();
    assert_eq!(other.status, StatusCode::BAD_REQUEST);

    // Serials and the list's numbers go on.
    estate.operate("ca-2", "three.example.com", "signed").await;
    assert_eq!(serial_of(&estate.cadir("ca-2"), "three.example.com"), 7);
    estate.operate("ca-2", "two.example.com", "revoked").await;
    assert_eq!(list_number(&estate.cadir("ca-2")), 2);

    // The old primary comes back as a standby and catches up.
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    assert!(!estate.running["ca-1"].0.role().decides);

    // What was decided meanwhile is in its record, too.
    until_same_record(&estate, "ca-2", "ca-1").await;

    // And takes over again.
    estate.stop("ca-2").await;
    let found = verified(&estate.cadir("ca-2"));
    assert!(found.is_whole() && found.not_held == [(1, before as u64)], "{found:?}");
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-1"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "four.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "four.example.com"), 8);
    estate.stop("ca-1").await;
    let found = verified(&estate.cadir("ca-1"));
    assert!(found.is_whole() && found.not_held.is_empty(), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_whose_answer_is_lost_is_answered_by_the_next_primary() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    let pem = std::fs::read(estate.cadir("ca-1").join("signed/one.example.com.pem")).unwrap();
    let old = Certificate::from_pem(&pem).unwrap();
    let path = "/puppet-ca/v1/certificate_renewal";
    let renew = async |estate: &Estate, to: &str, epoch: u64, id: &str| {
        let who = (epoch, id);
        estate.forward_for(Some(&old), to, who, Method::POST, path, String::new()).await.unwrap()
    };
    let first = renew(&estate, "ca-1", epoch, "lost").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    estate.until_equal().await;
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    let again = renew(&estate, "ca-2", epoch, "lost").await;
    assert_eq!((again.status, again.text()), (StatusCode::OK, first.text()));
    let serial = |pem: String| Certificate::from_pem(pem.as_bytes()).unwrap().serial();
    // Another request is another renewal, with the next number.
    let other = renew(&estate, "ca-2", epoch, "new").await;
    assert_eq!(serial(other.text()), serial(first.text()).next());
    estate.stop("ca-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_lost_is_filled_again() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    estate.stop("ca-2").await;
    std::fs::remove_dir_all(estate.cadir("ca-2")).unwrap();
    estate.enrol("ca-1", epoch, "two.example.com").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    estate.enrol("ca-1", epoch, "three.example.com").await;
    until_same_record(&estate, "ca-2", "ca-1").await;

    // Its log alone is lost: what was recorded here cannot be told from another record, and is set aside.
    estate.stop("ca-2").await;
    let own = Layout::new(estate.cadir("ca-2"));
    for path in [own.log(), own.snapshot(), own.configuration()] {
        std::fs::remove_file(path).unwrap();
    }
    let former = record(&estate.cadir("ca-2"));
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "four.example.com").await;
    until_same_record(&estate, "ca-2", "ca-1").await;
    assert!(!record(&estate.cadir("ca-2")).contains(&former[0]));
    estate.stop("ca-2").await;
    let found = verified(&estate.cadir("ca-2"));
    assert!(found.is_whole() && found.not_held.len() == 1, "{found:?}");
    let aside = std::fs::read_dir(own.found()).unwrap().any(|place| {
        let kept = place.unwrap().path().join("audit/record");
        kept.is_dir() && std::fs::read_dir(kept).unwrap().count() == 1
    });
    assert!(aside, "the former record is kept");
    estate.stop("ca-1").await;
    assert!(verified(&estate.cadir("ca-1")).is_whole());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_restarts_takes_the_next_epoch() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let first = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", first, "one.example.com").await;
    estate.stop("ca-1").await;
    estate.start("ca-1").await;
    assert!(!estate.running["ca-1"].0.role().decides, "not before the register has confirmed it");
    let second = estate.until_decides("ca-1").await;
    assert!(second > first);
    estate.enrol("ca-1", second, "two.example.com").await;
    assert_eq!(serial_of(&estate.cadir("ca-1"), "two.example.com"), 6);
    estate.stop("ca-1").await;
}

/// One agent's request as a front end passes it on: held while nobody decides, sent again under the same id to the
/// primary of a later epoch, never twice within one.
async fn persist(
    clients: Arc<BTreeMap<String, Client>>,
    active: tokio::sync::watch::Receiver<Option<(String, u64)>>,
    name: String,
) -> u16 {
    let path = format!("/puppet-ca/v1/certificate_request/{name}");
    let body = csr(&name);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut tried = 0;
    loop {
        assert!(Instant::now() < deadline, "{name} was never answered");
        let Some((to, epoch)) = active.borrow().clone().filter(|(_, epoch)| *epoch > tried) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-client-verify", HeaderValue::from_static("NONE"));
        headers.insert("x-bunraku-epoch", HeaderValue::from(epoch));
        headers.insert("x-bunraku-request", HeaderValue::from_str(&format!("id-{name}")).unwrap());
        tried = epoch;
        match clients[&to].request(Method::PUT, &path, headers, body.clone().into_bytes()).await {
            Ok(answer) if answer.status == StatusCode::MISDIRECTED_REQUEST => {}
            Ok(answer) => return answer.status.as_u16(),
            // Whether it was carried out is not known: the next primary knows.
            Err(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_or_done_twice_when_primaries_go_away_under_load() {
    let mut estate = Estate::new().await;
    estate.autosign = Autosign::True;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    let clients: BTreeMap<String, Client> =
        ["ca-1", "ca-2"].iter().map(|name| ((*name).to_owned(), estate.client(name))).collect();
    let clients = Arc::new(clients);
    let (tell, active) = tokio::sync::watch::channel(Some(("ca-1".to_owned(), epoch)));
    let mut agents = tokio::task::JoinSet::new();
    for lane in 0..8 {
        let (clients, active) = (Arc::clone(&clients), active.clone());
        agents.spawn(async move {
            let mut names = Vec::new();
            for number in 0..40 {
                let name = format!("n{number}.lane{lane}.test");
                let status = persist(Arc::clone(&clients), active.clone(), name.clone()).await;
                assert_eq!(status, 200, "{name}");
                names.push(name);
            }
            names
        });
    }
    for (gone, next) in [("ca-1", "ca-2"), ("ca-2", "ca-1")] {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tell.send(None).unwrap();
        estate.stop(gone).await;
        let before = estate.registered();
        estate.set(before.succeeded_by(MemberName::new(next), BTreeSet::new()));
        let epoch = estate.until_decides(next).await;
        tell.send(Some((next.to_owned(), epoch))).unwrap();
        estate.start(gone).await;
        estate.until_in_sync().await;
    }
    let mut names = BTreeSet::new();
    while let Some(lane) = agents.join_next().await {
        names.extend(lane.unwrap());
    }
    assert_eq!(names.len(), 320);
    estate.until_equal().await;
    let inventory = std::fs::read_to_string(estate.cadir("ca-1").join("inventory.txt")).unwrap();
    let rows: Vec<(&str, &str)> = inventory
        .lines()
        .map(|row| (row.split(' ').next().unwrap(), row.rsplit("/CN=").next().unwrap()))
        .collect();
    let serials: BTreeSet<&str> = rows.iter().map(|(serial, _)| *serial).collect();
    assert_eq!(serials.len(), rows.len(), "a serial was given twice");
    for name in &names {
        let count = rows.iter().filter(|(_, row)| row == name).count();
        assert_eq!(count, 1, "{name} is {count} times in the inventory");
        serial_of(&estate.cadir("ca-2"), name);
    }
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}

impl Estate {
    /// A step of a rollover, as the operator on the member's local socket.
    async fn roll(&self, to: &str, body: &str) {
        let client = Client::local(ca::socket_path(&self.cadir(to)), Timeouts::default());
        let path = "/bunraku/v1/authority/rollover";
        let answer = client.request(Method::POST, path, HeaderMap::new(), body.as_bytes().to_vec()).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
}

fn other_keys(cadir: &Path) -> BTreeMap<String, Vec<u8>> {
    files(cadir).into_iter().filter(|(name, _)| name.starts_with("/ca_key-")).collect()
}

fn first_of(cadir: &Path, file: &str) -> Certificate {
    let pem = std::fs::read(cadir.join(file)).unwrap();
    Certificate::all_from_pem(&pem).unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_on_every_member_before_anything_hangs_on_it() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", epoch, "old.example.com").await;
    let old = first_of(&estate.cadir("ca-1"), "ca_crt.pem");

    // It is there, with the mode of a key, when the operator is told.
    estate.roll("ca-1", r#"{"action":"new-key"}"#).await;
    let keys = other_keys(&estate.cadir("ca-2"));
    assert_eq!((keys.len(), &keys), (1, &other_keys(&estate.cadir("ca-1"))));
    let name = keys.keys().next().unwrap().trim_start_matches('/').to_owned();
    assert_eq!(mode(&estate.cadir("ca-2").join(&name)), 0o600);
    for log in ["log", "snapshot"] {
        let log = std::fs::read(estate.cadir("ca-1").join("bunraku").join(log)).unwrap();
        assert!(!log.windows(11).any(|text| text == b"PRIVATE KEY"), "a key must never be in the log");
    }
    // Nobody but a member gets it.
    let id = name.trim_start_matches("ca_key-").trim_end_matches(".pem");
    let path = format!("/bunraku/v1/ca/key?id={id}");
    let asked =
        estate.client("ca-1").request(Method::GET, &path, HeaderMap::new(), Vec::new()).await.unwrap();
    assert_eq!(asked.status, StatusCode::FORBIDDEN, "{}", asked.text());

    // Given up, while the standby is away; then another one. It comes back and needs only that.
    estate.stop("ca-2").await;
    estate.until("the standby is out", |estate| estate.registered().in_sync.len() == 1).await;
    estate.roll("ca-1", r#"{"action":"abort"}"#).await;
    estate.roll("ca-1", r#"{"action":"new-key","ca_name":"The next"}"#).await;
    estate.roll("ca-1", r#"{"action":"activate","force":true}"#).await;
    estate.enrol("ca-1", epoch, "new.example.com").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    let new = first_of(&estate.cadir("ca-2"), "ca_crt.pem");
    assert_eq!(new.subject_cn(), Some("The next"));

    // It takes over: it signs with the new key, and revokes with either.
    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    estate.enrol("ca-2", epoch, "newer.example.com").await;
    let leaf = first_of(&estate.cadir("ca-2"), "signed/newer.example.com.pem");
    leaf.verify(new.spki_der()).unwrap();
    for name in ["old.example.com", "new.example.com"] {
        estate.operate("ca-2", name, "revoked").await;
    }
    let lists = std::fs::read(estate.cadir("ca-2").join("ca_crl.pem")).unwrap();
    let lists = pki::crl::RevocationList::all_from_pem(&lists).unwrap();
    assert!(lists[0].verify(new.spki_der()).is_ok() && lists[1].verify(old.spki_der()).is_ok());
    assert_eq!((lists[0].len(), lists[1].len()), (1, 1));

    // A disk that was lost is filled again, keys and all.
    std::fs::remove_dir_all(estate.cadir("ca-1")).unwrap();
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    assert_eq!(other_keys(&estate.cadir("ca-1")).len(), 2);
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}
