//! What OpenSSL makes, read here: agents' requests with every kind of key, and keys in every form.

use pki::{KeyFault, PrivateKey, Request, Signer as _};

use crate::fixtures::{openssl, openssl_result};

fn generated(options: &[&str]) -> Vec<u8> {
    let mut arguments = vec!["genpkey"];
    arguments.extend_from_slice(options);
    openssl(&arguments, b"")
}

fn request(key: &[u8], options: &[&str]) -> Request {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key.pem");
    std::fs::write(&file, key).unwrap();
    let mut arguments =
        vec!["req", "-new", "-subj", "/O=Acme/CN=node.example.com", "-key", file.to_str().unwrap()];
    arguments.extend_from_slice(options);
    Request::from_pem(&openssl(&arguments, b"")).unwrap()
}

fn verifies_and_notices_changes(request: &Request, what: &str) {
    request.verify_signature().unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let mut der = request.der().to_vec();
    let at = der.windows(4).position(|window| window == b"node").unwrap();
    der[at] ^= 1;
    assert!(Request::from_der(&der).unwrap().verify_signature().is_err(), "{what}");
    let mut der = request.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    assert!(Request::from_der(&der).unwrap().verify_signature().is_err(), "{what}");
}

#[test]
fn rsa_requests_of_all_sizes_and_digests() {
    for bits in ["1024", "1536", "2047", "2048", "3072"] {
        let key = generated(&["-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")]);
        for digest in ["-sha1", "-sha256", "-sha384", "-sha512"] {
            verifies_and_notices_changes(&request(&key, &[digest]), &format!("RSA {bits} {digest}"));
        }
    }
}

#[test]
fn an_unusual_public_exponent() {
    let options =
        ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-pkeyopt", "rsa_keygen_pubexp:3"];
    verifies_and_notices_changes(&request(&generated(&options), &["-sha384"]), "RSA 1024 exponent 3");
}

#[test]
fn elliptic_curve_requests() {
    for curve in ["P-256", "P-384", "P-521"] {
        let key = generated(&["-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")]);
        for digest in ["-sha256", "-sha384", "-sha512"] {
            verifies_and_notices_changes(&request(&key, &[digest]), &format!("{curve} {digest}"));
        }
    }
    verifies_and_notices_changes(&request(&generated(&["-algorithm", "ED25519"]), &[]), "Ed25519");
}

#[test]
fn an_unsupported_key_is_told_and_not_taken() {
    let request = request(&generated(&["-algorithm", "ED448"]), &[]);
    assert!(request.verify_signature().unwrap_err().to_string().contains("1.3.101.113"));
}

#[test]
fn private_keys_in_every_form() {
    let rsa = generated(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let p256 = generated(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let p384 = generated(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    let with_parameters = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b"");
    assert!(with_parameters.starts_with(b"-----BEGIN EC PARAMETERS"));
    for text in [
        &rsa,
        &p256,
        &p384,
        &with_parameters,
        &openssl(&["rsa", "-traditional"], &rsa),
        &openssl(&["ec"], &p384),
    ] {
        let key = PrivateKey::from_pem(text).unwrap();
        let public = openssl(&["pkey", "-pubout"], text);
        assert_eq!(key.public_pem().as_bytes(), public);
        pki::verify::verify_signature(key.spki_der(), key.algorithm(), b"x", &key.sign(b"x").unwrap())
            .unwrap();
    }
}

#[test]
fn encrypted_and_unsupported_private_keys() {
    let rsa = generated(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let new = openssl(&["pkey", "-aes256", "-passout", "pass:secret"], &rsa);
    let old = openssl(&["rsa", "-traditional", "-aes128", "-passout", "pass:secret"], &rsa);
    for text in [new, old] {
        assert_eq!(PrivateKey::from_pem(&text).unwrap_err(), KeyFault::Encrypted);
    }
    for options in
        [&["-algorithm", "ED25519"][..], &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]]
    {
        assert!(matches!(PrivateKey::from_pem(&generated(options)), Err(KeyFault::Unsupported(_))));
    }
    let small = generated(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]);
    assert!(matches!(PrivateKey::from_pem(&small), Err(KeyFault::Rejected(_))));
}

#[test]
fn a_request_with_text_around_it_is_one_request() {
    let key = generated(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let plain = request(&key, &[]);
    let shown = openssl(&["req", "-text"], plain.to_pem().as_bytes());
    assert!(shown.len() > plain.to_pem().len());
    assert_eq!(Request::from_pem(&shown).unwrap(), plain);
    assert!(openssl_result(&["req", "-noout"], b"nothing").is_err());
}
