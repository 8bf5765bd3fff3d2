//! A new key for a CA whose root is elsewhere: a request waits, over failovers, for what the root signs.

mod support;

use ca::{NewAuthority, PuppetSetup, Worker};
use pki::crl::RevocationList;
use pki::issue::{Authority, setup_intermediate_ca, setup_root_ca};
use pki::{AltName, Certificate, Certname, KeyKind, PrivateKey, Request, Signer as _};
use replica::MemberName;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::estate::Estate;
use support::{ask, change, enrol, local, settings};
use tempfile::TempDir;
use wire::client::{Client, Timeouts};
use wire::http::{HeaderMap, Method};

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

fn other_keys(cadir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(cadir).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ca_key-")).collect()
}

/// A CA below a root, and that root, whose key is not in the directory.
fn below_a_root() -> (TempDir, PathBuf, Authority) {
    let root = tempfile::tempdir().unwrap();
    let cadir = root.path().join("ca");
    let made = PuppetSetup {
        cadir: cadir.clone(),
        host: ca::HostPlaces {
            ssldir: root.path().join("ssl"),
            certname: Certname::parse("puppet.test").unwrap(),
        },
        alt_names: vec![AltName::Dns("puppet.test".into())],
        key: KeyKind::EcP256,
        ttl: 400 * DAY,
        owner: None,
    };
    let names = NewAuthority { ca_name: "Puppet CA: x".into(), root_ca_name: "Puppet Root CA: x".into() };
    ca::setup_chain(&made, &names).unwrap();
    let path = cadir.join("root_key.pem");
    let key = PrivateKey::from_pem(&std::fs::read(&path).unwrap()).unwrap();
    std::fs::remove_file(path).unwrap();
    let above = Authority { certificate: bundle(&cadir).remove(1), signer: Arc::new(key) };
    (root, cadir, above)
}

/// What an issuer makes of a request, under this name.
fn certify(above: &Authority, name: &str, spki: &[u8], serial: u64) -> Certificate {
    setup_intermediate_ca(above, name, spki, serial.into(), now() - DAY, now() + 300 * DAY).unwrap()
}

