//! The audit record of a CA at work: what is in it, who is named, why.

mod support;

use ca::audit::Record;
use ca::{Autosign, CaSettings, Worker};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use support::{ask, change, csr, csr_with, local, new_authority, operator, peer, settings};

/// The lines, as far as the directory has come.
async fn record(worker: &Arc<Worker>, cadir: &Path) -> Vec<Record> {
    worker.authority().ledger().directory_follows().await;
    let text = std::fs::read_to_string(cadir.join("bunraku/audit/000000000001.jsonl")).unwrap();
    text.lines().map(|line| Record::parse(line.as_bytes()).unwrap()).collect()
}

fn events(record: &[Record]) -> Vec<(&str, &str)> {
    let pair = |one: &'_ Record| -> (&'static str, String) {
        (Box::leak(one.event.clone().into_boxed_str()), one.certname.clone().unwrap_or_default())
    };
    record.iter().map(pair).map(|(event, name)| (event, &*Box::leak(name.into_boxed_str()))).collect()
}

async fn submit(worker: &Arc<Worker>, name: &str, request: &str) -> u16 {
    ask(worker, peer(None), "PUT", &format!("/puppet-ca/v1/certificate_request/{name}"), &[], request)
        .await
        .status
}

#[tokio::test]
async fn each_deed_has_a_line_with_who_and_why() {
    let (root, cadir) = new_authority();
    let list = root.path().join("autosign.conf");
    std::fs::write(&list, "# web\nweb.test\n*.auto.test\n").unwrap();
    let admin = operator(&cadir, "admin.test", true);
    let worker =
        Worker::start(CaSettings { autosign: Autosign::File(list), ..settings(&cadir) }).await.unwrap();
    assert_eq!(submit(&worker, "a.auto.test", &csr("a.auto.test")).await, 200);
    assert_eq!(submit(&worker, "b.test", &csr("b.test")).await, 200);
    let sign = |name: &str| {
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        (path, r#"{"desired_state":"signed"}"#)
    };
    let (path, body) = sign("b.test");
    assert_eq!(ask(&worker, peer(Some(&admin)), "PUT", &path, &[], body).await.status, 204);
    change(&worker, "b.test", "revoked").await;
    // Names beyond its own are forbidden.
    let key = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap();
    let content = pki::RequestContent {
        alt_names: vec![pki::AltName::Dns("other.test".into())],
        ..pki::RequestContent::default()
    };
    for name in ["c.test", "c.auto.test"] {
        submit(&worker, name, &csr_with(name, &key, &content)).await;
    }
    let (path, body) = sign("c.test");
    assert_eq!(ask(&worker, peer(Some(&admin)), "PUT", &path, &[], body).await.status, 409);
    let json = [("content-type", "application/json")];
    let body = r#"{"certnames":["a.auto.test"]}"#;
    assert_eq!(ask(&worker, local(), "PUT", "/puppet-ca/v1/clean", &json, body).await.status, 200);
    let path = "/puppet-ca/v1/certificate_status/c.test";
    assert_eq!(ask(&worker, local(), "DELETE", path, &[], "").await.status, 204);

    let all = record(&worker, &cadir).await;
    assert_eq!(
        events(&all),
        [
            ("begun", ""),
            ("signed", "admin.test"),
            ("signed", "a.auto.test"),
            ("requested", "b.test"),
            ("signed", "b.test"),
            ("revoked", "b.test"),
            ("crl_issued", ""),
            ("requested", "c.test"),
            ("requested", "c.auto.test"),
            ("sign_refused", "c.test"),
            ("revoked", "a.auto.test"),
            ("crl_issued", ""),
            ("deleted", "a.auto.test"),
            ("request_deleted", "c.test"),
        ]
    );
    let reason = |number: usize| all[number].reason.clone().unwrap_or_default();
    assert!(all[1].local && all[1].serial.is_some() && all[1].fingerprint.is_some());
    assert!(reason(2).ends_with("autosign.conf line 3: *.auto.test"), "{}", reason(2));
    assert_eq!((all[2].address.as_deref(), all[2].actor.as_deref()), (Some("192.0.2.1"), None));
    assert!(reason(3).starts_with("autosign: no line of "), "{}", reason(3));
    assert_eq!((all[4].actor.as_deref(), all[4].reason.as_deref()), (Some("admin.test"), None));
    assert_eq!(all[5].serial, all[4].serial);
    assert!(all[5].local && all[5].crl_number == all[6].crl_number);
    assert!(reason(8).contains("line 3: *.auto.test; but a rule forbids it: "), "{}", reason(8));
    assert!(reason(9).contains("alternative names"), "{}", reason(9));
    assert_eq!((all[9].actor.as_deref(), all[9].address.as_deref()), (Some("admin.test"), Some("192.0.2.1")));
    assert_eq!((reason(10).as_str(), reason(12).as_str()), ("clean", "clean"));
    assert_eq!(all[12].serial, all[2].serial);
    assert!(all.iter().enumerate().all(|(index, one)| one.number == index as u64 + 1));
    worker.stop().await;
}

#[tokio::test]
async fn what_a_policy_executable_said_is_there_and_a_stranger_fills_nothing() {
    let (root, cadir) = new_authority();
    let policy = root.path().join("policy");
    std::fs::write(&policy, "#!/bin/sh\ncat >/dev/null\n[ \"$1\" = yes.test ]\n").unwrap();
    std::fs::set_permissions(&policy, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = CaSettings {
        autosign: Autosign::File(policy),
        allow_duplicate_certs: true,
        max_pending: 2,
        ..settings(&cadir)
    };
    let node = operator(&cadir, "node.test", false);
    let worker = Worker::start(settings).await.unwrap();
    assert_eq!(submit(&worker, "yes.test", &csr("yes.test")).await, 200);
    for _ in 0..3 {
        assert_eq!(submit(&worker, "no.test", &csr("no.test")).await, 200);
    }
    let all = record(&worker, &cadir).await;
    assert_eq!(
        events(&all),
        [
            ("begun", ""),
            ("signed", "node.test"),
            ("requested", "yes.test"),
            ("signed", "yes.test"),
            ("requested", "no.test"),
            ("autosign_declined", "no.test"),
        ]
    );
    let reason = |number: usize| all[number].reason.clone().unwrap_or_default();
    assert!(reason(2).ends_with("/policy is asked"), "{}", reason(2));
    assert!(reason(3).ends_with("/policy ended with exit status: 0"), "{}", reason(3));
    assert!(reason(5).ends_with("/policy ended with exit status: 1"), "{}", reason(5));
    // Nor a node that has a certificate.
    let again = csr("no.test");
    let path = "/puppet-ca/v1/certificate_request/no.test";
    assert_eq!(ask(&worker, peer(Some(&node)), "PUT", path, &[], again).await.status, 200);
    assert_eq!(record(&worker, &cadir).await.len(), all.len());
    // Whoever may not decide is not quoted at all.
    let path = "/puppet-ca/v1/certificate_status/no.test";
    let refused = ask(&worker, peer(None), "PUT", path, &[], r#"{"desired_state":"signed"}"#).await;
    assert_eq!(refused.status, 403);
    assert_eq!(record(&worker, &cadir).await.len(), all.len());
    worker.stop().await;
}
