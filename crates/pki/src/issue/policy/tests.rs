use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;
use crate::issue::{Authority, self_signed_ca, sign_leaf};
use crate::key::{KeyKind, PrivateKey};
use crate::oid::Oid;
use crate::request::RequestContent;

static KEY: LazyLock<Arc<PrivateKey>> =
    LazyLock::new(|| Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap()));

fn request(cn: &str, alt_names: &[&str], extensions: &[(&str, &str)]) -> Request {
    let content = RequestContent {
        alt_names: alt_names.iter().map(|name| AltName::parse(name).unwrap()).collect(),
        extensions: extensions
            .iter()
            .map(|(oid, value)| Extension::utf8(Oid::from_name(oid).unwrap(), value))
            .collect(),
        ..RequestContent::default()
    };
    Request::build(cn, &**KEY, &content).unwrap()
}

fn draft(request: &Request, policy: SigningPolicy) -> Result<LeafProfile, SigningFault> {
    draft_from_request(
        request,
        &Certname::parse("x.test").unwrap(),
        &policy,
        Serial::from_u64(9),
        1_000_000,
        500,
    )
}

fn refusal(request: &Request, policy: SigningPolicy) -> String {
    draft(request, policy).unwrap_err().puppet_text()
}

const STRICT: SigningPolicy =
    SigningPolicy { allow_subject_alt_names: false, allow_authorization_extensions: false };
const LAX: SigningPolicy =
    SigningPolicy { allow_subject_alt_names: true, allow_authorization_extensions: true };

#[test]
fn a_plain_request_becomes_a_plain_certificate() {
    let profile = draft(&request("x.test", &[], &[("pp_role", "web")]), STRICT).unwrap();
    assert_eq!((profile.not_before, profile.not_after), (1_000_000 - 86_400, 1_000_500));
    assert_eq!(profile.alt_names, [AltName::Dns("x.test".into())]);
    assert_eq!(profile.extensions.len(), 1);
    assert!(!profile.cli_auth);
}

#[test]
fn the_subject_must_be_the_certname() {
    assert_eq!(
        refusal(&request("other.test", &[], &[]), LAX),
        "Instance name \"other.test\" does not match requested key \"x.test\""
    );
}

#[test]
fn alternative_names_need_the_setting() {
    assert!(draft(&request("x.test", &["DNS:x.test"], &[]), STRICT).is_ok());
    let asking = request("x.test", &["DNS:x.test", "DNS:evil.test", "IP:10.0.0.9"], &[]);
    assert_eq!(
        refusal(&asking, STRICT),
        "CSR 'x.test' contains extra subject alternative names (IP:10.0.0.9, DNS:evil.test), which are disallowed. To \
         allow subject alternative names, set allow-subject-alt-names to true in your ca.conf file. Then restart the \
         puppetserver and try signing this certificate again."
    );
    let names: Vec<String> = draft(&asking, LAX).unwrap().alt_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["IP:10.0.0.9", "DNS:x.test", "DNS:evil.test"]);
    let without = request("x.test", &["DNS:evil.test", "URI:spiffe://x/y"], &[]);
    let names: Vec<String> =
        draft(&without, LAX).unwrap().alt_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["URI:spiffe://x/y", "DNS:evil.test", "DNS:x.test"]);
}

#[test]
fn a_name_brings_no_line_of_its_own_into_the_refusal() {
    let names = vec![AltName::Dns("x\r\nSigned.\x1b[2J".into())];
    let asking =
        Request::build("x.test", &**KEY, &RequestContent { alt_names: names, ..RequestContent::default() })
            .unwrap();
    let text = refusal(&asking, STRICT);
    assert!(text.contains(r"(DNS:x\r\nSigned.\u{1b}[2J)"), "{text}");
    assert!(
        matches!(draft(&asking, LAX), Err(SigningFault::InvalidAltName { .. })),
        "nor into a certificate"
    );
}

#[test]
fn authorization_needs_the_setting_and_cli_auth_is_never_given() {
    let text = refusal(&request("x.test", &[], &[("pp_auth_role", "admin")]), STRICT);
    assert_eq!(
        text,
        "CSR 'x.test' contains an authorization extension, which is disallowed. To allow authorization extensions, set \
         allow-authorization-extensions to true in your ca.conf file. Then restart the puppetserver and try signing \
         this certificate again."
    );
    assert!(draft(&request("x.test", &[], &[("pp_auth_role", "admin")]), LAX).is_ok());
    assert_eq!(
        refusal(&request("x.test", &[], &[("pp_cli_auth", "true")]), LAX),
        "Found extensions that are not permitted: 1.3.6.1.4.1.34380.1.3.39"
    );
}

