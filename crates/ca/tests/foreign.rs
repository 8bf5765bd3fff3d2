//! Others write to the CA directory while no CA has it, and while one does.

mod support;

use ca::Worker;
use ca::state::Standing;
use pki::Serial;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::other::{Other, now};
use support::{ask, change, csr, enrol, new_authority, peer, settings};

async fn start(cadir: &Path) -> Arc<Worker> {
    Worker::start(settings(cadir)).await.unwrap()
}

fn standing(worker: &Worker, certname: &str) -> Option<Standing> {
    worker.authority().standing(certname)
}

fn list_number(worker: &Worker) -> u64 {
    worker.authority().ledger().read(|state| state.lists().own.number().unwrap()).unwrap()
}

fn serial_of(worker: &Worker, certname: &str) -> Serial {
    worker.authority().ledger().read(|state| state.signed()[certname].serial).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_puppet_server_did_while_the_ca_was_stopped_is_taken_over() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    for name in ["stays.test", "revoked.test", "cleaned.test", "renewed.test"] {
        enrol(&worker, name).await;
    }
    enrol(&worker, "ours.test").await;
    change(&worker, "ours.test", "revoked").await;
    let numbers = ["revoked.test", "cleaned.test", "renewed.test"].map(|name| serial_of(&worker, name));
    let number = list_number(&worker);
    worker.stop().await;

    let other = Other::on(&cadir);
    let fresh = other.sign("fresh.test");
    other.revoke(numbers[0]);
    other.revoke(numbers[1]);
    other.delete("signed/cleaned.test.pem");
    let renewed = other.sign("renewed.test");
    other.write("requests/waits.test.pem", csr("waits.test"));
    let after = Serial::parse_hex(&other.read("serial")).unwrap();

    let worker = start(&cadir).await;
    assert_eq!(standing(&worker, "fresh.test"), Some(Standing::Signed));
    assert_eq!(serial_of(&worker, "fresh.test"), fresh);
    assert_eq!(standing(&worker, "revoked.test"), Some(Standing::Revoked));
    assert_eq!(standing(&worker, "ours.test"), Some(Standing::Revoked));
    assert_eq!(standing(&worker, "stays.test"), Some(Standing::Signed));
    assert_eq!(standing(&worker, "cleaned.test"), None);
    assert_eq!(serial_of(&worker, "renewed.test"), renewed);
    assert_eq!(standing(&worker, "waits.test"), Some(Standing::Requested));
    assert_eq!(list_number(&worker), number + 2);
    let known = worker.authority().ledger().read(|state| {
        (state.is_revoked(&numbers[1]), state.issued_to("renewed.test").len(), state.next_serial())
    });
    assert_eq!(known, Some((true, 2, after)));
    assert_eq!(other.set_aside(), Vec::<String>::new());

    // And on: numbers continue, nothing of the other's is written over.
    change(&worker, "waits.test", "signed").await;
    change(&worker, "renewed.test", "revoked").await;
    worker.stop().await;
    let inventory = other.read("inventory.txt");
    assert!(inventory.ends_with("/CN=waits.test\n") && inventory.contains("/CN=fresh.test\n"), "{inventory}");
    assert_eq!(inventory.lines().count(), 1 + 5 + 2 + 1);
    let list = other.list();
    assert_eq!(list.number(), Some(number + 3));
    for serial in [numbers[0], numbers[1], numbers[2], renewed] {
        assert!(list.contains(&serial), "{serial}");
    }
    // Once is enough.
    let worker = start(&cadir).await;
    assert_eq!(serial_of(&worker, "waits.test"), after);
    assert_eq!(other.set_aside(), Vec::<String>::new());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_does_not_turn_back_time() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    enrol(&worker, "early.test").await;
    let saved =
        ask(&worker, peer(None), "PUT", "/puppet-ca/v1/certificate_request/b.test", &[], csr("b.test"));
    assert_eq!(saved.await.status, 200);
    worker.authority().ledger().directory_follows().await;
    let other = Other::on(&cadir);
    let files = ["serial", "inventory.txt", "ca_crl.pem", "requests/b.test.pem", "signed/early.test.pem"];
    let backup = files.map(|file| (file, other.read(file)));
    change(&worker, "b.test", "signed").await;
    enrol(&worker, "late.test").await;
    change(&worker, "early.test", "revoked").await;
    let (next, number) = (other.read("serial"), list_number(&worker));
    let inventory = other.read("inventory.txt");
    worker.stop().await;

    for (file, content) in &backup {
        other.write(file, content);
    }
    other.delete("signed/b.test.pem");
    other.delete("signed/late.test.pem");

    let worker = start(&cadir).await;
    assert_eq!(standing(&worker, "early.test"), Some(Standing::Revoked));
    assert_eq!(standing(&worker, "late.test"), Some(Standing::Signed));
    assert_eq!(standing(&worker, "b.test"), Some(Standing::Signed));
    assert_eq!(list_number(&worker), number);
    worker.stop().await;
    assert_eq!(other.read("serial"), next);
    assert_eq!(other.list().number(), Some(number));
    assert!(other.exists("signed/late.test.pem") && other.exists("signed/b.test.pem"));
    assert!(!other.exists("requests/b.test.pem"));
    let sorted = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().map(|line| line.split(' ').next().unwrap().into()).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&other.read("inventory.txt")), sorted(&inventory));
    assert_eq!(other.set_aside(), ["ca_crl.pem", "inventory.txt", "requests/b.test.pem", "serial"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_went_apart_become_one_with_the_entries_of_both() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    for name in ["a.test", "b.test", "c.test"] {
        enrol(&worker, name).await;
    }
    let serials = ["a.test", "b.test", "c.test"].map(|name| serial_of(&worker, name));
    let other = Other::on(&cadir);
    worker.authority().ledger().directory_follows().await;
    let before = other.list();
    change(&worker, "a.test", "revoked").await;
    change(&worker, "b.test", "revoked").await;
    worker.stop().await;
    // From the older list, and with a number that we have used for another: c is revoked, a and b are not.
    other.issue_list(before.number().unwrap() + 1, &[(serials[2], now())]);

    let worker = start(&cadir).await;
    for name in ["a.test", "b.test", "c.test"] {
        assert_eq!(standing(&worker, name), Some(Standing::Revoked), "{name}");
    }
    assert_eq!(list_number(&worker), before.number().unwrap() + 3);
    worker.stop().await;
    assert_eq!(other.list().entries().count(), 3);
    assert_eq!(other.set_aside(), ["ca_crl.pem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_is_left_alone_and_never_counts() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    enrol(&worker, "a.test").await;
    worker.stop().await;
    let other = Other::on(&cadir);
    other.write("requests/broken.test.pem", "hello");
    other.write("requests/other.test.pem", csr("another.test"));
    other.write("signed/readme.txt", "hello");
    let (stranger_root, stranger) = new_authority();
    other.write(
        "signed/stranger.test.pem",
        Other::on(&stranger).certificate("stranger.test", Serial::from_u64(77)).to_pem(),
    );
    drop(stranger_root);
    let next = other.read("serial");
    let worker = start(&cadir).await;
    for name in ["broken.test", "other.test", "stranger.test"] {
        assert_eq!(standing(&worker, name), None, "{name}");
    }
    worker.stop().await;
    for file in ["requests/broken.test.pem", "requests/other.test.pem", "signed/stranger.test.pem"] {
        assert!(other.exists(file), "{file}");
    }
    assert_eq!(other.read("serial"), next);
    assert_eq!(other.set_aside(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_only_its_file_knows_can_be_revoked() {
    let (_root, cadir) = new_authority();
    start(&cadir).await.stop().await;
    let other = Other::on(&cadir);
    // A peer that was stopped between certificate and inventory, and whose serial is far ahead.
    let serial = Serial::from_u64(0x4000);
    other.write("signed/lost.test.pem", other.certificate("lost.test", serial).to_pem());
    let worker = start(&cadir).await;
    assert_eq!(standing(&worker, "lost.test"), Some(Standing::Signed));
    change(&worker, "lost.test", "revoked").await;
    enrol(&worker, "next.test").await;
    assert_eq!(serial_of(&worker, "next.test"), serial.next());
    worker.stop().await;
    assert!(other.list().contains(&serial));
    assert!(other.read("inventory.txt").contains("/CN=lost.test\n"));
}

/// What the CA does every few seconds.
async fn look(worker: &Worker) {
    worker.authority().ledger().directory_follows().await;
    worker.authority().look_for_changes().await.unwrap();
    worker.authority().ledger().directory_follows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_does_by_hand_while_the_ca_runs_is_taken_over() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    for name in ["gone.test", "stays.test"] {
        enrol(&worker, name).await;
    }
    let submitted = "/puppet-ca/v1/certificate_request/dropped.test";
    assert_eq!(ask(&worker, peer(None), "PUT", submitted, &[], csr("dropped.test")).await.status, 200);
    look(&worker).await;
    let other = Other::on(&cadir);
    other.write("requests/new.test.pem", csr("new.test"));
    other.delete("requests/dropped.test.pem");
    other.delete("signed/gone.test.pem");
    let serial = other.sign("signed.test");
    other.revoke(serial);
    look(&worker).await;
    assert_eq!(standing(&worker, "new.test"), Some(Standing::Requested));
    assert_eq!(standing(&worker, "dropped.test"), None);
    assert_eq!(standing(&worker, "gone.test"), None);
    assert_eq!(standing(&worker, "stays.test"), Some(Standing::Signed));
    assert_eq!(standing(&worker, "signed.test"), Some(Standing::Revoked));
    // Removed is not revoked.
    let gone = worker.authority().ledger().read(|state| {
        let issued = state.issued_to("gone.test")[0].serial;
        state.is_revoked(&issued)
    });
    assert_eq!(gone, Some(false));
    change(&worker, "new.test", "signed").await;
    assert_eq!(serial_of(&worker, "new.test"), serial.next());
    worker.stop().await;
    assert_eq!(other.set_aside(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_writes_are_nobody_elses() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    let looking = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move {
            for _ in 0..200 {
                worker.authority().look_for_changes().await.unwrap();
            }
        }
    });
    for number in 0..40 {
        let name = format!("n{number}.test");
        enrol(&worker, &name).await;
        if number % 3 == 0 {
            change(&worker, &name, "revoked").await;
        }
    }
    looking.await.unwrap();
    let index = worker.authority().ledger().read(|state| state.signed().len());
    assert_eq!(index, Some(40));
    worker.stop().await;
    let notes = ca::view::view(&ca::directory::Layout::new(&cadir)).unwrap().unwrap();
    let adopted = notes
        .entries
        .iter()
        .filter(|entry| !entry.is_marker())
        .flat_map(|entry| ca::command::Envelope::decode(&entry.payload).unwrap().commands);
    let adopted: Vec<_> = adopted.filter(|c| matches!(c, ca::command::Command::Noted { .. })).collect();
    assert!(adopted.is_empty(), "{adopted:?}");
    assert_eq!(Other::on(&cadir).set_aside(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_the_ca_that_change_during_a_look_are_nobody_elses() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    let stop = Arc::new(AtomicBool::new(false));
    let looking = tokio::spawn({
        let (worker, stop) = (Arc::clone(&worker), Arc::clone(&stop));
        async move {
            while !stop.load(Ordering::Relaxed) {
                worker.authority().look_for_changes().await.unwrap();
            }
        }
    });
    let bundle = std::fs::read_to_string(cadir.join("ca_crt.pem")).unwrap();
    for _ in 0..20 {
        for body in [r#"{"action":"new-key","key_type":"ec:P-256"}"#, r#"{"action":"abort"}"#] {
            let path = wire::protocol::internal::ROLLOVER_PATH;
            let reply = ask(&worker, support::local(), "POST", path, &[], body).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
        }
    }
    stop.store(true, Ordering::Relaxed);
    looking.await.unwrap();
    look(&worker).await;
    assert_eq!(*bundle, **worker.authority().ledger().state().unwrap().bundle_pem());
    worker.stop().await;
    assert_eq!(bundle, std::fs::read_to_string(cadir.join("ca_crt.pem")).unwrap());
    assert_eq!(Other::on(&cadir).set_aside(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_serial_or_list_put_back_while_the_ca_runs_is_set_aside() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    let other = Other::on(&cadir);
    worker.authority().ledger().directory_follows().await;
    let (serial, list) = (other.read("serial"), other.read("ca_crl.pem"));
    enrol(&worker, "a.test").await;
    change(&worker, "a.test", "revoked").await;
    look(&worker).await;
    let (next, number) = (other.read("serial"), list_number(&worker));
    other.write("serial", &serial);
    other.write("ca_crl.pem", &list);
    look(&worker).await;
    assert_eq!(other.read("serial"), next);
    assert_eq!(other.list().number(), Some(number));
    assert_eq!(other.set_aside(), ["ca_crl.pem", "serial"]);
    assert_eq!(standing(&worker, "a.test"), Some(Standing::Revoked));
    worker.stop().await;
}

/// Between two looks, our own next write would take the place of what somebody else has just written.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_a_moment_before_our_own_write_is_not_lost() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    for name in ["theirs.test", "ours.test"] {
        enrol(&worker, name).await;
    }
    look(&worker).await;
    let other = Other::on(&cadir);

    // A serial that is ahead stays, and counts.
    other.write("serial", "0100");
    enrol(&worker, "between.test").await;
    worker.authority().ledger().directory_follows().await;
    assert_eq!(other.read("serial"), "0100");
    look(&worker).await;
    enrol(&worker, "after.test").await;
    assert_eq!(serial_of(&worker, "after.test"), Serial::from_u64(0x100));

    // One that is behind is set aside.
    worker.authority().ledger().directory_follows().await;
    other.write("serial", "0002");
    enrol(&worker, "more.test").await;
    look(&worker).await;
    assert_eq!(other.read("serial"), "0102");
    assert_eq!(other.set_aside(), ["serial"]);

    // Of two lists with the same number, one becomes that has the entries of both.
    let number = list_number(&worker);
    other.revoke(serial_of(&worker, "theirs.test"));
    assert_eq!(other.list().number(), Some(number + 1));
    change(&worker, "ours.test", "revoked").await;
    look(&worker).await;
    look(&worker).await;
    for name in ["theirs.test", "ours.test"] {
        assert_eq!(standing(&worker, name), Some(Standing::Revoked), "{name}");
        assert!(other.list().contains(&serial_of(&worker, name)), "{name}");
    }
    assert!(list_number(&worker) > number + 1);
    assert_eq!(other.list().number(), Some(list_number(&worker)));
    worker.stop().await;
}
