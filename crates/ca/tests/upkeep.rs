//! The CA's own revocation list: replaced before it ends, and freed of what has outlived its certificates.

mod support;

use ca::Worker;
use pki::crl::{CrlDraft, RevocationList};
use pki::issue::Authority;
use pki::{Certificate, PrivateKey, Serial};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{change, enrol, new_authority, settings};

const DAY: i64 = 86_400;

fn now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs())
        .unwrap()
}

fn list(cadir: &Path) -> RevocationList {
    RevocationList::from_pem(&std::fs::read(cadir.join("ca_crl.pem")).unwrap()).unwrap()
}

fn serials(list: &RevocationList) -> Vec<u64> {
    list.entries().map(|(serial, _)| serial.to_u64().unwrap()).collect()
}

/// As another Puppet CA might have left the directory: with this list, number 7, and these rows (serial, and when the
/// certificate ends) in the inventory.
fn leave(cadir: &Path, listed_at: i64, next_update: i64, revoked: &[u64], rows: &[(u64, i64)]) {
    let key = Arc::new(PrivateKey::from_pem(&std::fs::read(cadir.join("ca_key.pem")).unwrap()).unwrap());
    let certificate = Certificate::from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
    let authority = Authority { certificate, signer: key };
    let entries: Vec<(Serial, i64)> =
        revoked.iter().map(|serial| (Serial::from_u64(*serial), listed_at)).collect();
    let draft = CrlDraft { number: 7, this_update: listed_at, next_update, entries: &entries };
    std::fs::write(cadir.join("ca_crl.pem"), pki::crl::issue(&authority, &draft).unwrap().to_pem()).unwrap();
    let mut inventory = String::new();
    for (serial, end) in rows {
        let row = ca::inventory::Row {
            serial: Serial::from_u64(*serial),
            not_before: 0,
            not_after: *end,
            name: format!("n{serial}.test"),
        };
        inventory.push_str(&row.to_line());
    }
    std::fs::write(cadir.join("inventory.txt"), inventory).unwrap();
    std::fs::write(cadir.join("serial"), "0100").unwrap();
    std::fs::remove_dir_all(cadir.join("bunraku")).unwrap();
}

async fn until_number(cadir: &Path, number: u64) -> RevocationList {
    for _ in 0..500 {
        if list(cadir).number() == Some(number) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let list = list(cadir);
    assert_eq!(list.number(), Some(number));
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_ends_soon_is_replaced_and_entries_leave_one_list_after_their_certificate() {
    let (_root, cadir) = new_authority();
    let listed_at = now() - 100 * DAY;
    // 16 ended before the list was made; 17 after, so no list has said so yet; 18 is alive; nobody knows 19; 20 is
    // in the inventory twice.
    let rows = [
        (16, listed_at - DAY),
        (17, listed_at + DAY),
        (18, now() + DAY),
        (20, listed_at - DAY),
        (20, now() + DAY),
    ];
    leave(&cadir, listed_at, now() + 29 * DAY, &[16, 17, 18, 19, 20], &rows);
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let new = until_number(&cadir, 8).await;
    assert_eq!(serials(&new), [17, 18, 19, 20]);
    assert!(new.next_update().unwrap() > now() + 4 * 365 * DAY);
    assert!((new.this_update() - now()).abs() < 60);
    // Now it has been on a list after its end; the next day it goes.
    let epoch = worker.role().epoch;
    worker.authority().keep_list(epoch).await;
    assert_eq!(serials(&until_number(&cadir, 9).await), [18, 19, 20]);
    // And that is all, on this day and the next.
    worker.authority().keep_list(epoch).await;
    assert_eq!(list(&cadir).number(), Some(9));
    // Revoking goes on from there, and a restart builds the same list again.
    enrol(&worker, "a.test").await;
    change(&worker, "a.test", "revoked").await;
    let last = list(&cadir);
    assert_eq!((last.number(), serials(&last)), (Some(10), vec![18, 19, 20, 256]));
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let state = worker.authority().ledger().read(|state| state.lists().own.clone()).unwrap();
    assert_eq!(state, last);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_lasts_is_left_alone() {
    let (_root, cadir) = new_authority();
    leave(&cadir, now() - 100 * DAY, now() + 31 * DAY, &[18], &[(18, now() + DAY)]);
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    worker.authority().keep_list(worker.role().epoch).await;
    assert_eq!(list(&cadir).number(), Some(7));
    worker.stop().await;
}
