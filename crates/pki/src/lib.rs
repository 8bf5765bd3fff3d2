//! Puppet's X.509: keys, certificates, signing requests, revocation lists and the rules by which they are
//! issued. Bytes in and bytes out: no file or network access, no clock (times are Unix seconds handed in by
//! the caller), and randomness only where a key is made or an ECDSA signature needs its nonce.
//!
//! The DER reader and writer are this crate's own (`asn1`). Puppet estates carry certificates and requests
//! written by a decade of Ruby and Java tools; what is read is therefore judged by what is needed of it, and
//! the original octets are kept, because fingerprints and signatures are over those.
#![forbid(unsafe_code)]

mod algorithm;
mod alt_name;
mod asn1;
mod certificate;
mod certname;
pub mod crl;
mod distinguished_name;
mod extension;
pub mod fingerprint;
pub mod issue;
pub mod key;
pub mod oid;
pub mod pem;
mod request;
mod serial;
mod signed;
pub mod verify;

pub use algorithm::{SignatureAlgorithm, UnknownAlgorithm};
pub use alt_name::AltName;
pub use asn1::Malformed;
pub use asn1::time::puppet_timestamp;
pub use certificate::{Certificate, CertificateFault};
pub use certname::{Certname, CertnameFault};
pub use extension::{Attribute, Extension};
pub use key::{KeyFault, KeyKind, PrivateKey, SignFault, Signer};
pub use oid::Oid;
pub use request::{Request, RequestContent, RequestFault};
pub use serial::{Serial, SerialFault};
pub use verify::VerifyFault;
