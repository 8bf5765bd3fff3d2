//! Revocation lists of the issuers above the CA.

mod support;

use ca::{CaSettings, Worker};
use pki::crl::{CrlDraft, RevocationList};
use pki::issue::{Authority, LeafProfile, setup_intermediate_ca, setup_root_ca, sign_leaf};
use pki::{Certname, KeyKind, PrivateKey, Serial, Signer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use support::{Reply, ask, change, enrol, local, peer, settings};
use tempfile::TempDir;
use wire::tls::TrustBundle;

const LISTS: &str = "/puppet-ca/v1/certificate_revocation_list";
const YEAR: i64 = 365 * 86_400;

struct Chain {
    _directory: TempDir,
    cadir: PathBuf,
    root: Authority,
    /// The root's key as PEM.
    root_key: String,
    now: i64,
}

/// A CA below a root, as `puppetserver ca setup` leaves it.
fn chain() -> Chain {
    let directory = tempfile::tempdir().unwrap();
    let cadir = directory.path().join("ca");
    std::fs::create_dir(&cadir).unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    let (from, to) = (now - 86_400, now + 10 * YEAR);
    let root_key = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
    let root = setup_root_ca("Puppet Root CA: 1", &*root_key, Serial::from_u64(1), from, to).unwrap();
    let root_key_pem = root_key.to_pem();
    let root = Authority { certificate: root, signer: root_key };
    let key = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
    let two = Serial::from_u64(2);
    let own = setup_intermediate_ca(&root, "Puppet CA: a.test", key.spki_der(), two, from, to).unwrap();
    let issuing = Authority { certificate: own.clone(), signer: key.clone() };
    let list = pki::crl::issue(&issuing, &CrlDraft::at(now, 0, &[])).unwrap();
    let chain = Chain { _directory: directory, cadir, root, root_key: root_key_pem.to_string(), now };
    let files = [
        ("ca_crt.pem", own.to_pem() + &chain.root.certificate.to_pem()),
        ("ca_key.pem", key.to_pem()),
        ("ca_crl.pem", list.to_pem() + &chain.list(0, &[]).to_pem()),
        ("inventory.txt", String::new()),
        ("serial", "0003".to_owned()),
    ];
    for (name, content) in files {
        std::fs::write(chain.cadir.join(name), content).unwrap();
    }
    chain
}

impl Chain {
    fn list(&self, number: u64, revoked: &[u64]) -> RevocationList {
        let entries: Vec<(Serial, i64)> =
            revoked.iter().map(|serial| (Serial::from_u64(*serial), self.now)).collect();
        pki::crl::issue(&self.root, &CrlDraft::at(self.now, number, &entries)).unwrap()
    }

    /// The root's list as OpenSSL makes it, with a number in hexadecimal digits.
    fn list_by_openssl(&self, number: &str) -> String {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).display().to_string();
        let config = format!(
            "[ca]\ndefault_ca=x\n[x]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\ndefault_crl_days=30\n\
             crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n",
            at("index.txt"),
            at("number")
        );
        for (name, content) in [
            ("config", config.as_str()),
            ("index.txt", ""),
            ("number", &format!("{number}\n")),
            ("key.pem", &self.root_key),
            ("cert.pem", &self.root.certificate.to_pem()),
        ] {
            std::fs::write(at(name), content).unwrap();
        }
        let made = std::process::Command::new("openssl")
            .args(["ca", "-gencrl", "-config", &at("config"), "-keyfile", &at("key.pem")])
            .args(["-cert", &at("cert.pem")])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    }

    fn lists(&self) -> Vec<RevocationList> {
        let pem = std::fs::read(self.cadir.join("ca_crl.pem")).unwrap();
        RevocationList::all_from_pem(&pem).unwrap()
    }
}

async fn put(worker: &Arc<Worker>, pem: String) -> Reply {
    ask(worker, local(), "PUT", LISTS, &[], pem).await
}

