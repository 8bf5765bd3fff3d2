//! What is signed. The input is read as a recipe for a request that is genuine in its form and its signature: this way
//! the mutations reach what lies behind both.

use super::Target;
use pki::issue::{Authority, SigningPolicy, draft_from_request, self_signed_ca, sign_leaf};
use pki::verify::verify_chain;
use pki::{
    AltName, Attribute, Certificate, Certname, Extension, KeyKind, Oid, PrivateKey, Request, RequestContent,
    Serial, oid,
};
use std::sync::{Arc, OnceLock};

pub(super) const TARGET: Target = Target {
    name: "signing",
    run,
    words: &[
        b"\x00\x0daaa.example.c",
        b"\x01\x04puppet",
        b"\x02\x04\x0a\x00\x00\x09",
        b"\x05\x27\x06\x0c\x04true",
        b"\x05\x0d\x06\x0c\x04role",
        b"\x06\x13\x05\x30\x03\x01\x01\xff",
        b"\x04\x01\x04\x0c\x02ab",
    ],
};

const NOW: i64 = 1_795_305_600;

struct Cast {
    authority: Authority,
    key: PrivateKey,
}

fn cast() -> &'static Cast {
    static CAST: OnceLock<Cast> = OnceLock::new();
    CAST.get_or_init(|| {
        let key = || PrivateKey::generate(KeyKind::EcP256).expect("a key");
        let ca = key();
        let certificate =
            self_signed_ca("Puppet CA: fuzz", &ca, Serial::from_u64(1), NOW - 86_400, NOW + 86_400 * 365)
                .expect("a CA");
        Cast { authority: Authority { certificate, signer: Arc::new(ca) }, key: key() }
    })
}

/// A cursor over the recipe: a kind, a length, so many octets; again until nothing is left.
fn ingredients(mut recipe: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [kind, length, rest @ ..] = recipe else { return None };
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        recipe = rest;
        Some((*kind % 8, value))
    })
}

fn dotted(arc: &str, value: &[u8]) -> Option<(Oid, Vec<u8>)> {
    let (last, value) = value.split_first()?;
    Some((Oid::parse(&format!("{arc}.{last}")).ok()?, value.to_vec()))
}

fn run(recipe: &[u8]) {
    let mut name = "node.example.com".to_owned();
    let mut content = RequestContent::default();
    for (kind, value) in ingredients(recipe) {
        let text = String::from_utf8_lossy(value).into_owned();
        let extension = match kind {
            0 => {
                name = text;
                None
            }
            1 => {
                content.alt_names.push(AltName::Dns(text));
                None
            }
            2 => {
                let address = <[u8; 4]>::try_from(value).map(|octets| AltName::Ip(octets.into()));
                content.alt_names.push(address.unwrap_or(AltName::Uri(text)));
                None
            }
            3 => {
                content.attributes.push(Attribute::utf8(oid::CHALLENGE_PASSWORD, &text));
                None
            }
            4 => dotted("1.3.6.1.4.1.34380.1.1", value),
            5 => dotted("1.3.6.1.4.1.34380.1.3", value),
            6 => dotted("2.5.29", value),
            _ => dotted("1.3.6.1.4.1.34380.1.2", value),
        };
        if let Some((oid, value)) = extension {
            content.extensions.push(Extension { oid, critical: recipe.len().is_multiple_of(5), value });
        }
    }
    let cast = cast();
    let Ok(request) = Request::build(&name, &cast.key, &content) else { return };
    assert_eq!(request.verify_signature(), Ok(()));
    let Ok(certname) = Certname::parse(&name) else { return };
    for (allow_subject_alt_names, allow_authorization_extensions) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let policy = SigningPolicy { allow_subject_alt_names, allow_authorization_extensions };
        let serial = Serial::from_u64(0x7f);
        let Ok(profile) = draft_from_request(&request, &certname, &policy, serial, NOW, 86_400) else {
            continue;
        };
        let certificate = sign_leaf(&cast.authority, &profile).expect("a draft can be signed");
        judge(&certificate, &request, &certname, &policy);
    }
}

/// Whatever was asked for, this is what a certificate of a node is.
fn judge(certificate: &Certificate, request: &Request, certname: &Certname, policy: &SigningPolicy) {
    let authority = &cast().authority.certificate;
    assert_eq!(certificate.subject_rfc2253(), format!("CN={certname}"));
    assert_eq!(certificate.spki_der(), request.spki_der());
    assert!(!certificate.is_ca() && !certificate.may_sign_certificates());
    assert!(verify_chain(certificate, std::slice::from_ref(authority), NOW).is_ok());

    let own = AltName::Dns(certname.to_string());
    assert!(certificate.subject_alt_names().contains(&own));
    for name in certificate.subject_alt_names() {
        assert!(name.is_well_formed());
        assert!(*name == own || policy.allow_subject_alt_names && request.subject_alt_names().contains(name));
    }

    let fixed = [
        oid::SUBJECT_ALT_NAME,
        oid::NETSCAPE_COMMENT,
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::BASIC_CONSTRAINTS,
        oid::EXTENDED_KEY_USAGE,
        oid::KEY_USAGE,
    ];
    for one in &fixed {
        assert!(certificate.extension(one).is_some(), "{one} is missing");
    }
    for extension in certificate.extensions().iter().filter(|one| !fixed.contains(&one.oid)) {
        let id = &extension.oid;
        assert!(id.is_puppet_extension() && *id != oid::PP_CLI_AUTH, "{id}");
        assert!(!id.is_below(&oid::AUTHORIZATION_ARC) || policy.allow_authorization_extensions, "{id}");
        assert!(!extension.critical, "{id} would make every verifier refuse the certificate");
        // Bare text, as Puppet 3 asks for it, gets a type; nothing else changes.
        let same = |asked: &[u8]| {
            let text = std::str::from_utf8(asked).unwrap_or_default();
            asked == extension.value
                || !text.is_empty() && pki::Extension::utf8(id.clone(), text).value == extension.value
        };
        assert!(request.extensions().iter().any(|asked| asked.oid == *id && same(&asked.value)));
    }
    let asked = request.extensions().iter().filter(|asked| asked.oid.is_puppet_extension()).count();
    assert_eq!(certificate.extensions().len(), fixed.len() + asked, "something was left out in silence");
}
