//! Whatever request is signed: the certificate stands before other judges than ourselves (webpki always, OpenSSL for a
//! few dozen), and it holds exactly what the rules allow.

mod recipe;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pki::issue::{Authority, SigningPolicy, draft_from_request, self_signed_ca, sign_leaf};
use pki::{AltName, Certificate, Certname, Extension, KeyKind, Oid, PrivateKey, Request, Serial, oid};
use proptest::prelude::*;
use recipe::Recipe;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const YEAR: i64 = 31_536_000;

/// Authorities of several kinds, made once.
static AUTHORITIES: LazyLock<Vec<Authority>> = LazyLock::new(|| {
    [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa2048]
        .map(|kind| {
            let key = PrivateKey::generate(kind).unwrap();
            let certificate =
                self_signed_ca("Puppet CA: test", &key, Serial::from_u64(1), NOW - 86_400, NOW + 5 * YEAR);
            Authority { certificate: certificate.unwrap(), signer: Arc::new(key) }
        })
        .into()
});

/// Keys of nodes, made once.
static KEYS: LazyLock<Vec<PrivateKey>> = LazyLock::new(|| {
    [KeyKind::EcP256, KeyKind::EcP384, KeyKind::Rsa2048, KeyKind::Rsa3072]
        .map(|kind| PrivateKey::generate(kind).unwrap())
        .into()
});

fn sign(
    request: &Request,
    name: &str,
    policy: SigningPolicy,
    authority: &Authority,
    serial: u64,
) -> Option<Certificate> {
    let certname = Certname::parse(name).ok()?;
    let profile =
        draft_from_request(request, &certname, &policy, Serial::from_u64(serial), NOW, YEAR).ok()?;
    Some(sign_leaf(authority, &profile).unwrap())
}

/// What webpki, which stands behind rustls, says of it as a client's and as a server's certificate.
fn webpki_accepts(certificate: &Certificate, authority: &Authority) -> Result<(), String> {
    let root = CertificateDer::from(authority.certificate.der());
    let anchor = webpki::anchor_from_trusted_cert(&root).map_err(|fault| format!("anchor: {fault}"))?;
    let der = CertificateDer::from(certificate.der());
    let leaf = webpki::EndEntityCert::try_from(&der).map_err(|fault| format!("leaf: {fault}"))?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(NOW as u64));
    for usage in [webpki::KeyUsage::client_auth(), webpki::KeyUsage::server_auth()] {
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(&anchor),
            &[],
            at,
            usage,
            None,
            None,
        )
        .map_err(|fault| fault.to_string())?;
    }
    // Names that a client could connect to. (Puppet allows one dot at the end, and then the alternative name has it too;
    // no client ever finds that. And a certname may look like an address, "1.7.2.2", but is no alternative name of that
    // kind.)
    let name = certificate.subject_cn().unwrap_or_default();
    if let Ok(server @ ServerName::DnsName(_)) = ServerName::try_from(name)
        && !name.ends_with('.')
    {
        leaf.verify_is_valid_for_subject_name(&server).map_err(|fault| format!("name {name}: {fault}"))?;
    }
    Ok(())
}

/// What OpenSSL says.
fn openssl_accepts(certificate: &Certificate, authority: &Authority) {
    let mut bundle = tempfile::NamedTempFile::new().unwrap();
    bundle.write_all(authority.certificate.to_pem().as_bytes()).unwrap();
    let (bundle, at) = (bundle.path().to_str().unwrap(), NOW.to_string());
    for purpose in ["sslclient", "sslserver"] {
        let arguments = ["verify", "-x509_strict", "-purpose", purpose, "-attime", &at, "-CAfile", bundle];
        openssl(&arguments, certificate.to_pem().as_bytes());
    }
    let subject =
        openssl(&["x509", "-noout", "-subject", "-nameopt", "RFC2253,utf8"], certificate.to_pem().as_bytes());
    assert_eq!(subject.trim_end(), format!("subject=CN={}", certificate.subject_cn().unwrap()));
}

fn openssl(arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command is needed for this test");
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    said
}

/// What every certificate of a node has.
const ALWAYS: [Oid; 7] = [
    oid::SUBJECT_ALT_NAME,
    oid::NETSCAPE_COMMENT,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::BASIC_CONSTRAINTS,
    oid::EXTENDED_KEY_USAGE,
    oid::KEY_USAGE,
];

