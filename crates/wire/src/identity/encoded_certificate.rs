//! `X-Client-Cert`: a certificate in PEM, URI-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use pki::Certificate;

/// All but the unreserved characters of RFC 3986. A blank must be `%20` and a plus sign `%2B`: Puppet Server takes a
/// bare plus for itself, other readers for a blank.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a header holds no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodedCertificateFault {
    /// Not PEM after decoding.
    #[error("not PEM: {0}")]
    NotPem(String),
    /// Not exactly one block.
    #[error("{0} PEM blocks instead of one")]
    Blocks(usize),
    /// The one block is not a certificate.
    #[error("not a certificate: {0}")]
    NotACertificate(String),
}

pub(super) fn encode(certificate: &Certificate) -> String {
    utf8_percent_encode(&certificate.to_pem(), RESERVED).to_string()
}

pub(super) fn decode(header: &[u8]) -> Result<Certificate, EncodedCertificateFault> {
    let pem: Vec<u8> = percent_decode(header).collect();
    let blocks =
        pki::pem::parse_all(&pem).map_err(|fault| EncodedCertificateFault::NotPem(fault.to_string()))?;
    match &blocks[..] {
        [block] if block.label == "CERTIFICATE" => Certificate::from_der(&block.der)
            .map_err(|fault| EncodedCertificateFault::NotACertificate(fault.to_string())),
        [block] => Err(EncodedCertificateFault::NotACertificate(block.label.clone())),
        blocks => Err(EncodedCertificateFault::Blocks(blocks.len())),
    }
}
