//! SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7): which kind of key it is, and its bits.

use crate::asn1::{Malformed, Reader, tag, writer};
use crate::oid::Oid;

pub(crate) const RSA_IDENTIFIER: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC: &[u8] = b"\x2a\x86\x48\xce\x3d\x02\x01";
const ED25519: &[u8] = b"\x2b\x65\x70";

/// A curve of NIST's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// What kind a public key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyAlgorithm {
    Rsa,
    Ec(Curve),
    Ed25519,
    /// Kept and passed on, but nothing can be verified with it.
    Unknown,
}

/// A public key taken apart.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey<'a> {
    pub algorithm: KeyAlgorithm,
    /// Of its kind; of the curve, where that is what is unknown.
    pub oid: Oid,
    /// The content of `subjectPublicKey`.
    pub bits: &'a [u8],
}

impl Curve {
    pub fn oid_content(self) -> &'static [u8] {
        match self {
            Curve::P256 => b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
            Curve::P384 => b"\x2b\x81\x04\x00\x22",
            Curve::P521 => b"\x2b\x81\x04\x00\x23",
        }
    }

    pub fn from_oid_content(content: &[u8]) -> Option<Curve> {
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find(|curve| curve.oid_content() == content)
    }

    /// The AlgorithmIdentifier of a key on this curve.
    pub fn identifier(self) -> Vec<u8> {
        writer::sequence(&[
            &writer::element(tag::OBJECT_IDENTIFIER, EC),
            &writer::element(tag::OBJECT_IDENTIFIER, self.oid_content()),
        ])
    }
}

impl<'a> PublicKey<'a> {
    pub fn parse(spki_der: &'a [u8]) -> Result<PublicKey<'a>, Malformed> {
        let mut outer = Reader::new(spki_der);
        let mut fields = outer.sequence()?;
        outer.end()?;
        let mut identifier = fields.sequence()?;
        let mut oid = identifier.content(tag::OBJECT_IDENTIFIER)?;
        let algorithm = match oid {
            RSA => KeyAlgorithm::Rsa,
            ED25519 => KeyAlgorithm::Ed25519,
            EC if identifier.peek() == Some(tag::OBJECT_IDENTIFIER) => {
                let curve = identifier.content(tag::OBJECT_IDENTIFIER)?;
                match Curve::from_oid_content(curve) {
                    Some(known) => KeyAlgorithm::Ec(known),
                    None => {
                        oid = curve;
                        KeyAlgorithm::Unknown
                    }
                }
            }
            _ => KeyAlgorithm::Unknown,
        };
        let bits = fields.bit_string()?;
        fields.end()?;
        Ok(PublicKey { algorithm, oid: Oid::from_der_content(oid)?, bits })
    }
}

/// A SubjectPublicKeyInfo of this AlgorithmIdentifier and these key bits.
pub(crate) fn spki(identifier: &[u8], bits: &[u8]) -> Vec<u8> {
    writer::sequence(&[identifier, &writer::bit_string(bits)])
}