/// Exactly what was asked for and allowed, and what every certificate has.
fn is_as_asked(certificate: &Certificate, request: &Request, name: &str) {
    let asked = request.extensions().iter().filter(|asked| asked.oid != oid::SUBJECT_ALT_NAME);
    let mut expected: Vec<String> = asked.clone().map(|asked| asked.oid.to_string()).collect();
    expected.extend(ALWAYS.iter().map(Oid::to_string));
    let mut found: Vec<String> = certificate.extensions().iter().map(|one| one.oid.to_string()).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    for asked in asked {
        let copied = certificate.extension(&asked.oid).unwrap();
        // Bare text gets a type.
        let typed = Extension::utf8(asked.oid.clone(), &String::from_utf8_lossy(&asked.value)).value;
        let is_same = copied.value == asked.value || copied.value == typed && !asked.value.is_empty();
        assert!(is_same, "{}: {:x?} became {:x?}", asked.oid, asked.value, copied.value);
    }
    let critical: Vec<&Oid> =
        certificate.extensions().iter().filter(|one| one.critical).map(|one| &one.oid).collect();
    assert_eq!(critical, [&oid::BASIC_CONSTRAINTS, &oid::EXTENDED_KEY_USAGE, &oid::KEY_USAGE]);

    let own = AltName::Dns(name.to_owned());
    let mut expected: Vec<String> = request.subject_alt_names().iter().map(ToString::to_string).collect();
    if !request.subject_alt_names().contains(&own) {
        expected.push(own.to_string());
    }
    let mut found: Vec<String> = certificate.subject_alt_names().iter().map(ToString::to_string).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);

    assert_eq!(certificate.subject_rfc2253(), format!("CN={name}"));
    assert_eq!(certificate.spki_der(), request.spki_der());
    assert!(!certificate.is_ca());
    assert_eq!(certificate.extension_utf8(&oid::PP_CLI_AUTH), None);
    assert_eq!((certificate.not_before(), certificate.not_after()), (NOW - 86_400, NOW + YEAR));
}

fn check(
    recipe: &Recipe,
    allow_names: bool,
    allow_authorization: bool,
    issuer: usize,
    ask_openssl: bool,
) -> bool {
    let policy = SigningPolicy {
        allow_subject_alt_names: allow_names,
        allow_authorization_extensions: allow_authorization,
    };
    let request = recipe.request(&KEYS);
    let authority = &AUTHORITIES[issuer % AUTHORITIES.len()];
    let signed = sign(&request, &recipe.name, policy, authority, recipe.serial);
    assert_eq!(signed.is_some(), recipe.is_allowed(policy), "{recipe:?} under {policy:?}");
    let Some(certificate) = signed else { return false };
    is_as_asked(&certificate, &request, &recipe.name);
    assert_eq!(webpki_accepts(&certificate, authority), Ok(()), "{recipe:?}");
    if ask_openssl {
        openssl_accepts(&certificate, authority);
    }
    true
}

/// The same recipes in every run: what is found must be found again.
const SEED: proptest::test_runner::RngSeed = proptest::test_runner::RngSeed::Fixed(2_026);

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, rng_seed: SEED, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_stands_before_webpki(
        recipe in recipe::any_recipe(),
        allow_names: bool,
        allow_authorization: bool,
        issuer in 0usize..3,
    ) {
        check(&recipe, allow_names, allow_authorization, issuer, false);
    }

    #[test]
    fn what_may_be_signed_is_signed_and_stands_before_webpki(
        recipe in recipe::allowed_recipe(),
        issuer in 0usize..3,
    ) {
        prop_assert!(check(&recipe, true, true, issuer, false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: SEED, ..ProptestConfig::default() })]

    #[test]
    fn what_is_signed_stands_before_openssl(recipe in recipe::allowed_recipe(), issuer in 0usize..3) {
        prop_assert!(check(&recipe, true, true, issuer, true));
    }
}

