//! The CA's own certificate gets a longer life, and what ends soon is warned of.

mod support;

use ca::{CaSettings, NewAuthority, PuppetSetup, SetupOptions, Worker, setup};
use pki::{AltName, Certificate, Certname, KeyKind, PrivateKey, Request};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use support::{Reply, ask, change, enrol, local, operator, peer, settings};

const ROLLOVER: &str = "/bunraku/v1/authority/rollover";
const DAY: i64 = 86_400;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn bundle(cadir: &Path) -> Vec<Certificate> {
    Certificate::all_from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap()
}

fn signed(cadir: &Path, certname: &str) -> Certificate {
    Certificate::from_pem(&std::fs::read(cadir.join(format!("signed/{certname}.pem"))).unwrap()).unwrap()
}

async fn roll(worker: &Arc<Worker>, body: Value) -> Reply {
    ask(worker, local(), "POST", ROLLOVER, &[], body.to_string()).await
}

fn short_lived(cadir: &Path, days: i64) {
    let options = SetupOptions { ca_name: "Puppet CA: x".into(), key: KeyKind::EcP256, ca_ttl: days * DAY };
    setup(cadir, &options, |_| {}).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_authority_serves_old_and_new_certificates_and_survives_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let cadir = root.path().join("ca");
    short_lived(&cadir, 20);
    let admin = operator(&cadir, "admin.test", true);
    let roles = vec!["admin.test".to_owned(), "nobody.test".to_owned()];
    let worker = Worker::start(CaSettings { roles: roles.clone(), ..settings(&cadir) }).await.unwrap();
    enrol(&worker, "old.test").await;
    let before = bundle(&cadir);

    // It ends soon, and says so to operators.
    let expiry = "/bunraku/v1/authority/expiry";
    assert_eq!(ask(&worker, peer(None), "GET", expiry, &[], "").await.status, 403);
    let told = ask(&worker, peer(Some(&admin)), "GET", expiry, &[], "").await;
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["items"][0]["kind"], "ca_certificate");
    assert_eq!(told["warnings"][0]["urgency"], "urgent");
    assert!(told["warnings"][0]["text"].as_str().unwrap().contains(" days ("), "{told}");
    assert_eq!(told["items"].as_array().unwrap().len(), 3, "CA, list and one role: {told}");
    let status = ask(&worker, peer(None), "GET", "/status/v1/services", &[], "").await;
    let status: Value = serde_json::from_slice(&status.body).unwrap();
    assert_eq!(status["ca"]["active_alerts"][0]["severity"], "error");

    // Not for strangers, and not nonsense.
    let body = r#"{"action":"same-key"}"#;
    assert_eq!(ask(&worker, peer(None), "POST", ROLLOVER, &[], body).await.status, 403);
    let agent = signed(&cadir, "old.test");
    assert_eq!(ask(&worker, peer(Some(&agent)), "POST", ROLLOVER, &[], body).await.status, 403);
    assert_eq!(roll(&worker, serde_json::json!({"action": "new-name"})).await.status, 400);
    assert_eq!(roll(&worker, serde_json::json!({"action": "same-key", "life": 10 * DAY})).await.status, 409);
    assert_eq!(bundle(&cadir), before);

    let done =
        ask(&worker, peer(Some(&admin)), "POST", ROLLOVER, &[], r#"{"action":"same-key","life":315360000}"#);
    let done = done.await;
    assert_eq!(done.status, 200, "{}", done.text());
    let after = bundle(&cadir);
    assert_eq!(after.len(), 1);
    assert!((after[0].not_after() - now() - 3650 * DAY).abs() < 60);
    assert_eq!((after[0].serial(), after[0].spki_der()), (before[0].serial(), before[0].spki_der()));
    let served = ask(&worker, peer(None), "GET", "/puppet-ca/v1/certificate/ca", &[], "").await;
    assert_eq!(served.text(), after[0].to_pem());
    // Nothing is urgent any more.
    let told = ask(&worker, local(), "GET", expiry, &[], "").await;
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["warnings"], serde_json::json!([]));

    // It signs, revokes and is still the same after a restart.
    enrol(&worker, "new.test").await;
    change(&worker, "old.test", "revoked").await;
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert_eq!(bundle(&cadir), after);
    enrol(&worker, "newer.test").await;
    for name in ["old.test", "new.test", "newer.test"] {
        let leaf = signed(&cadir, name);
        for chain in [&before, &after] {
            pki::verify::verify_chain(&leaf, chain, now()).unwrap();
        }
        assert!(pki::verify::verify_chain(&leaf, &before, now() + 100 * DAY).is_err());
        pki::verify::verify_chain(&leaf, &after, now() + 100 * DAY).unwrap();
        // The whole authority key identifier, serial number too.
        let aki = |one: &Certificate| one.extension(&pki::oid::AUTHORITY_KEY_IDENTIFIER).unwrap().clone();
        assert_eq!(aki(&leaf), aki(&agent));
    }
    worker.stop().await;
}

