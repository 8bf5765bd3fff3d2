//! Others write to the directories of a pair: while both are stopped, and while they run. What they did reaches both
//! members through the log of the primary; nobody writes over it before.

mod support;

use pki::Serial;
use replica::MemberName;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::estate::{Estate, differ, files, serial_of};
use support::other::Other;
use support::{csr, local};

/// Both run, three names are enrolled, and both stop.
async fn estate_with_a_past() -> Estate {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    for name in ["stays.test", "revoked.test", "cleaned.test"] {
        estate.enrol("ca-1", epoch, name).await;
    }
    same(&estate).await;
    estate
}

async fn same(estate: &Estate) {
    let (one, other) = (estate.cadir("ca-1"), estate.cadir("ca-2"));
    let is_same = |_: &Estate| differ(&one, &other).is_none();
    estate.until(&format!("both directories are the same: {:?}", differ(&one, &other)), is_same).await;
}

async fn stop_both(estate: &mut Estate) {
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}

/// What Puppet Server does on the primary's directory: a certificate, a revocation, a clean, a request.
fn other_ca_at_work(cadir: &Path) -> (Other, Serial) {
    let other = Other::on(cadir);
    let fresh = other.sign("fresh.test");
    other.revoke(Serial::from_u64(serial_of(cadir, "revoked.test")));
    other.revoke(Serial::from_u64(serial_of(cadir, "cleaned.test")));
    other.delete("signed/cleaned.test.pem");
    other.write("requests/waits.test.pem", csr("waits.test"));
    (other, fresh)
}

