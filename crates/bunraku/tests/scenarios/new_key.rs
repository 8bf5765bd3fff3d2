//! The CA gets a new key while agents are at work. What Puppet 7.23's agents do at each step is what docs/CA-ROLLOVER.md
//! says of them: some twenty runs of the real agent, which take a minute and more, with `BUNRAKU_NEW_KEY=1`.

use std::path::Path;
use std::time::Duration;

use ca::SetupOptions;
use pki::{Certificate, KeyKind};
use serde_json::Value;

use super::adopting::configure;
use super::agents::{Agent, Kind};
use super::deployment::{Deployment, text, wait_until};

fn deployment() -> Deployment {
    Deployment::start_prepared(21_140, &[], |root| {
        let options = SetupOptions {
            ca_name: "Puppet CA: old".into(),
            key: KeyKind::Rsa2048,
            ca_ttl: 5 * 365 * 86_400,
        };
        ca::setup(&root.join("ca"), &options, |_| {}).unwrap();
        configure(root, &[("autosign = false", "autosign = true")]);
    })
}

fn status(deployment: &Deployment) -> Value {
    serde_json::from_str(&deployment.bunraku_ok(&["ca", "rollover", "--status", "--json"])).unwrap()
}

fn works(agent: &Agent) {
    let run = agent.run(&[]);
    assert!(matches!(run.code, 0 | 2), "{}", run.said);
}

/// It says why not, in Puppet's words.
fn fails(agent: &Agent, why: &str) {
    let run = agent.run(&[]);
    assert_eq!(run.code, 1, "{}", run.said);
    assert!(run.said.contains(why), "{}", run.said);
}

fn first_in(path: &Path) -> Certificate {
    Certificate::all_from_pem(&std::fs::read(path).unwrap()).unwrap().remove(0)
}

/// What an operator does on a node of Puppet 6 or 7: the next run fetches both anew.
fn forget_ca(agent: &Agent) {
    for file in ["certs/ca.pem", "crl.pem"] {
        std::fs::remove_file(agent.ssl().join(file)).unwrap();
    }
}

/// `puppet ssl clean`, which leaves what the agent knows of the CA.
fn forget_certificate(agent: &Agent, certname: &str) {
    for folder in ["certs", "private_keys", "public_keys", "certificate_requests"] {
        let _ = std::fs::remove_file(agent.ssl().join(format!("{folder}/{certname}.pem")));
    }
}

#[test]
fn a_deployment_moves_to_a_new_key_of_its_ca() {
    let deployment = deployment();
    let cadir = deployment.root().join("ca");
    let node = Agent::new(Kind::Bunraku, "node.example.com", &deployment);
    works(&node);
    deployment.bunraku_ok(&[
        "ca",
        "rollover",
        "--new-key",
        "--key-type",
        "ec:P-256",
        "--ca-name",
        "The next",
    ]);
    let refused = deployment.bunraku(&["ca", "rollover", "--activate"]);
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("--force"));
    deployment.bunraku_ok(&["ca", "rollover", "--activate", "--force"]);
    works(&node);
    let said = deployment.bunraku_ok(&["ca", "renew-roles", "--force"]);
    assert_eq!(said.matches(" is now ").count(), 6, "{said}");
    let refused = deployment.bunraku(&["ca", "rollover", "--retire"]);
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("node.example.com"));
    deployment.bunraku_ok(&["ca", "clean", "--certname", "node.example.com"]);
    forget_certificate(&node, "node.example.com");
    forget_ca(&node);
    let shown = first_in(&deployment.dir().join("ssl/certs/bunraku-front-end.pem"));
    wait_until("the front end shows its new certificate", Duration::from_secs(30), || {
        presented(deployment.port).is_some_and(|now| now == shown)
    });
    works(&node);
    deployment.bunraku_ok(&["ca", "rollover", "--retire"]);
    works(&node);
    assert_eq!(status(&deployment)["phase"], "one-key");
    let bundle = Certificate::all_from_pem(&std::fs::read(cadir.join("ca_crt.pem")).unwrap()).unwrap();
    assert_eq!((bundle.len(), bundle[0].subject_cn()), (1, Some("The next")));
}

