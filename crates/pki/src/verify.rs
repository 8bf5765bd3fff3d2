//! Verifying: single signatures, and chains of certificates.

mod plain_rsa;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::algorithm::{SignatureAlgorithm, UnknownAlgorithm};
use crate::asn1::Malformed;
use crate::certificate::Certificate;
use crate::key::public::{Curve, KeyAlgorithm, PublicKey};

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// The algorithm is not supported.
    #[error("{0}")]
    Algorithm(#[from] UnknownAlgorithm),
    /// The public key is broken.
    #[error("the public key is malformed: {0}")]
    Key(#[from] Malformed),
    /// The key is of another kind than the algorithm.
    #[error("{algorithm} signatures by a key of type {key} are not supported")]
    WrongKey {
        /// The key's algorithm identifier, or that of its curve.
        key: crate::Oid,
        /// The signature's algorithm.
        algorithm: SignatureAlgorithm,
    },
    /// The RSA key is shorter or longer than what is verified.
    #[error("an RSA key of {bits} bits is not supported, only 1024 to 8192 are")]
    KeyLength {
        /// Bits of its modulus.
        bits: usize,
    },
    /// The signature does not fit.
    #[error("the signature does not verify")]
    Invalid,
}

impl VerifyFault {
    /// Whether nothing can be said of the signature, because this kind of it is not supported here.
    pub fn is_unsupported(&self) -> bool {
        match self {
            VerifyFault::Algorithm(_) | VerifyFault::WrongKey { .. } | VerifyFault::KeyLength { .. } => true,
            VerifyFault::Key(_) | VerifyFault::Invalid => false,
        }
    }
}

/// Checks a signature over `tbs`. RSA keys of 1024 to 8192 bits, ECDSA on P-256, P-384 and P-521, Ed25519.
///
/// # Errors
/// [`VerifyFault`]
pub fn verify_signature(
    spki_der: &[u8],
    algorithm: SignatureAlgorithm,
    tbs: &[u8],
    signature: &[u8],
) -> Result<(), VerifyFault> {
    let key = PublicKey::parse(spki_der)?;
    let length = if key.algorithm == KeyAlgorithm::Rsa { plain_rsa::length(key.bits) } else { None };
    if let Some(bits) = length.filter(|bits| !(1024..=8192).contains(bits)) {
        return Err(VerifyFault::KeyLength { bits });
    }
    if algorithm == SignatureAlgorithm::RsaSha384 && length.is_some_and(|bits| bits < 2048) {
        return if plain_rsa::verify(key.bits, plain_rsa::WITH_SHA384, tbs, signature) {
            Ok(())
        } else {
            Err(VerifyFault::Invalid)
        };
    }
    let Some(verifier) = verifier(key.algorithm, algorithm) else {
        return Err(VerifyFault::WrongKey { key: key.oid, algorithm });
    };
    UnparsedPublicKey::new(verifier, key.bits).verify(tbs, signature).map_err(|_| VerifyFault::Invalid)
}

/// md5WithRSAEncryption (RFC 8017 appendix A.2.4), as its AlgorithmIdentifier.
const RSA_MD5: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04\x05\x00";

/// Whether a request has the signature of agents of Puppet 2.6 to 3: RSA with MD5. That two texts have one digest is no
/// danger where a key signs nothing but its own request; certificates and lists are never taken with it.
pub(crate) fn is_signed_with_md5(
    spki_der: &[u8],
    algorithm_der: &[u8],
    tbs: &[u8],
    signature: &[u8],
) -> bool {
    algorithm_der == RSA_MD5
        && PublicKey::parse(spki_der).is_ok_and(|key| {
            key.algorithm == KeyAlgorithm::Rsa
                && plain_rsa::verify(key.bits, plain_rsa::WITH_MD5, tbs, signature)
        })
}

fn verifier(key: KeyAlgorithm, algorithm: SignatureAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    use Curve::{P256, P384, P521};
    use KeyAlgorithm::Ec;
    use SignatureAlgorithm::{EcdsaSha1, EcdsaSha256, EcdsaSha384, EcdsaSha512};
    Some(match (key, algorithm) {
        (KeyAlgorithm::Rsa, SignatureAlgorithm::RsaSha1) => {
            &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
        }
        (KeyAlgorithm::Rsa, SignatureAlgorithm::RsaSha256) => {
            &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
        }
        (KeyAlgorithm::Rsa, SignatureAlgorithm::RsaSha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyAlgorithm::Rsa, SignatureAlgorithm::RsaSha512) => {
            &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
        }
        (Ec(P256), EcdsaSha1) => &signature::ECDSA_P256_SHA1_ASN1,
        (Ec(P256), EcdsaSha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Ec(P256), EcdsaSha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Ec(P256), EcdsaSha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Ec(P384), EcdsaSha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Ec(P384), EcdsaSha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Ec(P384), EcdsaSha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Ec(P521), EcdsaSha1) => &signature::ECDSA_P521_SHA1_ASN1,
        (Ec(P521), EcdsaSha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Ec(P521), EcdsaSha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Ec(P521), EcdsaSha512) => &signature::ECDSA_P521_SHA512_ASN1,
        (KeyAlgorithm::Ed25519, SignatureAlgorithm::Ed25519) => &signature::ED25519,
        _ => return None,
    })
}

/// Why there is no chain from a certificate to an authority that is trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A certificate of the chain is not valid yet.
    #[error("the certificate {subject} is not valid yet")]
    NotYetValid {
        /// Its subject.
        subject: String,
    },
    /// A certificate of the chain has expired.
    #[error("the certificate {subject} has expired")]
    Expired {
        /// Its subject.
        subject: String,
    },
    /// No authority of the bundle has the issuer's name.
    #[error("the issuer {issuer} of the certificate {subject} is unknown")]
    UnknownIssuer {
        /// The subject of the certificate.
        subject: String,
        /// The name of its issuer.
        issuer: String,
    },
    /// There are authorities of that name, and none of them signed it.
    #[error("the signature on the certificate {subject} was not made by {issuer}")]
    Signature {
        /// The subject of the certificate.
        subject: String,
        /// The name of its issuer.
        issuer: String,
    },
    /// The issuer is no CA, or may not sign certificates, or stands too far from the leaf.
    #[error("{subject} is not allowed to issue this certificate")]
    NotAnAuthority {
        /// The subject of the issuer's certificate.
        subject: String,
    },
    /// The chain is longer than any sensible one.
    #[error("the certificate chain is too long")]
    TooLong,
}