/// A step, or how far it is; through a member's socket, as an operator asks.
async fn through(cadir: &Path, body: Option<Value>) -> (u16, Value) {
    let client = Client::local(ca::socket_path(cadir), Timeouts::default());
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let answer = client.request(method, ROLLOVER, HeaderMap::new(), body.into_bytes()).await.unwrap();
    let text = answer.text();
    (answer.status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn step(worker: &Arc<Worker>, body: Value) -> (u16, Value) {
    let reply = ask(worker, local(), "POST", ROLLOVER, &[], body.to_string()).await;
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::String(reply.text())))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_waits_until_a_certificate_fits() {
    let (_root, cadir, above) = below_a_root();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "old.test").await;
    let before = bundle(&cadir);
    let serial = std::fs::read(cadir.join("serial")).unwrap();
    let (status, text) = step(&worker, json!({"action": "new-key", "certificate": before[0].to_pem()})).await;
    assert!(status == 409 && text.to_string().contains("No new key waits"), "{text}");

    // 1. It is made, and nothing trusts it.
    let (status, told) = step(&worker, json!({"action": "new-key", "key_type": "p384"})).await;
    assert_eq!((status, &told["phase"]), (200, &json!("requested")), "{told}");
    assert_eq!((bundle(&cadir), other_keys(&cadir).len()), (before.clone(), 1));
    let request = Request::from_pem(told["requested"]["request"].as_str().unwrap().as_bytes()).unwrap();
    request.verify_signature().unwrap();
    assert_eq!(request.subject_cn(), Some("Puppet CA: x #2"));
    for action in ["activate", "new-key", "retire"] {
        assert_eq!(step(&worker, json!({"action": action})).await.0, 409, "{action}");
    }

    // 2. What does not fit is refused, and nothing changes.
    let spki = request.spki_der();
    let (stranger, other) = (KeyKind::EcP256, KeyKind::EcP256);
    let stranger = Arc::new(PrivateKey::generate(stranger).unwrap());
    let strange =
        setup_root_ca("Puppet Root CA: x", &*stranger, 1.into(), now() - DAY, now() + 9 * DAY).unwrap();
    let strange = Authority { certificate: strange, signer: stranger };
    let own = Authority {
        certificate: before[0].clone(),
        signer: Arc::new(PrivateKey::from_pem(&std::fs::read(cadir.join("ca_key.pem")).unwrap()).unwrap()),
    };
    let other = PrivateKey::generate(other).unwrap();
    let leaf = pki::issue::LeafProfile::own(
        Certname::parse("leaf.test").unwrap(),
        spki.to_vec(),
        9.into(),
        now(),
        9 * DAY,
    );
    let leaf = pki::issue::sign_leaf(&above, &leaf).unwrap();
    let short = setup_intermediate_ca(&above, "Next", spki, 7.into(), now() - DAY, now() + DAY / 2).unwrap();
    let early = setup_intermediate_ca(&above, "Next", spki, 7.into(), now() + DAY, now() + 9 * DAY).unwrap();
    for (wrong, why) in [
        (certify(&above, "Next", other.spki_der(), 7), "for the key that waits"),
        (leaf, "it is not a CA's"),
        (short, "it ends on"),
        (early, "it is not valid before"),
        (certify(&above, "Puppet CA: x", spki, 7), "this one is taken"),
        (certify(&strange, "Next", spki, 7), "is not signed by a CA of ca_crt.pem"),
        (certify(&own, "Next", spki, 7), "present key"),
    ] {
        let (status, text) = step(&worker, json!({"action": "new-key", "certificate": wrong.to_pem()})).await;
        assert!(status == 409 && text.to_string().contains(why), "{why}: {text}");
        assert_eq!(bundle(&cadir), before);
    }

    // 3. It survives a restart, and is let in with a name and a number that its issuer has chosen.
    worker.stop().await;
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let fits = certify(&above, "Issuing CA 2027", spki, 0x7fff_ffff_ffff);
    let (status, told) = step(&worker, json!({"action": "same-key", "certificate": fits.to_pem()})).await;
    assert_eq!((status, &told["phase"]), (200, &json!("introduced")), "{told}");
    assert!(told.get("requested").is_none());
    assert_eq!(bundle(&cadir), [before[0].clone(), before[1].clone(), fits.clone()]);
    // The issuer's count is not ours.
    assert_eq!(std::fs::read(cadir.join("serial")).unwrap(), serial);
    assert!(!std::fs::read_to_string(cadir.join("inventory.txt")).unwrap().contains("Issuing CA 2027"));

    // 4. From here on it is as any other.
    assert_eq!(step(&worker, json!({"action": "activate", "force": true})).await.0, 200);
    enrol(&worker, "new.test").await;
    pki::verify::verify_chain(&signed(&cadir, "new.test"), &bundle(&cadir), now()).unwrap();
    assert!(signed(&cadir, "new.test").names_as_issuer(&fits));
    change(&worker, "old.test", "revoked").await;
    change(&worker, "new.test", "revoked").await;
    assert_eq!(step(&worker, json!({"action": "retire", "force": true})).await.0, 200);
    let lists = RevocationList::all_from_pem(&std::fs::read(cadir.join("ca_crl.pem")).unwrap()).unwrap();
    assert!(lists[0].verify(spki).is_ok() && lists[1].verify(above.certificate.spki_der()).is_ok());
    let left = bundle(&cadir);
    assert_eq!((left.len(), &left[0]), (2, &fits));
    worker.stop().await;
    let checked = ca::fsck::check(&cadir, &mut |_, _, _| {}).unwrap();
    assert!(checked.is_clean(), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_can_be_given_up() {
    let (_root, cadir, above) = below_a_root();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let (_, told) = step(&worker, json!({"action": "new-key"})).await;
    let request = Request::from_pem(told["requested"]["request"].as_str().unwrap().as_bytes()).unwrap();
    let (status, told) = step(&worker, json!({"action": "abort"})).await;
    assert_eq!((status, &told["phase"]), (200, &json!("one-key")), "{told}");
    assert_eq!(other_keys(&cadir), Vec::<PathBuf>::new());
    let late = certify(&above, "Next", request.spki_der(), 7).to_pem();
    assert_eq!(step(&worker, json!({"action": "new-key", "certificate": late})).await.0, 409);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_active_when_the_certificate_comes_has_the_key() {
    let (root, _, above) = below_a_root();
    let mut estate = Estate::over(root, &["ca-1", "ca-2"]).await;
    estate.start("ca-1").await;
    estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    let (status, told) = through(&estate.cadir("ca-1"), Some(json!({"action": "new-key"}))).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(other_keys(&estate.cadir("ca-2")).len(), 1, "it is there when the operator is told");

    estate.stop("ca-1").await;
    let after = estate.registered();
    estate.set(after.succeeded_by(MemberName::new("ca-2"), BTreeSet::new()));
    let epoch = estate.until_decides("ca-2").await;
    let (_, told) = through(&estate.cadir("ca-2"), None).await;
    assert_eq!(told["phase"], "requested", "{told}");
    assert!(told["requested"].get("missing").is_none(), "{told}");
    let request = Request::from_pem(told["requested"]["request"].as_str().unwrap().as_bytes()).unwrap();
    let fits = certify(&above, "Next", request.spki_der(), 7).to_pem();
    let (status, told) =
        through(&estate.cadir("ca-2"), Some(json!({"action": "new-key", "certificate": fits}))).await;
    assert_eq!((status, &told["phase"]), (200, &json!("introduced")), "{told}");
    let activate = json!({"action": "activate", "force": true});
    assert_eq!(through(&estate.cadir("ca-2"), Some(activate)).await.0, 200);
    estate.enrol("ca-2", epoch, "new.example.com").await;
    signed(&estate.cadir("ca-2"), "new.example.com").verify(request.spki_der()).unwrap();

    // A disk that was lost is filled again.
    std::fs::remove_dir_all(estate.cadir("ca-1")).unwrap();
    estate.start("ca-1").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    estate.stop("ca-2").await;
    estate.stop("ca-1").await;
}
