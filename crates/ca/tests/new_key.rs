//! A new key for the CA, with overlap: introduced, activated, retired; and what certificates, lists and files are then.

mod support;

use ca::Worker;
use pki::crl::RevocationList;
use pki::{Certificate, PrivateKey, Signer as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::{Reply, ask, change, enrol, local, new_authority, peer, settings};

const ROLLOVER: &str = "/bunraku/v1/authority/rollover";

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn bundle(cadir: &Path) -> Vec<Certificate> {
    Certificate::all_from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap()
}

fn lists(cadir: &Path) -> Vec<RevocationList> {
    RevocationList::all_from_pem(&std::fs::read(cadir.join("ca_crl.pem")).unwrap()).unwrap()
}

fn key(path: &Path) -> PrivateKey {
    PrivateKey::from_pem(&std::fs::read(path).unwrap()).unwrap()
}

fn other_keys(cadir: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(cadir).unwrap().map(|entry| entry.unwrap().path());
    let mut keys: Vec<PathBuf> =
        names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ca_key-")).collect();
    keys.sort();
    keys
}

fn signed(cadir: &Path, certname: &str) -> Certificate {
    Certificate::from_pem(&std::fs::read(cadir.join(format!("signed/{certname}.pem"))).unwrap()).unwrap()
}

fn is_by(leaf: &Certificate, authority: &Certificate) -> bool {
    leaf.names_as_issuer(authority) && leaf.verify(authority.spki_der()).is_ok()
}

async fn step(worker: &Arc<Worker>, body: Value) -> Reply {
    ask(worker, local(), "POST", ROLLOVER, &[], body.to_string()).await
}

async fn done(worker: &Arc<Worker>, body: Value) -> Value {
    let reply = step(worker, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

async fn refused(worker: &Arc<Worker>, body: Value) -> String {
    let reply = step(worker, body).await;
    assert_eq!(reply.status, 409, "{}", reply.text());
    reply.text()
}

async fn status(worker: &Arc<Worker>) -> Value {
    let reply = ask(worker, local(), "GET", ROLLOVER, &[], "").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_takes_over_and_the_former_one_goes_in_the_end() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    for name in ["stays.test", "goes.test", "old.test"] {
        enrol(&worker, name).await;
    }
    change(&worker, "goes.test", "revoked").await;
    let old = bundle(&cadir).remove(0);
    let old_key = key(&cadir.join("ca_key.pem"));
    assert_eq!(status(&worker).await["phase"], "one-key");

    // What comes later is refused, and strangers are.
    for action in ["activate", "retire", "abort"] {
        refused(&worker, json!({"action": action})).await;
    }
    let stranger = ask(&worker, peer(None), "POST", ROLLOVER, &[], r#"{"action":"new-key"}"#).await;
    assert_eq!(stranger.status, 403);
    let text =
        refused(&worker, json!({"action": "new-key", "ca_name": "Puppet CA: puppet.example.com"})).await;
    assert!(text.contains("is taken") && text.contains("--ca-name"), "{text}");
    assert_eq!(step(&worker, json!({"action": "new-key", "key_type": "dsa"})).await.status, 400);
    assert_eq!(other_keys(&cadir), Vec::<PathBuf>::new());

    // 1. Introduced: both are trusted, the old one signs.
    let told = done(&worker, json!({"action": "new-key", "key_type": "ec:P-256"})).await;
    assert_eq!(told["phase"], "introduced", "{told}");
    let both = bundle(&cadir);
    assert_eq!((both.len(), &both[0]), (2, &old));
    let new = both[1].clone();
    assert_eq!(new.subject_cn(), Some("Puppet CA: puppet.example.com #2"));
    assert_eq!(key(&cadir.join("ca_key.pem")).spki_der(), old_key.spki_der());
    let kept = other_keys(&cadir);
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(key(&kept[0]).spki_der(), new.spki_der());
    let both_lists = lists(&cadir);
    assert_eq!(both_lists.len(), 2);
    assert!(both_lists[0].verify(old.spki_der()).is_ok() && both_lists[1].verify(new.spki_der()).is_ok());
    enrol(&worker, "between.test").await;
    assert!(is_by(&signed(&cadir, "between.test"), &old));
    assert!(refused(&worker, json!({"action": "new-key"})).await.contains("--abort"));
    let text = refused(&worker, json!({"action": "activate"})).await;
    assert!(text.contains("--force") && text.contains("front_end_access.log"), "{text}");

    // 2. Active: it survives a restart, and what is new is by the new key.
    let told = done(&worker, json!({"action": "activate", "force": true})).await;
    assert_eq!((&told["phase"], told["left"].as_array().unwrap().len()), (&json!("active"), 3), "{told}");
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert_eq!(bundle(&cadir), [new.clone(), old.clone()]);
    assert_eq!(key(&cadir.join("ca_key.pem")).spki_der(), new.spki_der());
    let public = std::fs::read_to_string(cadir.join("ca_pub.pem")).unwrap();
    assert_eq!(public, key(&cadir.join("ca_key.pem")).public_pem());
    enrol(&worker, "new.test").await;
    assert!(is_by(&signed(&cadir, "new.test"), &new));
    for name in ["stays.test", "old.test", "between.test", "new.test"] {
        pki::verify::verify_chain(&signed(&cadir, name), &bundle(&cadir), now()).unwrap();
    }
    assert!(refused(&worker, json!({"action": "abort"})).await.contains("--retire"));

    // Each key's revocations are on its own list, and every number is above those before.
    let before = lists(&cadir);
    change(&worker, "old.test", "revoked").await;
    change(&worker, "new.test", "revoked").await;
    let after = lists(&cadir);
    let (old_leaf, new_leaf) = (signed(&cadir, "old.test").serial(), signed(&cadir, "new.test").serial());
    assert!(after[0].verify(new.spki_der()).is_ok() && after[1].verify(old.spki_der()).is_ok());
    assert!(after[0].contains(&new_leaf) && !after[0].contains(&old_leaf));
    assert!(after[1].contains(&old_leaf) && !after[1].contains(&new_leaf));
    assert_eq!(after[1].len(), 2, "and the one from before");
    assert_eq!(after[0].number(), before[0].number().map(|number| number + 2));
    assert!(before[0].number() > both_lists[0].number());

    // 3. Retired once nothing hangs on the former key; nothing is forgotten.
    let text = refused(&worker, json!({"action": "retire"})).await;
    assert!(text.contains("2 names") && text.contains("between.test, stays.test"), "{text}");
    change(&worker, "between.test", "revoked").await;
    change(&worker, "stays.test", "revoked").await;
    let told = done(&worker, json!({"action": "retire"})).await;
    assert_eq!((&told["phase"], &told["keys"][1]["part"]), (&json!("one-key"), &json!("retired")), "{told}");
    assert_eq!(bundle(&cadir), std::slice::from_ref(&new));
    assert_eq!(lists(&cadir).len(), 1);
    let archived = other_keys(&cadir);
    assert_eq!(archived.len(), 1, "{archived:?}");
    assert_eq!(key(&archived[0]).spki_der(), old_key.spki_der());
    assert_eq!(std::fs::metadata(&archived[0]).unwrap().permissions().mode() & 0o777, 0o600);
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let all = ask(&worker, local(), "GET", "/puppet-ca/v1/certificate_statuses/all", &[], "").await;
    let all: Value = serde_json::from_slice(&all.body).unwrap();
    let revoked = all.as_array().unwrap().iter().filter(|one| one["state"] == "revoked");
    assert_eq!(revoked.count(), 5, "{all}");
    enrol(&worker, "last.test").await;
    let text = std::fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let serials: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(serials.iter().collect::<BTreeSet<_>>().len(), serials.len(), "{text}");
    assert!(is_clean(&cadir), "fsck");
    // And once more.
    done(&worker, json!({"action": "new-key"})).await;
    assert_eq!(bundle(&cadir)[1].subject_cn(), Some("Puppet CA: puppet.example.com #3"));
    worker.stop().await;
}

fn is_clean(cadir: &Path) -> bool {
    let report = ca::fsck::check(cadir, &mut |_, _, _| {}).unwrap();
    eprintln!("{report:?}");
    report.is_clean()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_given_up_leaves_nothing() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let before = std::fs::read_to_string(cadir.join("ca_crt.pem")).unwrap();
    let list = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    done(&worker, json!({"action": "new-key", "ca_name": "Another"})).await;
    assert!(is_clean(&cadir));
    let told = done(&worker, json!({"action": "abort"})).await;
    assert_eq!(told["phase"], "one-key");
    assert_eq!(std::fs::read_to_string(cadir.join("ca_crt.pem")).unwrap(), before);
    assert_eq!(std::fs::read(cadir.join("ca_crl.pem")).unwrap(), list);
    assert_eq!(other_keys(&cadir), Vec::<PathBuf>::new());
    enrol(&worker, "a.test").await;
    worker.stop().await;
    assert!(is_clean(&cadir));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_renews_moves_to_the_new_key() {
    let (_root, cadir) = new_authority();
    let settings = ca::CaSettings { allow_auto_renewal: true, ..settings(&cadir) };
    let worker = Worker::start(settings).await.unwrap();
    enrol(&worker, "a.test").await;
    done(&worker, json!({"action": "new-key"})).await;
    done(&worker, json!({"action": "activate", "force": true})).await;
    let old = signed(&cadir, "a.test");
    let path = "/puppet-ca/v1/certificate_renewal";
    let renewed = ask(&worker, peer(Some(&old)), "POST", path, &[], "").await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    let new = signed(&cadir, "a.test");
    assert!(is_by(&new, &bundle(&cadir)[0]));
    let told = status(&worker).await;
    assert_eq!((&told["left"], &told["superseded"]), (&json!([]), &json!(1)), "{told}");
    let again = ask(&worker, peer(Some(&new)), "POST", path, &[], "").await;
    assert_eq!(again.status, 200, "{}", again.text());
    // All of the name's certificates, whoever has signed them.
    change(&worker, "a.test", "revoked").await;
    let lists = lists(&cadir);
    assert_eq!((lists[0].len(), lists[1].len()), (2, 1));
    done(&worker, json!({"action": "retire"})).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_without_its_log_tells_which_key_is_which() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "old.test").await;
    done(&worker, json!({"action": "new-key"})).await;
    let worker = without_log(worker, &cadir).await;
    assert_eq!(status(&worker).await["phase"], "introduced");
    enrol(&worker, "between.test").await;
    done(&worker, json!({"action": "activate", "force": true})).await;
    enrol(&worker, "new.test").await;
    let worker = without_log(worker, &cadir).await;
    let told = status(&worker).await;
    assert_eq!((&told["phase"], told["left"].as_array().unwrap().len()), (&json!("active"), 2), "{told}");
    for name in ["old.test", "between.test", "new.test"] {
        change(&worker, name, "revoked").await;
    }
    let lists = lists(&cadir);
    assert_eq!((lists[0].len(), lists[1].len()), (1, 2));
    done(&worker, json!({"action": "retire"})).await;
    worker.stop().await;
    assert!(is_clean(&cadir));
}

/// As a backup that was made without Bunraku's own folder.
async fn without_log(worker: Arc<Worker>, cadir: &Path) -> Arc<Worker> {
    worker.stop().await;
    std::fs::remove_dir_all(cadir.join("bunraku")).unwrap();
    Worker::start(settings(cadir)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_of_the_infrastructure_are_on_the_list_of_their_key() {
    let (_root, cadir) = new_authority();
    let settings = ca::CaSettings { enable_infra_crl: true, ..settings(&cadir) };
    std::fs::write(cadir.join("infra_inventory.txt"), "one.test\ntwo.test\n").unwrap();
    let worker = Worker::start(settings).await.unwrap();
    enrol(&worker, "one.test").await;
    let epoch = worker.role().epoch;
    worker.authority().keep_infra(epoch).await.unwrap();
    done(&worker, json!({"action": "new-key"})).await;
    done(&worker, json!({"action": "activate", "force": true})).await;
    enrol(&worker, "two.test").await;
    for name in ["one.test", "two.test"] {
        change(&worker, name, "revoked").await;
    }
    worker.authority().ledger().directory_follows().await;
    let infra = std::fs::read(cadir.join("infra_crl.pem")).unwrap();
    let infra = RevocationList::all_from_pem(&infra).unwrap();
    let bundle = bundle(&cadir);
    assert!(infra[0].verify(bundle[0].spki_der()).is_ok() && infra[1].verify(bundle[1].spki_der()).is_ok());
    assert!(infra[0].contains(&signed(&cadir, "two.test").serial()) && infra[0].len() == 1);
    assert!(infra[1].contains(&signed(&cadir, "one.test").serial()) && infra[1].len() == 1);
    // What agents are given.
    let path = "/puppet-ca/v1/certificate_revocation_list/ca";
    let given = ask(&worker, peer(None), "GET", path, &[], "").await;
    assert_eq!(RevocationList::all_from_pem(&given.body).unwrap(), infra);
    worker.stop().await;
}
