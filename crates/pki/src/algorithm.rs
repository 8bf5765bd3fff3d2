//! Signature algorithms and their identifiers.

use std::fmt;

use crate::asn1::{Malformed, Reader, tag};

/// A signature algorithm that is verified; the SHA-2 ones of RSA and ECDSA are also signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// sha1WithRSAEncryption: only in what Puppet's Ruby CA has left behind.
    RsaSha1,
    /// sha256WithRSAEncryption: what Puppet's CA signs with.
    RsaSha256,
    /// sha384WithRSAEncryption
    RsaSha384,
    /// sha512WithRSAEncryption
    RsaSha512,
    /// ecdsa-with-SHA1
    EcdsaSha1,
    /// ecdsa-with-SHA256
    EcdsaSha256,
    /// ecdsa-with-SHA384
    EcdsaSha384,
    /// ecdsa-with-SHA512
    EcdsaSha512,
    /// Ed25519 (RFC 8410)
    Ed25519,
}

/// The identifier names an algorithm that is not supported, or is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownAlgorithm {
    /// A well-formed identifier of something else.
    #[error("signature algorithm {0} is not supported")]
    Unsupported(crate::Oid),
    /// No identifier.
    #[error("the algorithm identifier is malformed: {0}")]
    Malformed(#[from] Malformed),
}

use SignatureAlgorithm::*;

const ALL: [SignatureAlgorithm; 9] =
    [RsaSha1, RsaSha256, RsaSha384, RsaSha512, EcdsaSha1, EcdsaSha256, EcdsaSha384, EcdsaSha512, Ed25519];

impl SignatureAlgorithm {
    /// Whether a signature takes less than a tenth of a millisecond: not worth a thread of its own.
    pub fn is_fast(self) -> bool {
        matches!(self, EcdsaSha256 | Ed25519)
    }

    /// The encoded AlgorithmIdentifier (RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3): RSA has a
    /// NULL for parameters, the others have none.
    pub fn der(self) -> &'static [u8] {
        match self {
            RsaSha1 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00",
            RsaSha256 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
            RsaSha384 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
            RsaSha512 => b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
            EcdsaSha1 => b"\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01",
            EcdsaSha256 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
            EcdsaSha384 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
            EcdsaSha512 => b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04",
            Ed25519 => b"\x30\x05\x06\x03\x2b\x65\x70",
        }
    }

    /// Reads an AlgorithmIdentifier. Missing and NULL parameters are taken as the same; old tools mixed them up.
    ///
    /// # Errors
    /// Any other algorithm.
    pub fn from_der(identifier: &[u8]) -> Result<SignatureAlgorithm, UnknownAlgorithm> {
        let mut reader = Reader::new(identifier);
        let mut fields = reader.sequence()?;
        reader.end()?;
        let oid = fields.content(tag::OBJECT_IDENTIFIER)?;
        let parameters = fields.optional(tag::NULL)?;
        if !fields.is_empty() || parameters.is_some_and(|content| !content.is_empty()) {
            return Err(UnknownAlgorithm::Unsupported(crate::Oid::from_der_content(oid)?));
        }
        for algorithm in ALL {
            if oid_of(algorithm) == oid {
                return Ok(algorithm);
            }
        }
        Err(UnknownAlgorithm::Unsupported(crate::Oid::from_der_content(oid)?))
    }

    /// The algorithm a key with this SubjectPublicKeyInfo signs with here: SHA-256 for RSA and P-256, SHA-384 for
    /// P-384.
    ///
    /// # Errors
    /// Any other key.
    pub fn for_public_key(spki_der: &[u8]) -> Result<SignatureAlgorithm, UnknownAlgorithm> {
        use crate::key::public::{Curve, KeyAlgorithm, PublicKey};
        let key = PublicKey::parse(spki_der)?;
        match key.algorithm {
            KeyAlgorithm::Rsa => Ok(RsaSha256),
            KeyAlgorithm::Ec(Curve::P256) => Ok(EcdsaSha256),
            KeyAlgorithm::Ec(Curve::P384) => Ok(EcdsaSha384),
            _ => Err(UnknownAlgorithm::Unsupported(key.oid)),
        }
    }
}

fn oid_of(algorithm: SignatureAlgorithm) -> &'static [u8] {
    let der = algorithm.der();
    &der[4..4 + usize::from(der[3])]
}

impl fmt::Display for SignatureAlgorithm {
    /// The name in OpenSSL's spelling.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            RsaSha1 => "sha1WithRSAEncryption",
            RsaSha256 => "sha256WithRSAEncryption",
            RsaSha384 => "sha384WithRSAEncryption",
            RsaSha512 => "sha512WithRSAEncryption",
            EcdsaSha1 => "ecdsa-with-SHA1",
            EcdsaSha256 => "ecdsa-with-SHA256",
            EcdsaSha384 => "ecdsa-with-SHA384",
            EcdsaSha512 => "ecdsa-with-SHA512",
            Ed25519 => "ED25519",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_round_trip() {
        for algorithm in ALL {
            assert_eq!(SignatureAlgorithm::from_der(algorithm.der()), Ok(algorithm));
        }
    }

    #[test]
    fn parameters_may_be_missing_but_not_be_anything() {
        let missing = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
        assert_eq!(SignatureAlgorithm::from_der(missing), Ok(RsaSha256));
        let odd = b"\x30\x0e\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x02\x01\x00";
        assert!(matches!(SignatureAlgorithm::from_der(odd), Err(UnknownAlgorithm::Unsupported(_))));
        let md5 = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00";
        assert!(matches!(SignatureAlgorithm::from_der(md5), Err(UnknownAlgorithm::Unsupported(_))));
    }
}
