//! Issuing: certificates in exactly the shape Puppet Server gives them.

mod authority_certificate;
mod leaf;
mod policy;

use std::sync::Arc;

use crate::algorithm::SignatureAlgorithm;
use crate::asn1::{tag, time, writer};
use crate::certificate::{Certificate, CertificateFault};
use crate::extension::Extension;
use crate::key::{SignFault, Signer};
use crate::serial::Serial;
use crate::signed::Signed;

pub use authority_certificate::{renewed_ca, self_signed_ca, setup_intermediate_ca, setup_root_ca};
pub use leaf::{LeafLayout, LeafProfile, sign_leaf};
pub use policy::{SigningFault, SigningPolicy, draft_from_request};

/// How far before now a certificate's validity starts, in seconds: a day, so that clocks may differ.
pub const BACKDATED_SECONDS: i64 = 24 * 60 * 60;

/// The comment Puppet Server leaves in all its certificates.
const COMMENT: &str = "Puppet Server Internal Certificate";

/// An issuing CA: its certificate and what signs with the key belonging to it.
#[derive(Clone)]
pub struct Authority {
    /// The CA's own certificate.
    pub certificate: Certificate,
    /// What signs.
    pub signer: Arc<dyn Signer>,
}

/// A certificate or revocation list could not be issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueFault {
    /// The key did not sign.
    #[error("{0}")]
    Sign(#[from] SignFault),
    /// The signing key is not the one of the CA certificate.
    #[error("the CA's private key does not belong to its certificate")]
    WrongKey,
    /// What was put together is no certificate, because a part handed in (key, names) is broken.
    #[error("{0}")]
    Certificate(#[from] CertificateFault),
    /// What was put together is no revocation list.
    #[error("{0}")]
    RevocationList(#[from] crate::crl::CrlFault),
    /// The CA's key is of a kind that does not sign here.
    #[error("{0}")]
    Algorithm(#[from] crate::algorithm::UnknownAlgorithm),
}

impl Authority {
    /// Signs with the CA's key, after making sure that it is the key of the CA's certificate.
    pub(crate) fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, IssueFault> {
        if self.signer.spki_der() != self.certificate.spki_der() {
            return Err(IssueFault::WrongKey);
        }
        Ok(self.signer.sign(tbs)?)
    }
}

/// The parts of a certificate in the order of RFC 5280 section 4.1.
struct Parts<'a> {
    serial: Serial,
    issuer_der: &'a [u8],
    not_before: i64,
    not_after: i64,
    subject_der: &'a [u8],
    spki_der: &'a [u8],
    extensions: &'a [Extension],
}

impl Parts<'_> {
    fn tbs(&self, algorithm: SignatureAlgorithm) -> Vec<u8> {
        let mut serial = Vec::new();
        self.serial.push_der(&mut serial);
        let mut validity = Vec::new();
        time::push_time(&mut validity, self.not_before);
        time::push_time(&mut validity, self.not_after);
        writer::sequence(&[
            &[0xa0, 3, tag::INTEGER, 1, 2],
            &serial,
            algorithm.der(),
            self.issuer_der,
            &writer::sequence(&[&validity]),
            self.subject_der,
            self.spki_der,
            &writer::nested(tag::context_constructed(3), &[&Extension::write_all(self.extensions)]),
        ])
    }
}

fn assemble(tbs: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Result<Certificate, IssueFault> {
    Ok(Certificate::from_der(&Signed::assemble(tbs, algorithm, signature))?)
}

/// The extensions that leafs and authorities have in common.
mod common {
    use super::COMMENT;
    use crate::asn1::{tag, writer};
    use crate::certificate::Certificate;
    use crate::extension::Extension;
    use crate::oid;

    pub(super) fn comment() -> Extension {
        let value = writer::element(tag::IA5_STRING, COMMENT.as_bytes());
        Extension { oid: oid::NETSCAPE_COMMENT, critical: false, value }
    }

    pub(super) fn subject_key_id(key_identifier: &[u8]) -> Extension {
        Extension {
            oid: oid::SUBJECT_KEY_IDENTIFIER,
            critical: false,
            value: writer::octet_string(key_identifier),
        }
    }

    /// The authority by its key only.
    pub(crate) fn authority_key_id(key_identifier: &[u8]) -> Extension {
        let value = writer::sequence(&[&writer::element(tag::context(0), key_identifier)]);
        Extension { oid: oid::AUTHORITY_KEY_IDENTIFIER, critical: false, value }
    }

    /// The authority by its key and by issuer and serial number of its certificate.
    pub(super) fn authority_key_id_in_full(authority: &Certificate) -> Extension {
        let name = writer::nested(tag::context_constructed(4), &[authority.issuer_der()]);
        let mut serial = Vec::new();
        authority.serial().push_der(&mut serial);
        // Implicitly tagged: the INTEGER's identifier is replaced by [2].
        serial[0] = tag::context(2);
        let value = writer::sequence(&[
            &writer::element(tag::context(0), authority.key_identifier()),
            &writer::nested(tag::context_constructed(1), &[&name]),
            &serial,
        ]);
        Extension { oid: oid::AUTHORITY_KEY_IDENTIFIER, critical: false, value }
    }

    pub(super) fn basic_constraints(is_ca: bool) -> Extension {
        let value = if is_ca { writer::sequence(&[&[tag::BOOLEAN, 1, 0xff]]) } else { writer::sequence(&[]) };
        Extension { oid: oid::BASIC_CONSTRAINTS, critical: true, value }
    }

    /// `unused` trailing bits of the one octet `bits` (RFC 5280 section 4.2.1.3).
    pub(super) fn key_usage(unused: u8, bits: u8) -> Extension {
        Extension { oid: oid::KEY_USAGE, critical: true, value: vec![tag::BIT_STRING, 2, unused, bits] }
    }
}

pub(crate) use common::authority_key_id;