#[test]
fn foreign_extensions_are_never_given() {
    let asking = request("x.test", &[], &[("1.2.3.4.5", "x"), ("pp_role", "y"), ("2.5.29.19", "z")]);
    assert_eq!(refusal(&asking, LAX), "Found extensions that are not permitted: 1.2.3.4.5, 2.5.29.19");
}

#[test]
fn the_signature_must_be_the_keys_own() {
    let mut der = request("x.test", &[], &[]).der().to_vec();
    // The last octet of the signature's second number.
    *der.last_mut().unwrap() ^= 1;
    assert_eq!(
        refusal(&Request::from_der(&der).unwrap(), LAX),
        "CSR contains a public key that does not correspond to the signing key"
    );
}

#[test]
fn broken_alternative_names_are_refused_even_where_names_are_allowed() {
    let content =
        RequestContent { alt_names: vec![AltName::Other(vec![0x87, 1, 9])], ..RequestContent::default() };
    let asking = Request::build("x.test", &**KEY, &content).unwrap();
    assert!(matches!(draft(&asking, LAX), Err(SigningFault::InvalidAltName { .. })));
}

/// What every leaf has, whatever was asked for.
const ALWAYS: [&str; 7] =
    ["2.5.29.17", "2.16.840.1.113730.1.13", "2.5.29.35", "2.5.29.14", "2.5.29.19", "2.5.29.37", "2.5.29.15"];

const ASKED_FOR: [&str; 12] = [
    "1.3.6.1.4.1.34380.1.1.1",
    "1.3.6.1.4.1.34380.1.1.99",
    "1.3.6.1.4.1.34380.1.2.1.1",
    "1.3.6.1.4.1.34380.1.3.13",
    "1.3.6.1.4.1.34380.1.3.39",
    "1.3.6.1.4.1.34380.1.3",
    "1.3.6.1.4.1.34380.1.4.1",
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.19",
    "2.16.840.1.113730.1.13",
    "1.2.3",
];

proptest! {
    #[test]
    fn a_leaf_has_exactly_the_allowed_extensions(
        asked in proptest::sample::subsequence(&ASKED_FOR[..], 0..=4).prop_shuffle(),
        critical: bool,
        alt_name: bool,
        allow_subject_alt_names: bool,
        allow_authorization_extensions: bool,
    ) {
        let content = RequestContent {
            extensions: asked
                .iter()
                .map(|oid| Extension { critical, ..Extension::utf8(Oid::parse(oid).unwrap(), "v") })
                .collect(),
            alt_names: if alt_name { vec![AltName::Dns("other.test".into())] } else { vec![] },
            ..RequestContent::default()
        };
        let asking = Request::build("x.test", &**KEY, &content).unwrap();
        let policy = SigningPolicy { allow_subject_alt_names, allow_authorization_extensions };
        let acceptable = asked.iter().all(|oid| match *oid {
            "1.3.6.1.4.1.34380.1.3.13" => allow_authorization_extensions,
            "1.3.6.1.4.1.34380.1.3.39" => false,
            _ => oid.starts_with("1.3.6.1.4.1.34380.1.1.") || oid.starts_with("1.3.6.1.4.1.34380.1.2."),
        });
        let drafted = draft(&asking, policy);
        prop_assert_eq!(drafted.is_ok(), acceptable && (allow_subject_alt_names || !alt_name));
        let Ok(profile) = drafted else { return Ok(()) };
        let certificate = self_signed_ca("CA", &**KEY, Serial::from_u64(1), 0, 2_000_000).unwrap();
        let leaf = sign_leaf(&Authority { certificate, signer: KEY.clone() }, &profile).unwrap();
        let mut found: Vec<String> = leaf.extensions().iter().map(|extension| extension.oid.to_string()).collect();
        let mut expected: Vec<String> = ALWAYS.iter().chain(&asked).map(|oid| oid.to_string()).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        prop_assert!(!leaf.is_ca());
        prop_assert_eq!(leaf.subject_display(), "/CN=x.test");
        // No critical extension stands before one that is not.
        prop_assert!(leaf.extensions().is_sorted_by_key(|extension| extension.critical));
    }
}