/// Both know all of it.
fn assert_known(estate: &Estate, fresh: Serial) {
    for name in ["ca-1", "ca-2"] {
        let other = Other::on(&estate.cadir(name));
        assert!(other.exists("signed/fresh.test.pem") && other.exists("requests/waits.test.pem"), "{name}");
        assert!(!other.exists("signed/cleaned.test.pem"), "{name}");
        assert_eq!(other.list().entries().count(), 2, "{name}");
        let row = format!("0x{fresh} ");
        let inventory = other.read("inventory.txt");
        assert_eq!(inventory.lines().filter(|line| line.starts_with(&row)).count(), 1, "{name}: {inventory}");
        assert_eq!(Serial::parse_hex(&other.read("serial")).unwrap(), fresh.next(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_ca_did_reaches_both_whichever_starts_first() {
    for order in [["ca-1", "ca-2"], ["ca-2", "ca-1"]] {
        let mut estate = estate_with_a_past().await;
        stop_both(&mut estate).await;
        let (other, fresh) = other_ca_at_work(&estate.cadir("ca-1"));
        for name in order {
            estate.start(name).await;
            estate.tell().await;
        }
        let epoch = estate.until_decides("ca-1").await;
        estate.until_in_sync().await;
        estate
            .until("it is known", |estate| estate.cadir("ca-2").join("signed/fresh.test.pem").exists())
            .await;
        same(&estate).await;
        assert_known(&estate, fresh);
        assert_eq!(other.set_aside().iter().filter(|file| file.starts_with("signed/fresh")).count(), 1);
        // And on, with the next number; the list's number grows.
        let number = other.list().number();
        estate.enrol("ca-1", epoch, "next.test").await;
        assert_eq!(serial_after(&estate, "ca-1", "next.test").await, fresh.next());
        estate.operate("ca-1", "fresh.test", "revoked").await;
        same(&estate).await;
        assert!(other.list().number() > number && other.list().contains(&fresh));
        stop_both(&mut estate).await;
    }
}

async fn serial_after(estate: &Estate, member: &str, name: &str) -> Serial {
    estate.running[member].0.authority().ledger().directory_follows().await;
    Serial::from_u64(serial_of(&estate.cadir(member), name))
}

/// The standby is named primary before the one whose directory was changed is back: it knows nothing of that, and gives
/// the same number. Nothing is written over, and both are brought together as the message says.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_in_whose_directory_another_ca_was_at_work_follows_nobody() {
    let mut estate = estate_with_a_past().await;
    stop_both(&mut estate).await;
    let (_, fresh) = other_ca_at_work(&estate.cadir("ca-1"));
    let left = files(&estate.cadir("ca-1"));

    estate.start("ca-2").await;
    let before = estate.registered();
    estate.set(before.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    estate.enrol("ca-2", epoch, "since.test").await;
    assert_eq!(serial_after(&estate, "ca-2", "since.test").await, fresh, "it could not know");

    estate.start("ca-1").await;
    let named = |estate: &Estate| estate.running["ca-1"].0.role().primary.as_deref() == Some("ca-2");
    estate.until("ca-1 knows who is primary", named).await;
    estate.operate("ca-2", "since.test", "revoked").await;
    assert_stays_apart(&estate, "ca-1", &left).await;

    // What the message says: over the directory of the primary, while that runs.
    merge(&estate.cadir("ca-1"), &estate.cadir("ca-2"));
    let worker = &estate.running["ca-2"].0;
    worker.authority().look_for_changes().await.unwrap();
    worker.authority().ledger().directory_follows().await;
    estate.stop("ca-1").await;
    rejoin(&estate.cadir("ca-1"));
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    same(&estate).await;
    let other = Other::on(&estate.cadir("ca-1"));
    for file in ["signed/fresh.test.pem", "signed/since.test.pem", "requests/waits.test.pem"] {
        assert!(other.exists(file), "{file}");
    }
    // Three revocations: two there, and since.test, whose number fresh.test has, too.
    assert_eq!(other.list().entries().count(), 3);
    let inventory = other.read("inventory.txt");
    for name in ["fresh.test", "since.test"] {
        assert!(inventory.contains(&format!("0x{fresh} ")) && inventory.contains(&format!("/CN={name}\n")));
    }
    stop_both(&mut estate).await;
}

/// The same, when somebody has also taken away the member's log, which is how a member is made to join again.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_does_not_take_the_place_of_what_another_ca_did() {
    let mut estate = estate_with_a_past().await;
    stop_both(&mut estate).await;
    other_ca_at_work(&estate.cadir("ca-1"));
    rejoin(&estate.cadir("ca-1"));
    let left = files(&estate.cadir("ca-1"));
    estate.start("ca-2").await;
    let before = estate.registered();
    estate.set(before.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    estate.until_decides("ca-2").await;
    estate.start("ca-1").await;
    assert_stays_apart(&estate, "ca-1", &left).await;
    merge(&estate.cadir("ca-1"), &estate.cadir("ca-2"));
    estate.running["ca-2"].0.authority().look_for_changes().await.unwrap();
    estate.until_in_sync().await;
    same(&estate).await;
    assert!(Other::on(&estate.cadir("ca-1")).exists("signed/fresh.test.pem"));
    stop_both(&mut estate).await;
}

/// For a while in which it could have been fed many times.
async fn assert_stays_apart(estate: &Estate, name: &str, left: &BTreeMap<String, Vec<u8>>) {
    for _ in 0..60 {
        estate.tell().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!estate.registered().in_sync.contains(&MemberName::new(name)));
    }
    let now = files(&estate.cadir(name));
    let changed = now.iter().find(|(name, content)| left.get(*name) != Some(content)).map(|(name, _)| name);
    assert_eq!((changed, now.len()), (None, left.len()));
}

/// `cp -pu` of objects, `cp` of the rest.
fn merge(from: &Path, to: &Path) {
    let script = "cp -pu \"$0\"/signed/*.pem \"$1\"/signed/; cp -pu \"$0\"/requests/*.pem \"$1\"/requests/; \
                  cp \"$0\"/inventory.txt \"$0\"/ca_crl.pem \"$1\"/";
    let done = std::process::Command::new("sh").args(["-c", script]).arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

/// Has a member asked for everything at its next start.
fn rejoin(cadir: &Path) {
    for file in ["configuration", "log", "snapshot"] {
        fs::remove_file(cadir.join("bunraku").join(file)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_hand_while_both_run() {
    let mut estate = estate_with_a_past().await;
    for name in ["ca-1", "ca-2"] {
        estate.running[name].0.authority().look_for_changes().await.unwrap();
    }
    // At the primary: taken over, and at the standby as well.
    let primary = Other::on(&estate.cadir("ca-1"));
    primary.write("requests/dropped.test.pem", csr("dropped.test"));
    primary.delete("signed/cleaned.test.pem");
    estate.running["ca-1"].0.authority().look_for_changes().await.unwrap();
    let standby = Other::on(&estate.cadir("ca-2"));
    estate.until("the standby has the request", |_| standby.exists("requests/dropped.test.pem")).await;
    same(&estate).await;
    assert!(!standby.exists("signed/cleaned.test.pem"));

    // At the standby: set aside, and written anew.
    let list = standby.read("ca_crl.pem");
    standby.delete("signed/stays.test.pem");
    standby.write("requests/only-here.test.pem", csr("only-here.test"));
    standby.write("serial", "0F00");
    standby.write("ca_crl.pem", "");
    estate.until("the standby may read", |estate| estate.running["ca-2"].0.role().reads).await;
    estate.running["ca-2"].0.authority().look_for_changes().await.unwrap();
    same(&estate).await;
    assert!(standby.exists("signed/stays.test.pem"));
    assert_eq!(standby.read("ca_crl.pem"), list);
    assert_eq!(standby.set_aside(), ["ca_crl.pem", "requests/only-here.test.pem", "serial"]);
    assert_eq!(primary.set_aside(), Vec::<String>::new());
    stop_both(&mut estate).await;
}

/// Written since the last look before the end: nobody else did anything.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_wrote_last_is_not_set_aside_at_its_next_start() {
    let mut estate = estate_with_a_past().await;
    same(&estate).await;
    stop_both(&mut estate).await;
    for member in ["ca-1", "ca-2"] {
        std::fs::remove_file(estate.cadir(member).join("bunraku/seen")).unwrap_or_default();
        estate.start(member).await;
    }
    estate.until_decides("ca-1").await;
    estate.until_in_sync().await;
    same(&estate).await;
    for member in ["ca-1", "ca-2"] {
        assert_eq!(Other::on(&estate.cadir(member)).set_aside(), Vec::<String>::new(), "{member}");
    }
    stop_both(&mut estate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restored_over_the_primary_forgets_nothing() {
    let mut estate = estate_with_a_past().await;
    let primary = Other::on(&estate.cadir("ca-1"));
    let saved = ["serial", "inventory.txt", "ca_crl.pem", "signed/revoked.test.pem"];
    let backup = saved.map(|file| (file, primary.read(file)));
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "late.test").await;
    estate.operate("ca-1", "revoked.test", "revoked").await;
    same(&estate).await;
    let wanted = files(&estate.cadir("ca-2"));
    stop_both(&mut estate).await;
    for (file, content) in &backup {
        primary.write(file, content);
    }
    primary.delete("signed/late.test.pem");
    estate.start("ca-1").await;
    estate.start("ca-2").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.until_in_sync().await;
    same(&estate).await;
    let now = files(&estate.cadir("ca-1"));
    for file in ["/serial", "/ca_crl.pem", "signed/late.test.pem", "signed/revoked.test.pem"] {
        assert_eq!(now.get(file), wanted.get(file), "{file}");
    }
    let next = Serial::parse_hex(&primary.read("serial")).unwrap();
    estate.enrol("ca-1", epoch, "next.test").await;
    assert_eq!(serial_after(&estate, "ca-1", "next.test").await, next);
    let all = support::ask(
        &estate.running["ca-1"].0,
        local(),
        "GET",
        "/puppet-ca/v1/certificate_status/revoked.test",
        &[],
        "",
    );
    assert!(all.await.text().contains("\"state\":\"revoked\""));
    stop_both(&mut estate).await;
}
