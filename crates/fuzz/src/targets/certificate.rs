//! Certificates: from TLS, from `X-Client-Cert`, from files.

use super::Target;
use pki::verify::verify_chain;
use pki::{Certificate, oid};

pub(super) const TARGET: Target = Target {
    name: "certificate",
    run,
    words: &[
        b"\x30\x80",
        b"\x06\x03\x55\x04\x03\x0c",
        b"\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff",
        b"\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x02\x04",
        b"\x17\x0d991231235959Z",
        b"\x18\x0f99991231235959Z",
        b"\x06\x0a\x2b\x06\x01\x04\x01\x82\x8c\x4c\x01\x03\x27\x04\x06\x0c\x04true",
    ],
};

fn run(input: &[u8]) {
    if input.starts_with(b"-") {
        if let Ok(all) = Certificate::all_from_pem(input) {
            let written: String = all.iter().map(Certificate::to_pem).collect();
            assert_eq!(Certificate::all_from_pem(written.as_bytes()), Ok(all));
        }
        return;
    }
    let Ok(certificate) = Certificate::from_der(input) else { return };
    assert_eq!(Certificate::from_der(certificate.der()).as_ref(), Ok(&certificate));
    let shown = format!(
        "{certificate:?} {} {} {} {} {} {:?} {:?} {:?}",
        certificate.subject_display(),
        certificate.subject_rfc2253(),
        certificate.issuer_display(),
        certificate.issuer_rfc2253(),
        certificate.serial(),
        certificate.authorization_extensions(),
        certificate.trusted_extensions(),
        certificate.subject_alt_names().iter().map(ToString::to_string).collect::<Vec<_>>(),
    );
    assert!(shown.len() < 64 * 1024 + 64 * input.len(), "{} octets shown", shown.len());
    // An operator is somebody whose extension says exactly so, and says it once.
    let operator = certificate
        .authorization_extensions()
        .into_iter()
        .any(|one| one == ("pp_cli_auth".into(), "true".into()));
    assert_eq!(operator, certificate.extension_utf8(&oid::PP_CLI_AUTH).as_deref() == Some("true"));
    let _ = (certificate.authority_key_id(), certificate.subject_key_id(), certificate.signature_algorithm());
    let _ = (certificate.path_length_limit(), certificate.may_sign_certificates());
    // Whatever it says of itself: a chain of it alone stands only if it signed itself and is a CA.
    let bundle = std::slice::from_ref(&certificate);
    if verify_chain(&certificate, bundle, certificate.not_before()).is_ok() {
        assert!(certificate.is_ca() && certificate.is_self_issued());
        assert_eq!(certificate.verify(certificate.spki_der()), Ok(()));
    }
}
