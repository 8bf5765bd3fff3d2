//! Encodings of private keys: PKCS#8 (RFC 5208), SEC1 (RFC 5915) and PKCS#1 (RFC 8017 appendix A.1.2).

use super::KeyFault;
use super::public::Curve;
use crate::asn1::{Malformed, Reader, tag, writer};
use crate::oid::Oid;

/// A private key by kind, in the encoding that belongs to the kind.
pub(crate) enum PrivateEncoding {
    /// PKCS#1.
    Rsa(Vec<u8>),
    /// SEC1.
    Ec { curve: Curve, sec1: Vec<u8> },
}

/// Unwraps PKCS#8.
pub(crate) fn parse_pkcs8(der: &[u8]) -> Result<PrivateEncoding, KeyFault> {
    let mut fields = Reader::new(der).sequence()?;
    // Version 1 has the value 0, version 2 (RFC 5958) the value 1.
    if fields.small_number()? > 1 {
        return Err(Malformed::Version.into());
    }
    let mut identifier = fields.sequence()?;
    let algorithm = Oid::from_der_content(identifier.content(tag::OBJECT_IDENTIFIER)?)?;
    let inner = fields.content(tag::OCTET_STRING)?;
    match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.1" => Ok(PrivateEncoding::Rsa(inner.to_vec())),
        "1.2.840.10045.2.1" => {
            let curve = identifier.content(tag::OBJECT_IDENTIFIER)?;
            parse_sec1(inner, Some(known_curve(curve)?))
        }
        "1.3.101.112" => Err(KeyFault::Unsupported("Ed25519".to_owned())),
        other => Err(KeyFault::Unsupported(other.to_owned())),
    }
}

/// Reads SEC1; the curve stands in the key itself unless PKCS#8 around it has named it.
pub(crate) fn parse_sec1(der: &[u8], outer: Option<Curve>) -> Result<PrivateEncoding, KeyFault> {
    let mut fields = Reader::new(der).sequence()?;
    if fields.small_number()? != 1 {
        return Err(Malformed::Version.into());
    }
    let scalar = fields.content(tag::OCTET_STRING)?;
    let inner = match fields.optional(tag::context_constructed(0))? {
        Some(parameters) => Some(known_curve(Reader::new(parameters).content(tag::OBJECT_IDENTIFIER)?)?),
        None => None,
    };
    let curve = outer.or(inner).ok_or(Malformed::Missing { expected: tag::context_constructed(0) })?;
    if inner.is_some_and(|inner| inner != curve) {
        return Err(KeyFault::Rejected("it names two curves".to_owned()));
    }
    // The public part is left out: it can be computed, and the one in the file need not be true.
    let sec1 = writer::sequence(&[&[tag::INTEGER, 1, 1], &writer::octet_string(scalar), &parameters(curve)]);
    Ok(PrivateEncoding::Ec { curve, sec1 })
}

/// SEC1 with public point and, where it stands alone, with its curve: as OpenSSL writes it.
pub(crate) fn sec1(curve: Option<Curve>, scalar: &[u8], point: &[u8]) -> Vec<u8> {
    let curve = curve.map_or_else(Vec::new, parameters);
    let point = writer::nested(tag::context_constructed(1), &[&writer::bit_string(point)]);
    writer::sequence(&[&[tag::INTEGER, 1, 1], &writer::octet_string(scalar), &curve, &point])
}

fn parameters(curve: Curve) -> Vec<u8> {
    let oid = writer::element(tag::OBJECT_IDENTIFIER, curve.oid_content());
    writer::nested(tag::context_constructed(0), &[&oid])
}

/// PKCS#8 version 1 around a key.
pub(crate) fn pkcs8(identifier: &[u8], inner: &[u8]) -> Vec<u8> {
    writer::sequence(&[&[tag::INTEGER, 1, 0], identifier, &writer::octet_string(inner)])
}

fn known_curve(oid_content: &[u8]) -> Result<Curve, KeyFault> {
    match Curve::from_oid_content(oid_content) {
        Some(curve) => Ok(curve),
        None => Err(KeyFault::Unsupported(format!("EC curve {}", Oid::from_der_content(oid_content)?))),
    }
}
