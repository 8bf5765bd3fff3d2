//! The client's view of server certificates.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::trust::TrustBundle;
use super::verdict;

/// Verifies a server by its alternative names, and by its common name when it has none of them: Puppet's certificates
/// once had only that one.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    /// None: any server is accepted.
    trust: Option<TrustBundle>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerVerifier {
    /// Verifies against a bundle; against nothing at all when there is none (the first fetch of the CA certificate).
    pub(super) fn new(trust: Option<TrustBundle>) -> Self {
        ServerVerifier { trust, algorithms: super::provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trust) = &self.trust {
            let usage = KeyUsage::server_auth();
            verdict::verify_path(trust, end_entity, intermediates, now, usage, self.algorithms.all)?;
            verify_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// RFC 6125, 6.4.4: the common name counts only when there is no alternative name of a host.
fn verify_name(der: &CertificateDer<'_>, expected: &ServerName<'_>) -> Result<(), Error> {
    let certificate = pki::Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding)?;
    let names_a_host = |name: &pki::AltName| matches!(name, pki::AltName::Dns(_) | pki::AltName::Ip(_));
    if certificate.subject_alt_names().iter().any(names_a_host) {
        let parsed = EndEntityCert::try_from(der).map_err(verdict::translate)?;
        return parsed.verify_is_valid_for_subject_name(expected).map_err(verdict::translate);
    }
    let common_name = certificate.subject_cn().unwrap_or_default();
    match expected {
        ServerName::DnsName(name) if name.as_ref().eq_ignore_ascii_case(common_name) => Ok(()),
        _ => Err(CertificateError::NotValidForName.into()),
    }
}