fn two_levels(root: &Path) -> std::path::PathBuf {
    let cadir = root.join("ca");
    let certname = Certname::parse("puppet.test").unwrap();
    let made = PuppetSetup {
        cadir: cadir.clone(),
        host: ca::HostPlaces { ssldir: root.join("ssl"), certname },
        alt_names: vec![AltName::Dns("puppet.test".into())],
        key: KeyKind::EcP256,
        ttl: 40 * DAY,
        owner: None,
    };
    let names = NewAuthority { ca_name: "Puppet CA: x".into(), root_ca_name: "Puppet Root CA: x".into() };
    ca::setup_chain(&made, &names).unwrap();
    cadir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_in_the_directory_renews_both() {
    let root = tempfile::tempdir().unwrap();
    let cadir = two_levels(root.path());
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "a.test").await;
    let before = bundle(&cadir);
    let done = roll(&worker, serde_json::json!({"action": "same-key", "life": 400 * DAY})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let after = bundle(&cadir);
    assert_eq!(after.len(), 2);
    assert!(after.iter().zip(&before).all(|(new, old)| new.subject_der() == old.subject_der() && new != old));
    let leaf = signed(&cadir, "a.test");
    pki::verify::verify_chain(&leaf, &after, now() + 100 * DAY).unwrap();
    // A node that has the old root still sees the new CA certificate below it.
    pki::verify::verify_chain(&leaf, &[after[0].clone(), before[1].clone()], now()).unwrap();
    let told: Value = serde_json::from_slice(&done.body).unwrap();
    assert_eq!(told["renewed"], serde_json::json!(["CN=Puppet CA: x", "CN=Puppet Root CA: x"]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_elsewhere_gets_a_request_and_its_certificate_is_taken_in() {
    let root = tempfile::tempdir().unwrap();
    let cadir = two_levels(root.path());
    let root_key = PrivateKey::from_pem(&std::fs::read(cadir.join("root_key.pem")).unwrap()).unwrap();
    std::fs::remove_file(cadir.join("root_key.pem")).unwrap();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let before = bundle(&cadir);

    let refused = roll(&worker, serde_json::json!({"action": "same-key"})).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("--certificate FILE") && refused.text().contains("0x0002"),
        "{}",
        refused.text()
    );
    let request = roll(&worker, serde_json::json!({"action": "request"})).await;
    let request = Request::from_pem(&request.body).unwrap();
    assert_eq!(request.spki_der(), before[0].spki_der());
    assert!(refused.text().contains("BEGIN CERTIFICATE REQUEST"));

    let above = pki::issue::Authority { certificate: before[1].clone(), signer: Arc::new(root_key) };
    let (from, until) = (now() - DAY, now() + 400 * DAY);
    let new_root = pki::issue::renewed_ca(&before[1], &above, from, until).unwrap();
    let new = pki::issue::renewed_ca(&before[0], &above, from, until).unwrap();
    let stranger = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let wrong = pki::issue::self_signed_ca("Puppet CA: x", &stranger, 2.into(), from, until).unwrap();
    let refused =
        roll(&worker, serde_json::json!({"action": "same-key", "certificate": wrong.to_pem()})).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    let pem = new.to_pem() + &new_root.to_pem();
    let done = roll(&worker, serde_json::json!({"action": "same-key", "certificate": pem})).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(bundle(&cadir), [new, new_root]);
    enrol(&worker, "a.test").await;
    worker.stop().await;
}