async fn start(cadir: &Path) -> Arc<Worker> {
    Worker::start(settings(cadir)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_list_of_the_root_is_taken_in_and_ours_is_left_alone() {
    let chain = chain();
    let worker = start(&chain.cadir).await;
    enrol(&worker, "a.test").await;
    change(&worker, "a.test", "revoked").await;
    let own = chain.lists()[0].clone();
    assert_eq!(own.number(), Some(1));
    let newer = chain.list(2, &[77]);
    let sent = chain.list(1, &[]).to_pem() + &newer.to_pem() + &newer.to_pem();
    let done = put(&worker, sent).await;
    assert_eq!((done.status, done.text().as_str()), (200, "Successfully updated CRLs."));
    assert_eq!(done.header("content-type"), Some("text/plain;charset=utf-8"));
    assert_eq!(chain.lists(), [own.clone(), newer.clone()]);
    let shown = ask(&worker, peer(None), "GET", &format!("{LISTS}/ca"), &[], "").await;
    assert_eq!(shown.body, std::fs::read(chain.cadir.join("ca_crl.pem")).unwrap());
    // Older ones, and those of nobody in the chain, change nothing.
    let stranger = self::chain();
    let foreign = stranger.list(9, &[]).to_pem();
    assert_eq!(put(&worker, chain.list(1, &[]).to_pem() + &foreign).await.status, 200);
    assert_eq!(chain.lists(), [own.clone(), newer.clone()]);
    // Our own next list keeps it, and so does a restart.
    enrol(&worker, "b.test").await;
    change(&worker, "b.test", "revoked").await;
    assert_eq!(chain.lists()[1], newer);
    worker.stop().await;
    let worker = start(&chain.cadir).await;
    let shown = ask(&worker, peer(None), "GET", &format!("{LISTS}/ca"), &[], "").await;
    let shown = RevocationList::all_from_pem(&shown.body).unwrap();
    assert_eq!((shown[0].number(), &shown[1]), (Some(2), &newer));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_may_number_its_lists_as_it_likes() {
    let chain = chain();
    let numbers =
        ["0100000000000000000000", "0100000000000000000001", "7F000000000000000000000000000000000000FF"];
    // There when the directory is taken over.
    let own = chain.lists()[0].to_pem();
    std::fs::write(chain.cadir.join("ca_crl.pem"), own + &chain.list_by_openssl(numbers[0])).unwrap();
    let worker = start(&chain.cadir).await;
    for newer in [numbers[1], numbers[2]] {
        let done = put(&worker, chain.list_by_openssl(newer)).await;
        assert_eq!((done.status, done.text().as_str()), (200, "Successfully updated CRLs."));
        assert_eq!(chain.lists()[1].long_number(), Some(Serial::parse_hex(newer).unwrap()));
    }
    // Older, however many digits less.
    assert_eq!(put(&worker, chain.list(7, &[]).to_pem()).await.status, 200);
    assert_eq!(chain.lists()[1].long_number(), Some(Serial::parse_hex(numbers[2]).unwrap()));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_break_the_chain_is_refused() {
    let chain = chain();
    let worker = start(&chain.cadir).await;
    let before = chain.lists();
    let present = std::fs::read_to_string(chain.cadir.join("ca_crl.pem")).unwrap();
    // Named and numbered as the root's, signed by somebody else.
    let entries = [(Serial::from_u64(5), chain.now)];
    let tbs = pki::crl::tbs_der(&chain.root.certificate, &CrlDraft::at(chain.now, 5, &entries)).unwrap();
    let thief = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let forged = pki::crl::assemble(&tbs, thief.algorithm(), &thief.sign(&tbs).unwrap()).unwrap();
    let ended = CrlDraft { next_update: chain.now - 60, ..CrlDraft::at(chain.now - 100, 5, &[]) };
    let ended = pki::crl::issue(&chain.root, &ended).unwrap();
    let early = pki::crl::issue(&chain.root, &CrlDraft::at(chain.now + 86_400, 5, &[])).unwrap();
    let other = RevocationList::from_der(chain.list(0, &[8]).der()).unwrap();
    let of_root = |what: &str| format!("Invalid certs and/or CRLs: the CRL of CN=Puppet Root CA: 1 {what}");
    for (what, pem, text) in [
        ("nothing", "x".to_owned(), "No valid CRLs submitted.".to_owned()),
        ("a certificate", chain.root.certificate.to_pem(), "No valid CRLs submitted.".to_owned()),
        ("what is here", present, "Could not determine newest CRL.".to_owned()),
        ("same number", other.to_pem(), "Could not determine newest CRL.".to_owned()),
        ("forged", forged.to_pem(), of_root("is not signed by an issuer of the CA's chain")),
        ("ended", ended.to_pem(), of_root("has expired")),
        ("early", early.to_pem(), of_root("is not valid yet")),
        ("revokes us", chain.list(6, &[2]).to_pem(), of_root("revokes CN=Puppet CA: a.test")),
    ] {
        let refused = put(&worker, pem).await;
        assert_eq!((refused.status, refused.text()), (400, text), "{what}");
        assert_eq!(refused.header("content-type"), Some("text/plain;charset=utf-8"), "{what}");
        assert_eq!(chain.lists(), before, "{what}");
    }
    // Nobody but an operator may.
    enrol(&worker, "a.test").await;
    let pem = std::fs::read(chain.cadir.join("signed/a.test.pem")).unwrap();
    let agent = pki::Certificate::from_pem(&pem).unwrap();
    let newer = chain.list(7, &[]).to_pem();
    assert_eq!(ask(&worker, peer(Some(&agent)), "PUT", LISTS, &[], newer).await.status, 403);
    assert_eq!(chain.lists(), before);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_own_listener_enforces_it() {
    let chain = chain();
    let bundle = std::fs::read(chain.cadir.join("ca_crt.pem")).unwrap();
    let trust = TrustBundle::from_pem(&bundle).unwrap();
    let worker =
        Worker::start(CaSettings { trust: Some(trust.clone()), ..settings(&chain.cadir) }).await.unwrap();
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let name = Certname::parse("of-the-root.test").unwrap();
    let spki = key.spki_der().to_vec();
    let profile = LeafProfile::own(name, spki, Serial::from_u64(77), chain.now, YEAR);
    let leaf = sign_leaf(&chain.root, &profile).unwrap();
    assert!(!trust.is_revoked(&leaf));
    assert_eq!(put(&worker, chain.list(1, &[77]).to_pem()).await.status, 200);
    for _ in 0..500 {
        if trust.is_revoked(&leaf) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(trust.is_revoked(&leaf));
    worker.stop().await;
}
