//! Private keys: made, read, written, signed with.

pub(crate) mod encoding;
pub(crate) mod public;

use std::fmt;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use crate::algorithm::SignatureAlgorithm;
use crate::asn1::Malformed;
use crate::pem::{self, PemFault};
use encoding::PrivateEncoding;
use public::Curve;

/// The kinds of keys that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits: Puppet's default for everything.
    Rsa4096,
    /// RSA with 8192 bits: half a minute to make, and a fifth of a second or so for each signature.
    Rsa8192,
    /// Elliptic curve P-256.
    EcP256,
    /// Elliptic curve P-384.
    EcP384,
}

impl KeyKind {
    /// All kinds, by the names that settings and options have for them.
    pub const ALL: [(&'static str, KeyKind); 6] = [
        ("rsa2048", KeyKind::Rsa2048),
        ("rsa3072", KeyKind::Rsa3072),
        ("rsa4096", KeyKind::Rsa4096),
        ("rsa8192", KeyKind::Rsa8192),
        ("p256", KeyKind::EcP256),
        ("p384", KeyKind::EcP384),
    ];

    /// The kind of this name. `rsa` and `ec` alone stand for RSA-4096 and P-256; dashes, colons and case do not count, so
    /// `rsa:4096` and `ec:P-256` are names, too.
    pub fn named(name: &str) -> Option<KeyKind> {
        let plain = name.to_ascii_lowercase().replace(['-', '_', ':'], "");
        let plain = plain.strip_prefix("ec").filter(|curve| curve.starts_with('p')).unwrap_or(&plain);
        match plain {
            "rsa" => Some(KeyKind::Rsa4096),
            "ec" => Some(KeyKind::EcP256),
            plain => Self::ALL.into_iter().find(|(known, _)| *known == plain).map(|(_, kind)| kind),
        }
    }

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The text is not PEM.
    #[error("{0}")]
    Pem(PemFault),
    /// No block of the text is a private key.
    #[error("there is no private key in the PEM text")]
    NoKey,
    /// The key is encrypted, and there is no way to ask for its password here.
    #[error(
        "the private key is encrypted; write a decrypted copy with `openssl pkey -in KEY.pem -out PLAIN.pem` and use that"
    )]
    Encrypted,
    /// The structure of the key is broken.
    #[error("the private key is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// A kind of key other than RSA, P-256 and P-384.
    #[error("private keys of type {0} are not supported")]
    Unsupported(String),
    /// The numbers of the key make no usable key (for RSA: 2048 to 8192 bits, consistent parts).
    #[error("the private key is not usable: {0}")]
    Rejected(String),
    /// The random number generator or the key generation failed.
    #[error("no key could be generated")]
    Generation,
}

/// A signature could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The key refused.
    #[error("the key did not sign: {0}")]
    Key(String),
}

/// Something that signs with a private key: a key in memory, or later one in a hardware module.
///
/// This is all that issuing needs of a key, so a PKCS#11 module takes one more implementation: it holds a session
/// and the handle of the private key object, answers [`Signer::spki_der`] from the public key object (read once, when
/// the session is opened) and [`Signer::sign`] with `C_Sign`: `CKM_SHA256_RSA_PKCS` for RSA gives the octets as they
/// are wanted here; `CKM_ECDSA` takes the digest (SHA-256 for P-256, SHA-384 for P-384) and gives two numbers of equal
/// length side by side, which have to be written as the SEQUENCE of two INTEGERs of RFC 3279 section 2.2.3. `sign` is
/// called from several threads at a time, so such a module needs a session for each, or a lock. Whoever asks for a
/// signature compares [`Signer::spki_der`] with the CA's certificate first: a token with another key signs nothing.
pub trait Signer: Send + Sync {
    /// The signature over these octets: for RSA as it is, for ECDSA as the SEQUENCE of RFC 3279.
    ///
    /// # Errors
    /// The key could not be used.
    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignFault>;
    /// The algorithm of the signatures.
    fn algorithm(&self) -> SignatureAlgorithm;
    /// The public half as SubjectPublicKeyInfo.
    fn spki_der(&self) -> &[u8];
}

/// A private key in memory.
pub struct PrivateKey {
    pair: Pair,
    spki: Vec<u8>,
    /// PKCS#1 for RSA, SEC1 for EC: the form that is written.
    der: Vec<u8>,
    pkcs8: Vec<u8>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, Curve),
}

impl PrivateKey {
    /// Makes a new key. RSA-4096 takes seconds: not for a thread that serves others.
    ///
    /// # Errors
    /// Only when the generator fails.
    pub fn generate(kind: KeyKind) -> Result<PrivateKey, KeyFault> {
        let rsa = |size| {
            let pair = RsaKeyPair::generate(size).map_err(|_| KeyFault::Generation)?;
            let pkcs8 = aws_lc_rs::encoding::AsDer::as_der(&pair).map_err(|_| KeyFault::Generation)?;
            match encoding::parse_pkcs8(pkcs8.as_ref())? {
                PrivateEncoding::Rsa(pkcs1) => Self::rsa(pair, pkcs1),
                PrivateEncoding::Ec { .. } => Err(KeyFault::Generation),
            }
        };
        let ec = |curve| {
            let pair = EcdsaKeyPair::generate(ec_algorithm(curve)).map_err(|_| KeyFault::Generation)?;
            Self::ec(pair, curve)
        };
        match kind {
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyKind::Rsa8192 => rsa(KeySize::Rsa8192),
            KeyKind::EcP256 => ec(Curve::P256),
            KeyKind::EcP384 => ec(Curve::P384),
        }
    }

