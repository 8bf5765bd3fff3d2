//! What Puppet Server makes at its first start. Only readable dumps of these were recorded, so public keys and
//! signatures are taken from `openssl x509 -text` and the result is compared as `openssl asn1parse` shows it.

use std::sync::Arc;

use pki::crl::{self, CrlDraft};
use pki::issue::{Authority, LeafProfile, self_signed_ca, sign_leaf};
use pki::{AltName, Certificate, Certname, Serial, Signer as _};

use crate::fixtures::{Replay, asn1parse, openssl, shown_octets, text};

/// 2026-11-22T09:51:57Z, when the CA made itself.
const MADE: i64 = 1_795_341_117;
const FIVE_YEARS: i64 = 157_680_000;
const DAY: i64 = 86_400;

/// The SubjectPublicKeyInfo of an RSA key whose modulus a dump shows, put together by OpenSSL.
fn spki(dump: &str) -> Vec<u8> {
    let modulus: String = shown_octets(dump, "Modulus:").iter().map(|octet| format!("{octet:02x}")).collect();
    let description = format!(
        "asn1=SEQUENCE:spki\n[spki]\nalgorithm=SEQUENCE:algorithm\nkey=BITWRAP,SEQUENCE:key\n\
         [algorithm]\noid=OID:rsaEncryption\nnone=NULL\n[key]\nn=INTEGER:0x{modulus}\ne=INTEGER:65537\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), description).unwrap();
    openssl(&["asn1parse", "-genconf", file.path().to_str().unwrap(), "-noout", "-out", "/dev/stdout"], b"")
}

fn replay(spki: Vec<u8>, dump: &str) -> Replay {
    Replay { spki, signature: shown_octets(dump, "Signature Value:") }
}

fn authority() -> (Certificate, Replay) {
    let dump = text("first-start/ca.txt");
    let signer = replay(spki(&dump), &dump);
    let (not_before, not_after) = (MADE - DAY, MADE + FIVE_YEARS);
    let certificate =
        self_signed_ca("Puppet CA: puppet.example.com", &signer, Serial::from_u64(1), not_before, not_after);
    (certificate.unwrap(), signer)
}

#[test]
fn the_authority() {
    let (certificate, _) = authority();
    // Its own signature verifies, so the signed octets are the recorded ones.
    certificate.verify(certificate.spki_der()).unwrap();
    assert_eq!(asn1parse(certificate.der()), text("first-start/ca.asn1.txt"));
}

#[test]
fn the_servers_certificate() {
    let (certificate, _) = authority();
    let dump = text("first-start/server.txt");
    let signer = Arc::new(replay(certificate.spki_der().to_vec(), &dump));
    let names = ["puppet", "puppet.example.com", "puppet.example.com"];
    let profile = LeafProfile {
        alt_names: names.map(|name| AltName::Dns(name.to_owned())).to_vec(),
        cli_auth: true,
        ..LeafProfile::own(
            Certname::parse("puppet.example.com").unwrap(),
            spki(&dump),
            Serial::from_u64(2),
            MADE + 2,
            FIVE_YEARS,
        )
    };
    let issued = sign_leaf(&Authority { certificate: certificate.clone(), signer }, &profile).unwrap();
    assert_eq!(asn1parse(issued.der()), text("first-start/server.asn1.txt"));
    issued.verify(certificate.spki_der()).unwrap();
}

#[test]
fn the_first_revocation_list() {
    let (certificate, _) = authority();
    let dump = text("first-start/crl.txt");
    let signer = replay(certificate.spki_der().to_vec(), &dump);
    let draft = CrlDraft { this_update: MADE, ..CrlDraft::at(MADE, 0, &[]) };
    let tbs = crl::tbs_der(&certificate, &draft).unwrap();
    let list = crl::assemble(&tbs, signer.algorithm(), &signer.sign(&tbs).unwrap()).unwrap();
    assert_eq!(asn1parse(list.der()), text("first-start/crl.asn1.txt"));
    list.verify(certificate.spki_der()).unwrap();
}
