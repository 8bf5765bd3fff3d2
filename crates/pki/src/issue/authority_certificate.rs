//! The CA's own certificates.

use super::{Authority, IssueFault, Parts, assemble, common};
use crate::certificate::{Certificate, CertificateFault};
use crate::distinguished_name;
use crate::extension::Extension;
use crate::fingerprint;
use crate::key::Signer;
use crate::key::public::PublicKey;
use crate::serial::Serial;

/// The self-signed CA certificate that Puppet Server makes at its first start.
///
/// # Errors
/// [`IssueFault`]
pub fn self_signed_ca(
    cn: &str,
    key: &dyn Signer,
    serial: Serial,
    not_before: i64,
    not_after: i64,
) -> Result<Certificate, IssueFault> {
    let key_id = key_identifier(key.spki_der())?;
    let extensions = [
        common::comment(),
        common::authority_key_id(&key_id),
        common::subject_key_id(&key_id),
        common::basic_constraints(true),
        certificate_and_crl_sign(),
    ];
    self_signed(cn, key, serial, not_before, not_after, &extensions)
}

/// The root certificate that `puppetserver ca setup` makes.
///
/// # Errors
/// [`IssueFault`]
pub fn setup_root_ca(
    cn: &str,
    key: &dyn Signer,
    serial: Serial,
    not_before: i64,
    not_after: i64,
) -> Result<Certificate, IssueFault> {
    let key_id = key_identifier(key.spki_der())?;
    self_signed(cn, key, serial, not_before, not_after, &setup_extensions(&key_id, &key_id))
}

/// The signing CA's certificate that `puppetserver ca setup` makes below its root.
///
/// # Errors
/// [`IssueFault`]
pub fn setup_intermediate_ca(
    root: &Authority,
    cn: &str,
    spki_der: &[u8],
    serial: Serial,
    not_before: i64,
    not_after: i64,
) -> Result<Certificate, IssueFault> {
    let extensions = setup_extensions(&key_identifier(spki_der)?, root.certificate.key_identifier());
    let parts = Parts {
        serial,
        issuer_der: root.certificate.subject_der(),
        not_before,
        not_after,
        subject_der: &distinguished_name::common_name(cn),
        spki_der,
        extensions: &extensions,
    };
    let algorithm = root.signer.algorithm();
    let tbs = parts.tbs(algorithm);
    assemble(&tbs, algorithm, &root.sign(&tbs)?)
}

/// A CA's certificate once more, with another life: the same subject, key, extensions and *serial number*, signed by
/// `issuer` (which, for a self-signed one, is the CA itself).
///
/// RFC 5280 (4.1.2.2) wants a serial number once per issuer. But the leafs that Puppet Server issues name their CA by
/// key identifier, issuer *and serial number* (authorityCertSerialNumber), and OpenSSL takes no certificate with
/// another number for their issuer: with a new number every leaf of the estate would be orphaned on the day its node
/// fetches the new CA certificate.
///
/// # Errors
/// [`IssueFault`]
pub fn renewed_ca(
    old: &Certificate,
    issuer: &Authority,
    not_before: i64,
    not_after: i64,
) -> Result<Certificate, IssueFault> {
    let parts = Parts {
        serial: old.serial(),
        issuer_der: issuer.certificate.subject_der(),
        not_before,
        not_after,
        subject_der: old.subject_der(),
        spki_der: old.spki_der(),
        extensions: old.extensions(),
    };
    let algorithm = issuer.signer.algorithm();
    let tbs = parts.tbs(algorithm);
    assemble(&tbs, algorithm, &issuer.sign(&tbs)?)
}

fn setup_extensions(key_id: &[u8], authority_key_id: &[u8]) -> [Extension; 5] {
    [
        common::basic_constraints(true),
        certificate_and_crl_sign(),
        common::subject_key_id(key_id),
        common::comment(),
        common::authority_key_id(authority_key_id),
    ]
}

fn self_signed(
    cn: &str,
    key: &dyn Signer,
    serial: Serial,
    not_before: i64,
    not_after: i64,
    extensions: &[Extension],
) -> Result<Certificate, IssueFault> {
    let name = distinguished_name::common_name(cn);
    let parts = Parts {
        serial,
        issuer_der: &name,
        not_before,
        not_after,
        subject_der: &name,
        spki_der: key.spki_der(),
        extensions,
    };
    let tbs = parts.tbs(key.algorithm());
    assemble(&tbs, key.algorithm(), &key.sign(&tbs)?)
}

/// keyCertSign and cRLSign
fn certificate_and_crl_sign() -> Extension {
    common::key_usage(1, 0x06)
}

fn key_identifier(spki_der: &[u8]) -> Result<Vec<u8>, IssueFault> {
    let key = PublicKey::parse(spki_der).map_err(CertificateFault::from)?;
    Ok(fingerprint::key_identifier(key.bits))
}