    /// What kind it is, for making another one like it; of an RSA key with an odd length the next longer kind, of
    /// a P-521 key P-384.
    pub fn kind(&self) -> KeyKind {
        match &self.pair {
            Pair::Rsa(pair) => match pair.public_modulus_len() * 8 {
                0..=2048 => KeyKind::Rsa2048,
                2049..=3072 => KeyKind::Rsa3072,
                3073..=4096 => KeyKind::Rsa4096,
                _ => KeyKind::Rsa8192,
            },
            Pair::Ec(_, Curve::P256) => KeyKind::EcP256,
            Pair::Ec(_, Curve::P384 | Curve::P521) => KeyKind::EcP384,
        }
    }

    /// Reads the first private key of a PEM text: `RSA PRIVATE KEY` (PKCS#1), `EC PRIVATE KEY` (SEC1) or
    /// `PRIVATE KEY` (PKCS#8). Other blocks, such as `EC PARAMETERS`, may stand before it.
    ///
    /// # Errors
    /// [`KeyFault`]
    pub fn from_pem(text: &[u8]) -> Result<PrivateKey, KeyFault> {
        let blocks = pem::parse_all(text).map_err(|fault| match fault {
            PemFault::Encrypted { .. } => KeyFault::Encrypted,
            other => KeyFault::Pem(other),
        })?;
        for block in blocks {
            match block.label.as_str() {
                "RSA PRIVATE KEY" => return Self::from_encoding(PrivateEncoding::Rsa(block.der)),
                "EC PRIVATE KEY" => return Self::from_encoding(encoding::parse_sec1(&block.der, None)?),
                "PRIVATE KEY" => return Self::from_encoding(encoding::parse_pkcs8(&block.der)?),
                "ENCRYPTED PRIVATE KEY" => return Err(KeyFault::Encrypted),
                other if other.ends_with("PRIVATE KEY") => {
                    return Err(KeyFault::Unsupported(other.to_owned()));
                }
                _ => {}
            }
        }
        Err(KeyFault::NoKey)
    }

    fn from_encoding(encoding: PrivateEncoding) -> Result<PrivateKey, KeyFault> {
        let rejected = |fault: aws_lc_rs::error::KeyRejected| {
            KeyFault::Rejected(match fault.to_string().as_str() {
                "TooSmall" => "an RSA key needs at least 2048 bits, a shorter one can be forged".to_owned(),
                "TooLarge" => "an RSA key may have 8192 bits at most".to_owned(),
                other => other.to_owned(),
            })
        };
        match encoding {
            PrivateEncoding::Rsa(pkcs1) => Self::rsa(RsaKeyPair::from_der(&pkcs1).map_err(rejected)?, pkcs1),
            PrivateEncoding::Ec { curve, sec1 } => {
                if curve == Curve::P521 {
                    return Err(KeyFault::Unsupported("EC P-521".to_owned()));
                }
                Self::ec(
                    EcdsaKeyPair::from_private_key_der(ec_algorithm(curve), &sec1).map_err(rejected)?,
                    curve,
                )
            }
        }
    }

    fn rsa(pair: RsaKeyPair, pkcs1: Vec<u8>) -> Result<PrivateKey, KeyFault> {
        let spki = public::spki(public::RSA_IDENTIFIER, pair.public_key().as_ref());
        let pkcs8 = encoding::pkcs8(public::RSA_IDENTIFIER, &pkcs1);
        Ok(PrivateKey { pair: Pair::Rsa(pair), spki, der: pkcs1, pkcs8 })
    }

    fn ec(pair: EcdsaKeyPair, curve: Curve) -> Result<PrivateKey, KeyFault> {
        let point = pair.public_key().as_ref();
        let spki = public::spki(&curve.identifier(), point);
        let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyFault::Generation)?;
        let der = encoding::sec1(Some(curve), scalar.as_ref(), point);
        // PKCS#8 names the curve outside.
        let pkcs8 = encoding::pkcs8(&curve.identifier(), &encoding::sec1(None, scalar.as_ref(), point));
        Ok(PrivateKey { pair: Pair::Ec(pair, curve), spki, der, pkcs8 })
    }

    /// The key as Puppet writes it: PKCS#1 for RSA, SEC1 for EC.
    pub fn to_pem(&self) -> String {
        let label = match self.pair {
            Pair::Rsa(_) => "RSA PRIVATE KEY",
            Pair::Ec(..) => "EC PRIVATE KEY",
        };
        pem::encode(label, &self.der)
    }

    /// The public half as PEM (`PUBLIC KEY`).
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// The key as PKCS#8 (version 1), the form TLS libraries take.
    pub fn pkcs8_der(&self) -> Vec<u8> {
        self.pkcs8.clone()
    }
}

impl Signer for PrivateKey {
    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignFault> {
        let random = SystemRandom::new();
        let refused = |fault: aws_lc_rs::error::Unspecified| SignFault::Key(fault.to_string());
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, tbs, &mut signature).map_err(refused)?;
                Ok(signature)
            }
            Pair::Ec(pair, _) => Ok(pair.sign(&random, tbs).map_err(refused)?.as_ref().to_vec()),
        }
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.pair {
            Pair::Rsa(_) => SignatureAlgorithm::RsaSha256,
            Pair::Ec(_, Curve::P384) => SignatureAlgorithm::EcdsaSha384,
            Pair::Ec(..) => SignatureAlgorithm::EcdsaSha256,
        }
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

impl fmt::Debug for PrivateKey {
    /// Shows nothing of the key itself.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PrivateKey({})", self.algorithm())
    }
}

fn ec_algorithm(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        Curve::P256 | Curve::P521 => &ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

#[cfg(test)]
mod tests;
