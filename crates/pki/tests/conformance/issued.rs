//! What is issued here, in the eyes of OpenSSL.

use std::path::Path;
use std::sync::Arc;

use pki::crl::{self, CrlDraft};
use pki::issue::{
    Authority, SigningPolicy, draft_from_request, self_signed_ca, setup_intermediate_ca, setup_root_ca,
    sign_leaf,
};
use pki::{
    AltName, Attribute, Certificate, Certname, Extension, KeyKind, Oid, PrivateKey, Request, RequestContent,
};
use pki::{Serial, Signer as _, oid};

use crate::fixtures::{openssl, openssl_result};

/// 2026-11-22, and the same as OpenSSL's option takes it.
const NOW: i64 = 1_795_305_600;
const YEAR: i64 = 31_536_000;

fn certname() -> Certname {
    Certname::parse("node.example.com").unwrap()
}

fn request(key: &PrivateKey) -> Request {
    let content = RequestContent {
        extensions: vec![Extension::utf8(Oid::from_name("pp_role").unwrap(), "webserver")],
        alt_names: vec![AltName::Dns("node.example.com".into()), AltName::Ip("fd00::1".parse().unwrap())],
        attributes: vec![Attribute::utf8(oid::CHALLENGE_PASSWORD, "secret")],
    };
    Request::build("node.example.com", key, &content).unwrap()
}

fn leaf(authority: &Authority, serial: u64) -> Certificate {
    let request = request(&PrivateKey::generate(KeyKind::EcP256).unwrap());
    let policy = SigningPolicy { allow_subject_alt_names: true, ..SigningPolicy::default() };
    let profile =
        draft_from_request(&request, &certname(), &policy, Serial::from_u64(serial), NOW, 5 * YEAR).unwrap();
    sign_leaf(authority, &profile).unwrap()
}

fn single(kind: KeyKind) -> (Authority, Vec<Certificate>) {
    let key = PrivateKey::generate(kind).unwrap();
    let certificate =
        self_signed_ca("Puppet CA: test", &key, Serial::from_u64(1), NOW - 86_400, NOW + 5 * YEAR).unwrap();
    (Authority { certificate: certificate.clone(), signer: Arc::new(key) }, vec![certificate])
}

fn two_levels(kind: KeyKind) -> (Authority, Vec<Certificate>) {
    let (root_key, key) = (PrivateKey::generate(kind).unwrap(), PrivateKey::generate(kind).unwrap());
    let until = NOW + 15 * YEAR;
    let root =
        setup_root_ca("Puppet Root CA: test", &root_key, Serial::from_u64(1), NOW - 86_400, until).unwrap();
    let root = Authority { certificate: root, signer: Arc::new(root_key) };
    let spki = key.spki_der();
    let ca = setup_intermediate_ca(&root, "Puppet CA: test", spki, Serial::from_u64(2), NOW - 86_400, until)
        .unwrap();
    (Authority { certificate: ca.clone(), signer: Arc::new(key) }, vec![ca, root.certificate])
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn openssl_accepts_leaf_and_refuses_revoked(authority: &Authority, bundle: &[Certificate]) {
    let directory = tempfile::tempdir().unwrap();
    let (good, bad) = (leaf(authority, 0x80), leaf(authority, 0x81));
    let entries = [(bad.serial(), NOW)];
    let list = crl::issue(authority, &CrlDraft::at(NOW, 1, &entries)).unwrap();
    let bundle: String = bundle.iter().map(Certificate::to_pem).collect();
    let bundle = write(directory.path(), "bundle.pem", &bundle);
    let list_file = write(directory.path(), "crl.pem", &list.to_pem());
    let at = NOW.to_string();
    let verify = |certificate: &Certificate, purpose: &str| {
        let arguments = [
            "verify",
            "-x509_strict",
            "-purpose",
            purpose,
            "-attime",
            &at,
            "-CAfile",
            &bundle,
            "-crl_check",
            "-CRLfile",
            &list_file,
        ];
        openssl_result(&arguments, certificate.to_pem().as_bytes())
    };
    for purpose in ["sslclient", "sslserver"] {
        verify(&good, purpose).unwrap();
        assert!(verify(&bad, purpose).unwrap_err().contains("certificate revoked"));
    }
    openssl(&["crl", "-noout", "-verify", "-CAfile", &bundle], list.to_pem().as_bytes());
}

#[test]
fn a_p256_authority() {
    let (authority, bundle) = single(KeyKind::EcP256);
    openssl_accepts_leaf_and_refuses_revoked(&authority, &bundle);
}

#[test]
fn an_rsa_authority() {
    let (authority, bundle) = single(KeyKind::Rsa2048);
    openssl_accepts_leaf_and_refuses_revoked(&authority, &bundle);
}

#[test]
fn a_p384_authority_below_a_root() {
    let (authority, bundle) = two_levels(KeyKind::EcP384);
    openssl_accepts_leaf_and_refuses_revoked(&authority, &bundle);
}

#[test]
fn requests_verify_and_show_what_they_ask_for() {
    for kind in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa2048] {
        let request = request(&PrivateKey::generate(kind).unwrap());
        let shown = openssl(&["req", "-verify", "-noout", "-text"], request.to_pem().as_bytes());
        let shown = String::from_utf8(shown).unwrap();
        for part in
            ["Subject: CN = node.example.com", "1.3.6.1.4.1.34380.1.1.13", "IP Address:FD00:0:0:0:0:0:0:1"]
        {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }
}

#[test]
fn times_and_names_read_the_same() {
    let (authority, _) = single(KeyKind::EcP256);
    let leaf = leaf(&authority, 0x1_0000);
    let shown = openssl(
        &["x509", "-noout", "-serial", "-dates", "-subject", "-nameopt", "RFC2253"],
        leaf.to_pem().as_bytes(),
    );
    assert_eq!(
        String::from_utf8(shown).unwrap(),
        "serial=010000\nnotBefore=Nov 21 00:00:00 2026 GMT\nnotAfter=Nov 21 00:00:00 2031 GMT\n\
         subject=CN=node.example.com\n"
    );
    let fingerprint = openssl(&["x509", "-noout", "-fingerprint", "-sha256"], leaf.to_pem().as_bytes());
    let fingerprint = String::from_utf8(fingerprint).unwrap();
    assert!(fingerprint.trim().ends_with(&pki::fingerprint::sha256(leaf.der())));
}

#[test]
fn private_keys_are_written_as_openssl_writes_them() {
    for kind in [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa2048] {
        let key = PrivateKey::generate(kind).unwrap();
        let command = if kind == KeyKind::Rsa2048 { "rsa" } else { "ec" };
        let traditional: &[&str] = if command == "rsa" { &["rsa", "-traditional"] } else { &["ec"] };
        assert_eq!(openssl(traditional, key.to_pem().as_bytes()), key.to_pem().as_bytes());
        assert_eq!(openssl(&[command, "-pubout"], key.to_pem().as_bytes()), key.public_pem().as_bytes());
        let wrapped = openssl(&["pkey"], key.to_pem().as_bytes());
        assert_eq!(pki::pem::parse_all(&wrapped).unwrap()[0].der, key.pkcs8_der());
    }
}
