//! From the recorded requests come, octet by octet, the recorded certificates.

use pki::crl::{self, CrlDraft, RevocationList};
use pki::issue::{LeafLayout, LeafProfile, SigningFault, SigningPolicy, draft_from_request, sign_leaf};
use pki::verify::verify_chain;
use pki::{AltName, Certificate, Certname, Request, RequestFault, Serial, VerifyFault};
use proptest::prelude::*;

use crate::fixtures::{certificate, read, replaying};

/// Puppet's default `ca_ttl`, five years of 365 days.
const CA_TTL: i64 = 157_680_000;
const DAY: i64 = 86_400;

fn policy(lax: bool) -> SigningPolicy {
    SigningPolicy { allow_subject_alt_names: lax, allow_authorization_extensions: lax }
}

#[test]
fn requests_become_the_recorded_certificates() {
    let ca = certificate("signing-ca.pem");
    for (name, lax) in [
        ("agent1.example.com", false),
        ("jacc.example.com", false),
        ("rdn.example.com", false),
        ("s7.auto.example.com", false),
        ("gen2.example.com", true),
        ("s1.auto.example.com", true),
        ("s4.auto.example.com", true),
        ("s5.auto.example.com", true),
        ("s6.auto.example.com", true),
        ("authr.example.com", true),
    ] {
        let recorded = certificate(&format!("signed/{name}.pem"));
        let request = Request::from_pem(&read(&format!("requests/{name}.pem"))).unwrap();
        let now = recorded.not_before() + DAY;
        let certname = Certname::parse(name).unwrap();
        let profile =
            draft_from_request(&request, &certname, &policy(lax), recorded.serial(), now, CA_TTL).unwrap();
        let issued = sign_leaf(&replaying(&ca, recorded.der()), &profile).unwrap();
        assert_eq!(issued, recorded, "{name}");
        assert_eq!(issued.to_pem().as_bytes(), read(&format!("signed/{name}.pem")), "{name}");
    }
}

#[test]
fn the_command_lines_own_certificates() {
    let ca = certificate("signing-ca.pem");
    let dns = |name: &str| AltName::Dns(name.to_owned());
    for (name, alt_names) in [
        ("puppet.example.com", vec![dns("puppet.example.com"), dns("puppet"), dns("puppet.example.com")]),
        ("ca2.example.com", vec![dns("ca2.example.com")]),
        (
            "ca3.example.com",
            vec![dns("ca3.example.com"), dns("foo.example.com"), AltName::Ip([10, 1, 1, 1].into())],
        ),
    ] {
        let recorded = certificate(&format!("signed/{name}.pem"));
        let profile = LeafProfile {
            serial: recorded.serial(),
            certname: Certname::parse(name).unwrap(),
            spki_der: recorded.spki_der().to_vec(),
            not_before: recorded.not_before(),
            not_after: recorded.not_after(),
            alt_names,
            extensions: Vec::new(),
            cli_auth: true,
            layout: LeafLayout::Setup,
        };
        assert_eq!(sign_leaf(&replaying(&ca, recorded.der()), &profile).unwrap(), recorded, "{name}");
        assert_eq!(recorded.authorization_extensions(), [("pp_cli_auth".to_owned(), "true".to_owned())]);
    }
}

#[test]
fn the_authorities_of_setup() {
    let (root, ca) = (certificate("root-ca.pem"), certificate("signing-ca.pem"));
    let replay = replaying(&root, root.der());
    let made = pki::issue::setup_root_ca(
        root.subject_cn().unwrap(),
        &*replay.signer,
        Serial::from_u64(1),
        root.not_before(),
        root.not_after(),
    );
    assert_eq!(made.unwrap(), root);
    let made = pki::issue::setup_intermediate_ca(
        &replaying(&root, ca.der()),
        "Puppet CA: puppet.example.com",
        ca.spki_der(),
        Serial::from_u64(2),
        ca.not_before(),
        ca.not_after(),
    );
    assert_eq!(made.unwrap(), ca);
    assert_eq!(ca.issuer_rfc2253(), "CN=Puppet Root CA: f86208056d8928");
}

#[test]
fn revocation_lists_are_the_recorded_ones() {
    let (root, ca) = (certificate("root-ca.pem"), certificate("signing-ca.pem"));
    let recorded = RevocationList::from_pem(&read("signing-crl.pem")).unwrap();
    let entries: Vec<(Serial, i64)> = recorded.entries().collect();
    assert_eq!(entries.len(), 9);
    let now = recorded.this_update() + 1;
    let issued = crl::issue(&replaying(&ca, recorded.der()), &CrlDraft::at(now, 8, &entries)).unwrap();
    assert_eq!(issued, recorded);
    assert_eq!(issued.to_pem().as_bytes(), read("signing-crl.pem"));
    assert!(recorded.contains(&Serial::from_u64(0x13)) && !recorded.contains(&Serial::from_u64(2)));
    recorded.verify(ca.spki_der()).unwrap();
    assert_eq!(recorded.verify(root.spki_der()), Err(VerifyFault::Invalid));

    for (file, authority) in [("setup-crl.pem", &ca), ("root-crl.pem", &root)] {
        let recorded = RevocationList::from_pem(&read(file)).unwrap();
        let (this_update, next_update) = (recorded.this_update(), recorded.next_update().unwrap());
        let draft = CrlDraft { number: 0, this_update, next_update, entries: &[] };
        assert_eq!(crl::setup_tbs_der(authority, &draft).unwrap(), recorded.tbs_der(), "{file}");
        recorded.verify(authority.spki_der()).unwrap();
        assert!(recorded.is_issued_by(authority) && recorded.is_empty());
    }
}

