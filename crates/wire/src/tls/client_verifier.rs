//! The server's view of client certificates.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use webpki::KeyUsage;

use super::trust::TrustBundle;
use super::{ClientCertificates, ClientVerify, verdict};

/// Asks for a client certificate and verifies the one that comes. A bad one ends the handshake, also where none
/// would have been accepted; unless such verdicts are only told: then whoever has done the handshake judges it.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    trust: TrustBundle,
    mandatory: bool,
    verify: ClientVerify,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientVerifier {
    pub(super) fn new(trust: TrustBundle, certificates: ClientCertificates, verify: ClientVerify) -> Self {
        ClientVerifier {
            // Java's clients choose their certificate by these names, so every authority is named.
            hints: trust.authorities().anchors.subjects(),
            mandatory: certificates == ClientCertificates::Required,
            verify,
            algorithms: super::provider().signature_verification_algorithms,
            trust,
        }
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.verify == ClientVerify::Report {
            return Ok(ClientCertVerified::assertion());
        }
        let usage = KeyUsage::client_auth();
        verdict::verify_path(&self.trust, end_entity, intermediates, now, usage, self.algorithms.all)?;
        Ok(ClientCertVerified::assertion())
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
