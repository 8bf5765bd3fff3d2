//! Certificates that are renewed by those who have them.

mod support;

use ca::{CaSettings, Worker};
use pki::{Attribute, Certificate, Extension, KeyKind, PrivateKey, RequestContent, oid};
use std::path::Path;
use std::sync::Arc;
use support::{Reply, ask, change, csr, csr_with, enrol, local, new_authority, operator, peer, settings};
use wire::Peer;
use wire::http::HeaderMap;
use wire::identity::set_client_headers;

const RENEWAL: &str = "/puppet-ca/v1/certificate_renewal";
const FRONT_END: &str = "front-end.bunraku.internal";
const DAY: i64 = 86_400;

fn renewing(cadir: &Path) -> CaSettings {
    CaSettings {
        allow_auto_renewal: true,
        auto_renewal_cert_ttl: 60 * DAY,
        front_ends: vec![FRONT_END.into()],
        ..settings(cadir)
    }
}

async fn renew(worker: &Arc<Worker>, from: Arc<Peer>) -> Reply {
    ask(worker, from, "POST", RENEWAL, &[], "").await
}

fn signed(cadir: &Path, certname: &str) -> Certificate {
    let pem = std::fs::read(cadir.join(format!("signed/{certname}.pem"))).unwrap();
    Certificate::from_pem(&pem).unwrap()
}