/// More authorities than this on one way to a root is nobody's hierarchy.
const MAX_AUTHORITIES: usize = 8;

/// Follows the issuers of `leaf` through `bundle` up to a self-signed root of the bundle, at a time in Unix seconds,
/// and returns the authorities passed, nearest first. Revocation is the caller's matter.
///
/// # Errors
/// [`ChainFault`] of the last way tried.
pub fn verify_chain(
    leaf: &Certificate,
    bundle: &[Certificate],
    at: i64,
) -> Result<Vec<Certificate>, ChainFault> {
    let mut chain = Vec::new();
    check_validity(leaf, at)?;
    extend(leaf, bundle, at, &mut chain)?;
    Ok(chain)
}

fn extend(
    subject: &Certificate,
    bundle: &[Certificate],
    at: i64,
    chain: &mut Vec<Certificate>,
) -> Result<(), ChainFault> {
    if chain.len() >= MAX_AUTHORITIES {
        return Err(ChainFault::TooLong);
    }
    let (shown, issuer) = (subject.subject_rfc2253(), subject.issuer_rfc2253());
    let mut fault = ChainFault::UnknownIssuer { subject: shown.clone(), issuer: issuer.clone() };
    for authority in bundle.iter().filter(|authority| subject.names_as_issuer(authority)) {
        if subject.verify(authority.spki_der()).is_err() {
            fault = ChainFault::Signature { subject: shown.clone(), issuer: issuer.clone() };
            continue;
        }
        let between = chain.len() as u64;
        let allowed = authority.is_ca()
            && authority.may_sign_certificates()
            && authority.path_length_limit().is_none_or(|limit| between <= limit);
        if !allowed {
            fault = ChainFault::NotAnAuthority { subject: authority.subject_rfc2253() };
            continue;
        }
        if let Err(invalid) = check_validity(authority, at) {
            fault = invalid;
            continue;
        }
        chain.push(authority.clone());
        if authority.is_self_issued() && authority.verify(authority.spki_der()).is_ok() {
            return Ok(());
        }
        match extend(authority, bundle, at, chain) {
            Ok(()) => return Ok(()),
            Err(further) => fault = further,
        }
        chain.pop();
    }
    Err(fault)
}