#[test]
fn agents_move_to_a_new_key_of_the_ca() {
    if std::env::var_os("BUNRAKU_NEW_KEY").is_none() {
        return;
    }
    let deployment = deployment();
    let cadir = deployment.root().join("ca");
    let old_ca = first_in(&cadir.join("ca_crt.pem"));
    let [old, stale] = ["old.example.com", "stale.example.com"]
        .map(|certname| Agent::new(Kind::Puppet, certname, &deployment));
    works(&old);
    works(&stale);

    // 1. Introduced. An agent that has ca.pem keeps it, and works.
    let said = deployment.bunraku_ok(&["ca", "rollover", "--new-key", "--key-type", "ec:P-256"]);
    assert!(said.contains("next     CN=Puppet CA: old #2"), "{said}");
    let bundle = std::fs::read(cadir.join("ca_crt.pem")).unwrap();
    let new_ca = Certificate::all_from_pem(&bundle).unwrap().remove(1);
    works(&old);
    assert_eq!(
        Certificate::all_from_pem(&std::fs::read(old.ca_bundle()).unwrap()).unwrap(),
        std::slice::from_ref(&old_ca)
    );
    let own = deployment.dir().join("ssl/certs/ca.pem");
    wait_until("the deployment's copy has both", Duration::from_secs(30), || {
        std::fs::read(&own).unwrap() == bundle
    });
    // One that is new gets both, and the lists of both.
    let between = Agent::new(Kind::Puppet, "between.example.com", &deployment);
    works(&between);
    assert_eq!(std::fs::read(between.ca_bundle()).unwrap(), bundle);
    assert_eq!(
        std::fs::read_to_string(between.ssl().join("crl.pem")).unwrap().matches("BEGIN X509 CRL").count(),
        2
    );
    // One that fetches again has both, too.
    forget_ca(&old);
    works(&old);
    assert_eq!(std::fs::read(old.ca_bundle()).unwrap(), bundle);

    // 2. Not yet active: agents have had no time. With force it is.
    let refused = deployment.bunraku(&["ca", "rollover", "--activate"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = deployment.bunraku_ok(&["ca", "rollover", "--activate", "--force"]);
    assert!(told.contains("former   CN=Puppet CA: old "), "{told}");
    works(&old);
    works(&stale);
    for kind in [Kind::Puppet, Kind::Bunraku] {
        let certname = format!("new-{kind:?}.example.com").to_lowercase();
        works(&Agent::new(kind, &certname, &deployment));
        let leaf = first_in(&cadir.join(format!("signed/{certname}.pem")));
        leaf.verify(new_ca.spki_der()).unwrap();
    }
    // A node that gets a certificate of the new key while it knows the old CA alone is uneasy, and works.
    deployment.bunraku_ok(&["ca", "clean", "--certname", "stale.example.com"]);
    forget_certificate(&stale, "stale.example.com");
    let run = stale.run(&[]);
    let uneasy =
        "The issuer 'CN=Puppet CA: old #2' of certificate 'CN=stale.example.com' cannot be found locally";
    assert!(matches!(run.code, 0 | 2) && run.said.contains(uneasy), "{}", run.said);
    // A revocation of either key's certificate is in force at once.
    deployment.bunraku_ok(&["ca", "revoke", "--certname", "between.example.com"]);
    let run = between.run(&[]);
    assert!(run.code == 1 && run.said.contains("certificate revoked"), "{}", run.said);

    // The roles' own certificates move by one command, and nobody restarts.
    let pids = ["front-end", "ca-1", "ca-2", "catalog-1"].map(|name| deployment.pid_of(name));
    let before = first_in(&deployment.dir().join("ssl/certs/bunraku-front-end.pem"));
    let early = deployment.bunraku(&["ca", "renew-roles"]);
    assert_eq!(early.status.code(), Some(1), "the front end's is for later");
    assert_eq!(text(&early.stdout).matches(" is now ").count(), 5);
    let said = deployment.bunraku_ok(&["ca", "renew-roles", "--force"]);
    assert_eq!(said.matches(" is now ").count(), 1, "{said}");
    let after = first_in(&deployment.dir().join("ssl/certs/bunraku-front-end.pem"));
    assert!(before.verify(old_ca.spki_der()).is_ok() && after.verify(new_ca.spki_der()).is_ok());
    wait_until("the front end shows its new certificate", Duration::from_secs(20), || {
        presented(deployment.port).is_some_and(|shown| shown == after)
    });
    assert_eq!(["front-end", "ca-1", "ca-2", "catalog-1"].map(|name| deployment.pid_of(name)), pids);
    works(&old);
    // Now the node that knows the old CA alone stops, until it fetches again.
    fails(&stale, "unable to get local issuer certificate for CN=bunraku-front-end");
    forget_ca(&stale);
    works(&stale);

    // 3. Retired, once nothing hangs on the former key.
    let refused = deployment.bunraku(&["ca", "rollover", "--retire"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(status(&deployment)["left"][0]["name"], "old.example.com");
    assert_eq!(status(&deployment)["left"].as_array().unwrap().len(), 1);
    deployment.bunraku_ok(&["ca", "clean", "--certname", "old.example.com"]);
    forget_certificate(&old, "old.example.com");
    works(&old);
    let said = deployment.bunraku_ok(&["ca", "rollover", "--retire"]);
    assert!(said.contains("retired  CN=Puppet CA: old "), "{said}");
    works(&old);
    works(&Agent::new(Kind::Puppet, "last.example.com", &deployment));
    deployment.bunraku_ok(&["ca", "fsck", "--cadir", cadir.to_str().unwrap()]);
    wait_until("the deployment's copy has the new one", Duration::from_secs(30), || {
        std::fs::read_to_string(&own).unwrap() == new_ca.to_pem()
    });
    // Everything starts again on what is there.
    let mut deployment = deployment;
    deployment.restart();
    works(&old);
}

/// The certificate that a server on this port shows.
fn presented(port: u16) -> Option<Certificate> {
    let address = format!("localhost:{port}");
    let mut openssl = std::process::Command::new("openssl");
    let output = openssl.args(["s_client", "-connect", &address]).stdin(std::process::Stdio::null()).output();
    let text = text(&output.unwrap().stdout);
    let begin = text.find("-----BEGIN CERTIFICATE")?;
    let end = text.find("-----END CERTIFICATE-----")? + "-----END CERTIFICATE-----\n".len();
    Certificate::from_pem(&text.as_bytes()[begin..end]).ok()
}