/// Agents of Puppet 2.6 to 3.0 sign with MD5, and those of Puppet 3 write the bare text into an extension.
#[test]
fn requests_of_old_agents_are_signed_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (config, key) = (folder.path().join("req.cnf"), folder.path().join("key.pem"));
    let text = "[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n1.3.6.1.4.1.34380.1.1.13=DER:776562\n";
    std::fs::write(&config, text).unwrap();
    let (config, key) = (config.to_str().unwrap(), key.to_str().unwrap());
    for bits in ["rsa:1024", "rsa:4096"] {
        let arguments = ["req", "-new", "-md5", "-nodes", "-batch", "-newkey", bits, "-keyout", key];
        let arguments = [&arguments[..], &["-config", config, "-subj", "/CN=node.test"]].concat();
        let made = openssl(&arguments, b"");
        let from = made.find("-----BEGIN").unwrap_or_else(|| panic!("{made}"));
        let request = Request::from_pem(&made.as_bytes()[from..]).unwrap();
        let policy = SigningPolicy { allow_subject_alt_names: false, allow_authorization_extensions: false };
        let certificate = sign(&request, "node.test", policy, &AUTHORITIES[0], 7).unwrap();
        let role = certificate.extension(&Oid::from_name("pp_role").unwrap()).unwrap();
        assert_eq!(role.value, b"\x0c\x03web", "{bits}");
        openssl_accepts(&certificate, &AUTHORITIES[0]);
        // Another text has not that signature.
        let mut der = request.der().to_vec();
        let at = der.windows(9).position(|window| window == b"node.test").unwrap();
        der[at] = b'm';
        assert!(Request::from_der(&der).unwrap().verify_signature().is_err());
    }
}

/// Requests of another writer: other string types, keys that we cannot make, names around the common one.
#[test]
fn requests_that_openssl_makes_are_signed_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("req.cnf");
    for (number, (key, subject, extensions)) in [
        ("rsa:1024", "/CN=node.test", ""),
        ("rsa:2048", "/CN=node.test", "subjectAltName=DNS:node.test"),
        ("rsa:4096", "/O=Acme/CN=node.test", "1.3.6.1.4.1.34380.1.1.13=ASN1:UTF8String:web"),
        ("ec:P-256", "/CN=node.test", "subjectAltName=DNS:other.test,IP:10.0.0.9,IP:fd00::1"),
        ("ec:P-384", "/CN=node.test/OU=x", "1.3.6.1.4.1.34380.1.2.1=critical,ASN1:IA5String:y"),
        ("ec:P-521", "/CN=node.test", "subjectAltName=email:a@b.c,URI:spiffe://x/y"),
        ("ed25519", "/CN=node.test", "1.3.6.1.4.1.34380.1.3.13=ASN1:PRINTABLESTRING:role"),
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("[req]\ndistinguished_name=dn\nreq_extensions=ext\n[dn]\n[ext]\n{extensions}\n");
        std::fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap();
        let mut arguments =
            vec!["req", "-new", "-nodes", "-batch", "-keyout", "/dev/null", "-config", config];
        arguments.extend(["-subj", subject]);
        let curve;
        match key.strip_prefix("ec:") {
            Some(name) => {
                curve = format!("ec_paramgen_curve:{name}");
                arguments.extend(["-newkey", "ec", "-pkeyopt", &curve]);
            }
            None => arguments.extend(["-newkey", key]),
        }
        if extensions.is_empty() {
            let at = arguments.iter().position(|argument| *argument == config).unwrap();
            std::fs::write(arguments[at], "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
        }
        let made = openssl(&arguments, b"");
        let from = made.find("-----BEGIN").unwrap_or_else(|| panic!("{made}"));
        let end = made[from..].find("-----END CERTIFICATE REQUEST-----\n").unwrap() + from + 34;
        let request = Request::from_pem(&made.as_bytes()[from..end]).unwrap();
        let policy = SigningPolicy { allow_subject_alt_names: true, allow_authorization_extensions: true };
        let authority = &AUTHORITIES[number % AUTHORITIES.len()];
        let certificate =
            sign(&request, "node.test", policy, authority, 7).unwrap_or_else(|| panic!("{key}"));
        is_as_asked(&certificate, &request, "node.test");
        assert_eq!(webpki_accepts(&certificate, authority), Ok(()), "{key} {extensions}");
        openssl_accepts(&certificate, authority);
    }
}
