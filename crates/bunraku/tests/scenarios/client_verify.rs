//! Who would be refused, seen before it is so: `client_verify = "report"`, and back, while everything runs. The clients are
//! curl with certificates that are good, revoked, expired, and another CA's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use pki::issue::{Authority, LeafProfile, self_signed_ca, sign_leaf};
use pki::{Certname, KeyKind, PrivateKey, Serial, Signer};

use super::deployment::{Deployment, text, wait_until};

/// A client's certificate and key.
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
}

impl Shown {
    fn of(deployment: &Deployment, name: &str) -> Shown {
        let ssl = deployment.dir().join("ssl");
        Shown {
            certificate: ssl.join(format!("certs/{name}.pem")),
            key: ssl.join(format!("private_keys/{name}.pem")),
        }
    }

    /// The status of a GET; none: there was no connection.
    fn get(&self, deployment: &Deployment, path: &str) -> Option<u16> {
        let ca = deployment.dir().join("ssl/certs/ca.pem");
        let output = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--cacert"])
            .arg(ca)
            .arg("--cert")
            .arg(&self.certificate)
            .arg("--key")
            .arg(&self.key)
            .arg(format!("https://localhost:{}{path}", deployment.port))
            .output()
            .unwrap();
        output.status.success().then(|| text(&output.stdout).parse().unwrap())
    }
}

fn of_another_ca(dir: &Path) -> Shown {
    let shown = Shown { certificate: dir.join("foreign.pem"), key: dir.join("foreign.key") };
    let (authority, key) = (PrivateKey::generate(KeyKind::EcP256), PrivateKey::generate(KeyKind::EcP256));
    let (authority, key) = (authority.unwrap(), key.unwrap());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let (name, from, to) = ("Puppet CA: elsewhere", now - 86_400, now + 86_400);
    let certificate = self_signed_ca(name, &authority, Serial::from_u64(1), from, to).unwrap();
    let authority = Authority { certificate, signer: Arc::new(authority) };
    let certname = Certname::parse("foreign.example.com").unwrap();
    let profile =
        LeafProfile::own(certname, key.spki_der().to_vec(), Serial::from_u64(2), now - 86_400, 2 * 86_400);
    std::fs::write(&shown.certificate, sign_leaf(&authority, &profile).unwrap().to_pem()).unwrap();
    std::fs::write(&shown.key, key.to_pem()).unwrap();
    shown
}

const OPEN: &str = "/puppet-ca/v1/certificate/ca";
const OWN: &str = "/puppet/v3/node/good.example.com?environment=production";

#[test]
fn an_operator_sees_who_would_be_refused_and_then_refuses_them() {
    let deployment = Deployment::start(21_140, &[]);
    for name in ["good.example.com", "gone.example.com"] {
        deployment.bunraku_ok(&["ca", "generate", "--certname", name, "--key", "p256"]);
    }
    deployment.bunraku_ok(&[
        "ca",
        "generate",
        "--certname",
        "late.example.com",
        "--key",
        "p256",
        "--ttl",
        "1s",
    ]);
    deployment.bunraku_ok(&["ca", "revoke", "--certname", "gone.example.com"]);
    let [good, gone, late] =
        ["good", "gone", "late"].map(|name| Shown::of(&deployment, &format!("{name}.example.com")));
    let foreign = of_another_ca(&deployment.scratch("foreign"));
    assert_eq!(good.get(&deployment, OWN), Some(200));
    wait_until("it has expired", Duration::from_secs(20), || late.get(&deployment, OPEN).is_none());
    let bad = [&gone, &late, &foreign];
    assert_eq!(bad.map(|shown| shown.get(&deployment, OPEN)), [None; 3]);

    let switch = |to: &str| {
        deployment.configure(|text| {
            let from = if to == "report" { "strict" } else { "report" };
            text.replacen(&format!("client_verify = \"{from}\""), &format!("client_verify = \"{to}\""), 1)
        });
        let said = deployment.bunraku_ok(&["front-end", "reload"]);
        assert!(said.contains("[front_end] client_verify: "), "{said}");
        assert_eq!(
            deployment.bunraku_ok(&["config", "print", "client_verify", "--section", "front_end"]).trim(),
            to
        );
    };
    switch("report");
    // They get what everybody gets, and nothing that takes a certificate.
    for shown in bad {
        assert_eq!(shown.get(&deployment, OPEN), Some(200));
        assert_eq!(shown.get(&deployment, OWN), Some(403));
    }
    assert_eq!(good.get(&deployment, OWN), Some(200));
    let told = deployment.log("front_end_error.log");
    assert!(told.contains("Client certificate \"gone.example.com\""), "{told}");
    assert!(told.contains("): revoked; 127.0.0.1 is let in as a client without one"), "{told}");
    assert!(told.contains("\"late.example.com\"") && told.contains("): expired; "), "{told}");
    assert!(told.contains("\"foreign.example.com\"") && told.contains("): unknown-issuer; "), "{told}");
    assert_eq!(told.matches("\"gone.example.com\"").count(), 1, "{told}");
    assert!(text(&deployment.bunraku(&["status"]).stdout).contains("client_verify = \"report\""));

    switch("strict");
    assert_eq!(bad.map(|shown| shown.get(&deployment, OPEN)), [None; 3]);
    assert_eq!(good.get(&deployment, OWN), Some(200));
    assert!(!text(&deployment.bunraku(&["status"]).stdout).contains("client_verify"));
}
