//! A CA certificate that was renewed, in the eyes of OpenSSL: what was issued before hangs on it as on the old one.

use std::path::Path;
use std::sync::Arc;

use pki::issue::{
    Authority, SigningPolicy, draft_from_request, renewed_ca, self_signed_ca, setup_intermediate_ca,
    setup_root_ca, sign_leaf,
};
use pki::{Certificate, Certname, KeyKind, PrivateKey, Request, RequestContent, Serial, Signer as _};

use crate::fixtures::{openssl, openssl_result, read};

const NOW: i64 = 1_795_305_600;
const DAY: i64 = 86_400;

/// With an authority key identifier in full, as Puppet Server gives its leafs.
fn leaf(authority: &Authority) -> Certificate {
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let request = Request::build("node", &key, &RequestContent::default()).unwrap();
    let certname = Certname::parse("node").unwrap();
    let policy = SigningPolicy::default();
    let profile =
        draft_from_request(&request, &certname, &policy, Serial::from_u64(9), NOW, 1000 * DAY).unwrap();
    sign_leaf(authority, &profile).unwrap()
}

fn verify(bundle: &[&Certificate], leaf: &Certificate, at: i64) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bundle.pem");
    std::fs::write(&path, bundle.iter().map(|one| one.to_pem()).collect::<String>()).unwrap();
    let at = at.to_string();
    let arguments = ["verify", "-x509_strict", "-attime", &at, "-CAfile", path_text(&path)];
    openssl_result(&arguments, leaf.to_pem().as_bytes()).map(drop)
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_self_signed_authority_lives_longer() {
    let key = Arc::new(PrivateKey::generate(KeyKind::Rsa2048).unwrap());
    let old = self_signed_ca("Puppet CA: x", &*key, Serial::from_u64(1), NOW - DAY, NOW + 100 * DAY).unwrap();
    let authority = Authority { certificate: old.clone(), signer: key.clone() };
    let leaf = leaf(&authority);
    let new = renewed_ca(&old, &authority, NOW, NOW + 2000 * DAY).unwrap();
    assert_eq!((new.serial(), new.subject_der()), (old.serial(), old.subject_der()));
    assert_eq!((new.extensions(), new.spki_der()), (old.extensions(), old.spki_der()));
    assert_eq!(new.not_after(), NOW + 2000 * DAY);

    // While the old one lives, both do; after it only the new one; and both together, as on a node between.
    for bundle in [&[&old][..], &[&new], &[&old, &new], &[&new, &old]] {
        verify(bundle, &leaf, NOW + 50 * DAY).unwrap();
    }
    assert!(verify(&[&old], &leaf, NOW + 500 * DAY).unwrap_err().contains("expired"));
    verify(&[&new], &leaf, NOW + 500 * DAY).unwrap();

    // And the reason why it keeps its serial number.
    let other = self_signed_ca("Puppet CA: x", &*key, Serial::from_u64(8), NOW, NOW + 2000 * DAY).unwrap();
    let fault = verify(&[&other], &leaf, NOW + 50 * DAY).unwrap_err();
    assert!(fault.contains("unable to get local issuer certificate"), "{fault}");
}

#[test]
fn an_intermediate_authority_and_its_root_live_longer() {
    let (root_key, key) = (PrivateKey::generate(KeyKind::EcP384), PrivateKey::generate(KeyKind::EcP256));
    let (root_key, key) = (Arc::new(root_key.unwrap()), Arc::new(key.unwrap()));
    let until = NOW + 100 * DAY;
    let root = setup_root_ca("Puppet Root CA: x", &*root_key, Serial::from_u64(1), NOW, until).unwrap();
    let root = Authority { certificate: root, signer: root_key.clone() };
    let two = Serial::from_u64(2);
    let old = setup_intermediate_ca(&root, "Puppet CA: x", key.spki_der(), two, NOW, until).unwrap();
    let leaf = leaf(&Authority { certificate: old.clone(), signer: key });

    let new_root = renewed_ca(&root.certificate, &root, NOW, NOW + 2000 * DAY).unwrap();
    let new_root = Authority { certificate: new_root, signer: root_key };
    let new = renewed_ca(&old, &new_root, NOW, NOW + 2000 * DAY).unwrap();
    verify(&[&new, &new_root.certificate], &leaf, NOW + 500 * DAY).unwrap();
    assert!(verify(&[&new, &root.certificate], &leaf, NOW + 500 * DAY).is_err());
    // In any mixture while all live.
    for bundle in [[&old, &new_root.certificate], [&new, &root.certificate]] {
        verify(&bundle, &leaf, NOW + 50 * DAY).unwrap();
    }
}

#[test]
fn the_request_for_the_issuer_above_has_the_subject() {
    let key = PrivateKey::generate(KeyKind::EcP384).unwrap();
    let ca = self_signed_ca("Puppet CA: x", &key, Serial::from_u64(1), NOW, NOW + DAY).unwrap();
    let request = Request::for_authority(&ca, &key).unwrap();
    request.verify_signature().unwrap();
    assert_eq!(request.spki_der(), ca.spki_der());
    let shown = openssl(&["req", "-noout", "-subject", "-verify"], request.to_pem().as_bytes());
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.contains("CN = Puppet CA: x"), "{shown}");
}

/// A recorded key: making one takes half a minute.
#[test]
fn keys_of_8192_bits_sign() {
    let key = PrivateKey::from_pem(&read("rsa8192_key.pem")).unwrap();
    let ca = self_signed_ca("Puppet CA: x", &key, Serial::from_u64(1), NOW - DAY, NOW + 100 * DAY).unwrap();
    let leaf = leaf(&Authority { certificate: ca.clone(), signer: Arc::new(key) });
    verify(&[&ca], &leaf, NOW).unwrap();
    leaf.verify(ca.spki_der()).unwrap();
}

/// What is out of the range: refused where the key is read, with the reason.
#[test]
fn keys_of_other_sizes_are_refused() {
    let pem = openssl(&["genrsa", "-traditional", "1024"], b"");
    let fault = PrivateKey::from_pem(&pem).unwrap_err().to_string();
    assert!(fault.contains("2048"), "{fault}");
}
