//! The infrastructure's revocation list beside the full one.

mod support;

use ca::{CaSettings, Worker};
use pki::Certificate;
use pki::crl::RevocationList;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{ask, change, enrol, new_authority, operator, peer, settings};

const LIST: &str = "/puppet-ca/v1/certificate_revocation_list/ca";
const FRONT_END: &str = "front-end.test";

fn with_infra(cadir: &Path) -> CaSettings {
    CaSettings { enable_infra_crl: true, roles: vec![FRONT_END.into()], ..settings(cadir) }
}

fn list(cadir: &Path, name: &str) -> RevocationList {
    RevocationList::from_pem(&std::fs::read(cadir.join(name)).unwrap()).unwrap()
}

fn serial(cadir: &Path, certname: &str) -> pki::Serial {
    let pem = std::fs::read(cadir.join(format!("signed/{certname}.pem"))).unwrap();
    Certificate::from_pem(&pem).unwrap().serial()
}

/// Leaves an empty list of this number.
fn list_number(cadir: &Path, number: u64) -> RevocationList {
    let read = |name: &str| std::fs::read(cadir.join(name)).unwrap();
    let signer = Arc::new(pki::PrivateKey::from_pem(&read("ca_key.pem")).unwrap());
    let certificate = Certificate::from_pem(&read("ca_crt.pem")).unwrap();
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let draft = pki::crl::CrlDraft::at(now, number, &[]);
    let made = pki::crl::issue(&pki::issue::Authority { certificate, signer }, &draft).unwrap();
    std::fs::write(cadir.join("infra_crl.pem"), made.to_pem()).unwrap();
    made
}

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not come true");
}

async fn served(worker: &Arc<Worker>, certificate: Option<&Certificate>) -> RevocationList {
    let answer = ask(worker, peer(certificate), "GET", LIST, &[], "").await;
    assert_eq!(answer.status, 200);
    RevocationList::from_pem(&answer.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_infrastructures_revocations_are_on_its_list_and_agents_get_that() {
    let (_root, cadir) = new_authority();
    let front_end = operator(&cadir, FRONT_END, false);
    std::fs::write(cadir.join("infra_inventory.txt"), "infra.test\n").unwrap();
    let worker = Worker::start(with_infra(&cadir)).await.unwrap();
    for name in ["infra.test", "node.test", "later.test"] {
        enrol(&worker, name).await;
    }
    let infra = serial(&cadir, "infra.test");
    let serials = || std::fs::read_to_string(cadir.join("infra_serials")).unwrap();
    until("infra_serials", || serials() == format!("{}\n", infra.to_decimal())).await;

    for name in ["node.test", "later.test"] {
        change(&worker, name, "revoked").await;
    }
    assert!(list(&cadir, "infra_crl.pem").is_empty());
    change(&worker, "infra.test", "revoked").await;
    // By the time of the answer it is on both, and nothing else is on the short one.
    let short = list(&cadir, "infra_crl.pem");
    assert_eq!(short.entries().map(|(serial, _)| serial).collect::<Vec<_>>(), [infra]);
    assert_eq!(list(&cadir, "ca_crl.pem").len(), 3);
    let issuer = Certificate::from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
    short.verify(issuer.spki_der()).unwrap();
    assert_eq!(served(&worker, None).await, short);
    assert_eq!(served(&worker, Some(&front_end)).await, list(&cadir, "ca_crl.pem"));

    // The operator names another node, which has been revoked already: it is made good for.
    let later = serial(&cadir, "later.test");
    std::fs::write(cadir.join("infra_inventory.txt"), "infra.test\nlater.test\n\n").unwrap();
    until("later.test on the list", || list(&cadir, "infra_crl.pem").contains(&later)).await;
    assert_eq!(serials(), format!("{}\n{}\n", infra.to_decimal(), later.to_decimal()));
    assert_eq!(list(&cadir, "infra_crl.pem").len(), 2);
    let number = list(&cadir, "infra_crl.pem").number();
    worker.stop().await;

    // After a restart nothing is issued for its own sake, and without the setting agents get the full list.
    let worker = Worker::start(with_infra(&cadir)).await.unwrap();
    enrol(&worker, "another.test").await;
    worker.authority().keep_infra(worker.role().epoch).await.unwrap();
    assert_eq!(list(&cadir, "infra_crl.pem").number(), number);
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert_eq!(served(&worker, None).await.len(), 3);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_there_is_taken_over_and_what_the_reference_loses_in_a_crash_is_found() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "infra.test").await;
    let infra = serial(&cadir, "infra.test");
    // As Puppet Server leaves it when it ends between its two lists.
    change(&worker, "infra.test", "revoked").await;
    worker.stop().await;
    std::fs::write(cadir.join("infra_inventory.txt"), "infra.test").unwrap();
    // One that has a history.
    let before = list_number(&cadir, 41);
    let worker = Worker::start(with_infra(&cadir)).await.unwrap();
    until("the lost one", || list(&cadir, "infra_crl.pem").contains(&infra)).await;
    assert_eq!(list(&cadir, "infra_crl.pem").number(), before.number().map(|number| number + 1));
    worker.stop().await;
    // No list at all is no obstacle either: the log has it.
    std::fs::remove_file(cadir.join("infra_crl.pem")).unwrap();
    std::fs::remove_dir_all(cadir.join("bunraku")).unwrap();
    let worker = Worker::start(with_infra(&cadir)).await.unwrap();
    until("a new list", || cadir.join("infra_crl.pem").exists()).await;
    until("the revoked one on it", || list(&cadir, "infra_crl.pem").contains(&infra)).await;
    worker.stop().await;
}