/// Days from now until a certificate ends, rounded.
fn days_left(certificate: &Certificate) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    (certificate.not_after() - i64::try_from(now).unwrap() + DAY / 2) / DAY
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_configured_and_never_for_strangers() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "a.test").await;
    let agent = signed(&cadir, "a.test");
    let off = renew(&worker, peer(Some(&agent))).await;
    assert_eq!((off.status, off.text().as_str()), (404, "Not Found"));
    assert_eq!(off.header("content-type"), Some("text/plain"));
    assert_eq!(renew(&worker, peer(None)).await.status, 403);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_certificate_is_the_old_one_with_another_serial_and_life() {
    let (_root, cadir) = new_authority();
    let admin = operator(&cadir, "admin.test", true);
    let worker = Worker::start(CaSettings { allow_authorization_extensions: true, ..renewing(&cadir) }).await;
    let worker = worker.unwrap();
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let content = RequestContent {
        extensions: vec![
            Extension::utf8(oid::Oid::from_name("pp_role").unwrap(), "database"),
            Extension::utf8(oid::PP_AUTH_ROLE, "reader"),
        ],
        ..RequestContent::default()
    };
    let pem = csr_with("a.test", &key, &content);
    let saved = ask(&worker, peer(None), "PUT", "/puppet-ca/v1/certificate_request/a.test", &[], pem).await;
    assert_eq!(saved.status, 200);
    change(&worker, "a.test", "signed").await;
    let old = signed(&cadir, "a.test");
    assert_eq!(days_left(&old), 5 * 365);

    let answer = renew(&worker, peer(Some(&old))).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain")),
        "{}",
        answer.text()
    );
    let new = Certificate::from_pem(&answer.body).unwrap();
    assert_eq!(days_left(&new), 60);
    assert_eq!(new.serial(), old.serial().next());
    assert_eq!((new.spki_der(), new.subject_der()), (old.spki_der(), old.subject_der()));
    assert_eq!(new.extensions(), old.extensions());
    assert_eq!(signed(&cadir, "a.test"), new);
    // The operator's certificate keeps its power.
    let renewed = renew(&worker, peer(Some(&admin))).await;
    let renewed = Certificate::from_pem(&renewed.body).unwrap();
    assert_eq!(renewed.authorization_extensions(), admin.authorization_extensions());
    // The old one is as good as before, until the name is revoked.
    assert_eq!(renew(&worker, peer(Some(&old))).await.status, 200);
    change(&worker, "a.test", "revoked").await;
    let list = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    let list = pki::crl::RevocationList::from_pem(&list).unwrap();
    assert!(list.contains(&old.serial()) && list.contains(&new.serial()));
    assert_eq!(list.len(), 3);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_front_end_its_word_counts_and_a_repeated_request_is_answered_once() {
    let (_root, cadir) = new_authority();
    let front_end = operator(&cadir, FRONT_END, false);
    let worker = Worker::start(renewing(&cadir)).await.unwrap();
    enrol(&worker, "a.test").await;
    let old = signed(&cadir, "a.test");
    let mut said = HeaderMap::new();
    set_client_headers(&mut said, &peer(Some(&old)));
    let mut headers: Vec<(&str, &str)> =
        said.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    headers.push(("x-bunraku-request", "1f0c"));
    let first = ask(&worker, peer(Some(&front_end)), "POST", RENEWAL, &headers, "").await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(Certificate::from_pem(&first.body).unwrap().subject_cn(), Some("a.test"));
    let serial = std::fs::read_to_string(cadir.join("serial")).unwrap();
    let again = ask(&worker, peer(Some(&front_end)), "POST", RENEWAL, &headers, "").await;
    assert_eq!((again.status, again.body), (200, first.body));
    assert_eq!(std::fs::read_to_string(cadir.join("serial")).unwrap(), serial);
    // From anybody else these headers are nothing.
    let forged = ask(&worker, peer(None), "POST", RENEWAL, &headers, "").await;
    assert_eq!(forged.status, 403);
    // A front end that does not know the newest list yet may pass on a certificate that has been revoked.
    change(&worker, "a.test", "revoked").await;
    headers.retain(|(name, _)| *name != "x-bunraku-request");
    headers.push(("x-bunraku-request", "1f0d"));
    let serial = std::fs::read_to_string(cadir.join("serial")).unwrap();
    let late = ask(&worker, peer(Some(&front_end)), "POST", RENEWAL, &headers, "").await;
    assert_eq!((late.status, late.text().as_str()), (400, "No valid certificate found in renewal request"));
    assert_eq!(std::fs::read_to_string(cadir.join("serial")).unwrap(), serial);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_foreign_or_missing_is_not_renewed() {
    let (_root, cadir) = new_authority();
    let (_other_root, other) = new_authority();
    // Same names, another key.
    let foreign = operator(&other, "a.test", false);
    let worker = Worker::start(renewing(&cadir)).await.unwrap();
    enrol(&worker, "a.test").await;
    enrol(&worker, "b.test").await;
    let revoked = signed(&cadir, "b.test");
    change(&worker, "b.test", "revoked").await;
    let serial = std::fs::read_to_string(cadir.join("serial")).unwrap();
    let nothing = "No valid certificate found in renewal request";
    for (from, status, text) in [
        (peer(Some(&revoked)), 400, nothing),
        (peer(Some(&foreign)), 403, "Certificate present, but does not match signature"),
        (local(), 400, nothing),
    ] {
        let answer = renew(&worker, from).await;
        assert_eq!((answer.status, answer.text().as_str()), (status, text));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
    }
    assert_eq!(std::fs::read_to_string(cadir.join("serial")).unwrap(), serial);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_outlives_a_renewal() {
    let (_root, cadir) = new_authority();
    let worker = Worker::start(CaSettings { allow_duplicate_certs: true, ..renewing(&cadir) }).await.unwrap();
    enrol(&worker, "a.test").await;
    let path = "/puppet-ca/v1/certificate_request/a.test";
    let waiting = csr("a.test");
    assert_eq!(ask(&worker, peer(None), "PUT", path, &[], waiting.clone()).await.status, 200);
    assert_eq!(renew(&worker, peer(Some(&signed(&cadir, "a.test")))).await.status, 200);
    assert_eq!(ask(&worker, peer(None), "GET", path, &[], "").await.text(), waiting);
    assert!(cadir.join("requests/a.test.pem").exists());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_it_will_renew_gets_a_short_life() {
    for (allowed, expected) in [(true, 60), (false, 5 * 365)] {
        let (_root, cadir) = new_authority();
        let policy = CaSettings { allow_auto_renewal: allowed, ..renewing(&cadir) };
        let worker = Worker::start(policy).await.unwrap();
        let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
        let attributes = vec![Attribute::utf8(oid::PP_AUTH_AUTO_RENEW, "true")];
        let pem = csr_with("a.test", &key, &RequestContent { attributes, ..RequestContent::default() });
        let path = "/puppet-ca/v1/certificate_request/a.test";
        assert_eq!(ask(&worker, peer(None), "PUT", path, &[], pem).await.status, 200);
        change(&worker, "a.test", "signed").await;
        assert_eq!(days_left(&signed(&cadir, "a.test")), expected);
        // Who does not say so gets the long one.
        enrol(&worker, "b.test").await;
        assert_eq!(days_left(&signed(&cadir, "b.test")), 5 * 365);
        worker.stop().await;
    }
}
