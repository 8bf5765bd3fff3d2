//! The CA's certificate gets a longer life while agents are at work: none of them is touched.

use std::process::Command;
use std::time::{Duration, Instant};

use ca::SetupOptions;
use pki::{Certificate, KeyKind};
use serde_json::Value;

use super::adopting::configure;
use super::agents::{Agent, Kind};
use super::deployment::{Deployment, text};

const DAY: i64 = 86_400;

#[test]
fn agents_go_on_over_a_renewal_of_the_cas_certificate() {
    let deployment = Deployment::start_prepared(21_140, &[], |root| {
        let options =
            SetupOptions { ca_name: "Puppet CA: short".into(), key: KeyKind::EcP256, ca_ttl: 20 * DAY };
        ca::setup(&root.join("ca"), &options, |_| {}).unwrap();
        configure(root, &[("autosign = false", "autosign = true")]);
    });
    let bundle = deployment.root().join("ca/ca_crt.pem");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
    let before = read(&bundle);

    // It ends soon, and everybody who looks is told.
    let said = deployment.bunraku_ok(&["status"]);
    assert!(said.contains("the CA certificate \"Puppet CA: short\" ends in "), "{said}");
    let status: Value = serde_json::from_str(&deployment.bunraku_ok(&["status", "--json"])).unwrap();
    assert_eq!(status["expiry"]["warnings"][0]["urgency"], "urgent", "{status}");
    assert_eq!(status["expiry"]["items"].as_array().unwrap().len(), 8, "CA, list, six roles: {status}");

    let old = Agent::new(Kind::Puppet, "before.example.com", &deployment);
    assert!(matches!(old.run(&[]).code, 0 | 2));
    let kept = old.ca_bundle();
    assert_eq!(read(&kept), before);

    let said = deployment.bunraku_ok(&["ca", "rollover", "--ttl", "10y"]);
    assert!(said.contains("The CA certificate CN=Puppet CA: short now ends on 2"), "{said}");
    let after = read(&bundle);
    assert_ne!(after, before);
    follows(&deployment.standby_dir().join("ca_crt.pem"), &after);
    let said = deployment.bunraku_ok(&["status"]);
    assert!(!said.contains("ends in"), "{said}");

    // The agent from before has the old ca.pem, and works; a new one gets the new ca.pem, and works.
    let run = old.run(&[]);
    assert!(matches!(run.code, 0 | 2), "{}", run.said);
    assert_eq!(read(&kept), before);
    let new = Agent::new(Kind::Puppet, "after.example.com", &deployment);
    let run = new.run(&[]);
    assert!(matches!(run.code, 0 | 2), "{}", run.said);
    assert_eq!(read(&new.ca_bundle()), after);
    // The one from before fetches the new one when it has none, and its certificate hangs on it.
    std::fs::remove_file(&kept).unwrap();
    let run = old.run(&[]);
    assert!(matches!(run.code, 0 | 2), "{}", run.said);
    assert_eq!(read(&kept), after);

    // When the old certificate has ended.
    let later = Certificate::from_pem(before.as_bytes()).unwrap().not_after() + DAY;
    let leaf = deployment.root().join("ca/signed/before.example.com.pem");
    let verify = |with: &str| {
        let file = deployment.scratch("verify").join("ca.pem");
        std::fs::write(&file, with).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-attime", &later.to_string(), "-CAfile"]).arg(&file).arg(&leaf);
        let output = openssl.output().unwrap();
        (output.status.success(), text(&output.stderr))
    };
    assert!(verify(&after).0);
    let (accepted, why) = verify(&before);
    assert!(!accepted && why.contains("expired"), "{why}");

    // The deployment's own copy follows.
    let own = deployment.dir().join("ssl/certs/ca.pem");
    follows(&own, &after);
    deployment.bunraku_ok(&["ca", "list", "--all"]);
}

/// Waits until a file has this content.
fn follows(path: &std::path::Path, content: &str) {
    let began = Instant::now();
    while std::fs::read_to_string(path).unwrap() != content {
        assert!(began.elapsed() < Duration::from_secs(60), "{} stays as it was", path.display());
        std::thread::sleep(Duration::from_millis(200));
    }
}