fn check_validity(certificate: &Certificate, at: i64) -> Result<(), ChainFault> {
    let subject = || certificate.subject_rfc2253();
    if at < certificate.not_before() {
        return Err(ChainFault::NotYetValid { subject: subject() });
    }
    if at > certificate.not_after() {
        return Err(ChainFault::Expired { subject: subject() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::certname::Certname;
    use crate::issue::{Authority, LeafProfile, setup_intermediate_ca, setup_root_ca, sign_leaf};
    use crate::key::{KeyKind, PrivateKey, Signer};
    use crate::serial::Serial;

    struct Estate {
        root: Certificate,
        intermediate: Certificate,
        leaf: Certificate,
    }

    fn estate() -> Estate {
        let key = || PrivateKey::generate(KeyKind::EcP256).unwrap();
        let (root_key, key, leaf_key) = (key(), key(), key());
        let root = setup_root_ca("Root", &root_key, 1.into(), 0, 1000).unwrap();
        let authority = Authority { certificate: root.clone(), signer: Arc::new(root_key) };
        let intermediate = setup_intermediate_ca(&authority, "CA", key.spki_der(), 2.into(), 0, 900).unwrap();
        let authority = Authority { certificate: intermediate.clone(), signer: Arc::new(key) };
        let certname = Certname::parse("leaf").unwrap();
        let mut profile =
            LeafProfile::own(certname, leaf_key.spki_der().to_vec(), Serial::from_u64(3), 100, 700);
        profile.not_before = 50;
        Estate { root, intermediate, leaf: sign_leaf(&authority, &profile).unwrap() }
    }

    #[test]
    fn a_chain_is_followed_to_the_root_in_any_order() {
        let Estate { root, intermediate, leaf } = estate();
        let expected = vec![intermediate.clone(), root.clone()];
        assert_eq!(verify_chain(&leaf, &[root.clone(), intermediate.clone()], 100), Ok(expected.clone()));
        // A namesake with another key does not get in the way.
        let other = estate();
        assert_eq!(
            verify_chain(&leaf, &[other.intermediate, other.root, intermediate, root], 100),
            Ok(expected)
        );
    }

    #[test]
    fn broken_chains_are_told_apart() {
        let Estate { root, intermediate, leaf } = estate();
        let bundle = [intermediate.clone(), root.clone()];
        let leaf_name = || "CN=leaf".to_owned();
        assert_eq!(verify_chain(&leaf, &bundle, 49), Err(ChainFault::NotYetValid { subject: leaf_name() }));
        assert_eq!(verify_chain(&leaf, &bundle, 801), Err(ChainFault::Expired { subject: leaf_name() }));
        let unknown = |subject: &str, issuer: &str| ChainFault::UnknownIssuer {
            subject: subject.to_owned(),
            issuer: issuer.to_owned(),
        };
        assert_eq!(verify_chain(&leaf, &bundle[1..], 100), Err(unknown("CN=leaf", "CN=CA")));
        assert_eq!(verify_chain(&leaf, &bundle[..1], 100), Err(unknown("CN=CA", "CN=Root")));
        let other = estate();
        let signature = ChainFault::Signature { subject: leaf_name(), issuer: "CN=CA".to_owned() };
        assert_eq!(verify_chain(&leaf, &[other.intermediate, other.root], 100), Err(signature));
    }

    #[test]
    fn a_leaf_is_no_authority() {
        let key = || Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
        let (ca_key, middle_key) = (key(), key());
        let certificate = setup_root_ca("Root", &*ca_key, 1.into(), 0, 1000).unwrap();
        let root = Authority { certificate, signer: ca_key };
        let below = |authority: &Authority, name, key: &PrivateKey| {
            let certname = Certname::parse(name).unwrap();
            let mut profile = LeafProfile::own(certname, key.spki_der().to_vec(), 2.into(), 0, 0);
            (profile.not_before, profile.not_after) = (0, 1000);
            sign_leaf(authority, &profile).unwrap()
        };
        let middle = below(&root, "middle", &middle_key);
        let pretender = Authority { certificate: middle.clone(), signer: middle_key.clone() };
        let forged = below(&pretender, "victim", &middle_key);
        assert!(verify_chain(&middle, std::slice::from_ref(&root.certificate), 100).is_ok());
        assert_eq!(
            verify_chain(&forged, &[middle, root.certificate], 100),
            Err(ChainFault::NotAnAuthority { subject: "CN=middle".to_owned() })
        );
    }
}
