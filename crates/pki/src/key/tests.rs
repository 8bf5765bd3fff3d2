use super::*;
use crate::verify::verify_signature;
use proptest::prelude::*;

fn signs_and_round_trips(kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();
    let again = PrivateKey::from_pem(key.to_pem().as_bytes()).unwrap();
    assert_eq!(again.spki_der(), key.spki_der());
    assert_eq!(again.to_pem(), key.to_pem());
    let wrapped = pem::encode("PRIVATE KEY", &key.pkcs8_der());
    assert_eq!(PrivateKey::from_pem(wrapped.as_bytes()).unwrap().to_pem(), key.to_pem());
    let signature = again.sign(b"some octets").unwrap();
    verify_signature(key.spki_der(), key.algorithm(), b"some octets", &signature).unwrap();
    assert!(verify_signature(key.spki_der(), key.algorithm(), b"other octets", &signature).is_err());
    assert!(!format!("{key:?}").contains("MII"));
}

#[test]
fn p256_keys() {
    signs_and_round_trips(KeyKind::EcP256);
}

#[test]
fn p384_keys() {
    signs_and_round_trips(KeyKind::EcP384);
}

#[test]
fn rsa_keys() {
    signs_and_round_trips(KeyKind::Rsa2048);
}

#[test]
fn encrypted_keys_are_refused_with_the_way_out() {
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,0\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        let fault = PrivateKey::from_pem(text.as_bytes()).unwrap_err();
        assert_eq!(fault, KeyFault::Encrypted);
        assert!(fault.to_string().contains("openssl pkey -in"));
    }
}

#[test]
fn other_text_is_no_key() {
    assert_eq!(PrivateKey::from_pem(b"").unwrap_err(), KeyFault::NoKey);
    let public = PrivateKey::generate(KeyKind::EcP256).unwrap().public_pem();
    assert_eq!(PrivateKey::from_pem(public.as_bytes()).unwrap_err(), KeyFault::NoKey);
    let dsa = pem::encode("DSA PRIVATE KEY", &[0x30, 0]);
    assert!(matches!(PrivateKey::from_pem(dsa.as_bytes()), Err(KeyFault::Unsupported(_))));
}

#[test]
fn kinds_have_names() {
    for (name, kind) in KeyKind::ALL {
        assert_eq!((KeyKind::named(name), kind.name()), (Some(kind), name));
    }
    assert_eq!(KeyKind::named("RSA-8192"), Some(KeyKind::Rsa8192));
    assert_eq!(KeyKind::named("rsa:4096"), Some(KeyKind::Rsa4096));
    assert_eq!(KeyKind::named("ec:P-384"), Some(KeyKind::EcP384));
    assert_eq!(PrivateKey::generate(KeyKind::EcP384).unwrap().kind(), KeyKind::EcP384);
    assert_eq!(PrivateKey::generate(KeyKind::Rsa2048).unwrap().kind(), KeyKind::Rsa2048);
    assert_eq!(
        (KeyKind::named("rsa"), KeyKind::named("ec")),
        (Some(KeyKind::Rsa4096), Some(KeyKind::EcP256))
    );
    for other in ["rsa1024", "p521", "ed25519", ""] {
        assert_eq!(KeyKind::named(other), None);
    }
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), label in 0usize..3) {
        let label = ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"][label];
        prop_assert!(PrivateKey::from_pem(pem::encode(label, &bytes).as_bytes()).is_err());
    }
}