#[test]
fn what_a_recorded_certificate_says() {
    let (root, ca) = (certificate("root-ca.pem"), certificate("signing-ca.pem"));
    let agent = certificate("signed/agent1.example.com.pem");
    assert_eq!(
        (agent.serial().to_string(), agent.subject_display()),
        ("0002".into(), "/CN=agent1.example.com".into())
    );
    assert_eq!(pki::puppet_timestamp(agent.not_before()), "2026-11-21T09:55:00UTC");
    assert_eq!(agent.authority_key_id(), ca.subject_key_id());
    let trusted: Vec<String> =
        agent.trusted_extensions().into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        trusted,
        [
            "pp_uuid=ED803750-E3C7-44F5-BB08-41A04433FE2E",
            "pp_role=webserver",
            "pp_environment=production",
            "pp_image_name=my_ami_image",
            "pp_preshared_key=s3cret",
            "1.3.6.1.4.1.34380.1.2.1.1=private-ext"
        ]
    );
    let request = Request::from_pem(&read("requests/agent1.example.com.pem")).unwrap();
    assert_eq!(request.attribute_utf8(&pki::oid::CHALLENGE_PASSWORD).as_deref(), Some("challenge-secret"));
    assert_eq!(
        pki::fingerprint::sha256(request.der()),
        "0C:C1:F0:55:74:DF:D3:C1:EA:4B:4F:C4:92:88:77:B1:7E:A7:DA:D1:39:DB:A4:6E:EA:6D:56:4D:35:8B:94:17"
    );
    let chain = verify_chain(&agent, &[root.clone(), ca.clone()], agent.not_before()).unwrap();
    assert_eq!(chain, [ca, root]);
}

#[test]
fn requests_of_every_kind_of_key() {
    for name in ["ec.example.com", "ed.example.com", "r1k.example.com"] {
        let request = Request::from_pem(&read(&format!("requests/{name}.pem"))).unwrap();
        request.verify_signature().unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(request.subject_cn(), Some(name));
    }
}

#[test]
fn a_request_whose_signature_was_broken() {
    let request = Request::from_pem(&read("requests/new3.example.com.pem")).unwrap();
    let certname = Certname::parse("new3.example.com").unwrap();
    let fault =
        draft_from_request(&request, &certname, &policy(false), Serial::from_u64(1), 0, 1).unwrap_err();
    assert!(matches!(fault, SigningFault::InvalidSignature { .. }));
    assert_eq!(fault.puppet_text(), "CSR contains a public key that does not correspond to the signing key");
}

#[test]
fn a_certificate_is_no_request() {
    let fault = Request::from_pem(&read("signed/agent1.example.com.pem")).unwrap_err();
    assert_eq!(fault, RequestFault::NotARequest("CERTIFICATE".into()));
}

proptest! {
    /// Damage that leaves most of the structure intact gets further into the readers than random octets do.
    #[test]
    fn damaged_files_never_panic(at: prop::sample::Index, octet: u8, cut: Option<prop::sample::Index>) {
        let damage = |der: &[u8]| {
            let mut der = der.to_vec();
            let at = at.index(der.len());
            der[at] = octet;
            if let Some(cut) = cut {
                der.truncate(cut.index(der.len()));
            }
            der
        };
        let agent = certificate("signed/agent1.example.com.pem");
        if let Ok(damaged) = Certificate::from_der(&damage(agent.der())) {
            let _ = (damaged.trusted_extensions(), damaged.subject_rfc2253(), damaged.is_ca());
            let _ = verify_chain(&damaged, std::slice::from_ref(&agent), 0);
        }
        let list = RevocationList::from_pem(&read("signing-crl.pem")).unwrap();
        if let Ok(damaged) = RevocationList::from_der(&damage(list.der())) {
            prop_assert_eq!(damaged.entries().count(), damaged.len());
        }
        let request = Request::from_pem(&read("requests/agent1.example.com.pem")).unwrap();
        if let Ok(damaged) = Request::from_der(&damage(request.der())) {
            let certname = Certname::parse("agent1.example.com").unwrap();
            let verdict = draft_from_request(&damaged, &certname, &policy(true), Serial::from_u64(1), 0, 1);
            // Octets outside of the signed part may be framed differently; nothing signed may change unnoticed.
            if verdict.is_ok() {
                prop_assert_eq!(damaged.spki_der(), request.spki_der());
                prop_assert_eq!(damaged.extensions(), request.extensions());
                prop_assert_eq!(damaged.attributes(), request.attributes());
                prop_assert_eq!(damaged.subject_attributes(), request.subject_attributes());
            }
        }
    }
}
