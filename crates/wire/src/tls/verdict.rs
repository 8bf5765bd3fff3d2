//! What both directions check of a peer's certificate: path, time and usage by webpki, revocation by our own index.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, Error, OtherError};
use webpki::{EndEntityCert, KeyUsage};

use super::trust::TrustBundle;

/// Checks that `leaf` leads to an authority of the bundle, now, for this usage, and that nothing on the path is
/// revoked. webpki gets no revocation list: it would verify the list's signature again in every handshake.
pub(super) fn verify_path(
    trust: &TrustBundle,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
    usage: KeyUsage,
    algorithms: &[&dyn SignatureVerificationAlgorithm],
) -> Result<(), Error> {
    let parsed = EndEntityCert::try_from(leaf).map_err(translate)?;
    let authorities = trust.authorities();
    let path = parsed
        .verify_for_usage(algorithms, &authorities.anchors.roots, intermediates, now, usage, None, None)
        .map_err(translate)?;
    let revoked = |der: &[u8]| -> Result<bool, Error> {
        let certificate = pki::Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding)?;
        Ok(trust.is_revoked(&certificate))
    };
    if revoked(leaf)? {
        return Err(CertificateError::Revoked.into());
    }
    for authority in path.intermediate_certificates() {
        if revoked(&authority.der())? {
            return Err(CertificateError::Revoked.into());
        }
    }
    Ok(())
}

/// webpki's verdict in the form that chooses the TLS alert and that a person can read.
pub(super) fn translate(error: webpki::Error) -> Error {
    use webpki::Error as Webpki;
    let verdict = match error {
        Webpki::BadDer | Webpki::BadDerTime | Webpki::TrailingData(_) => CertificateError::BadEncoding,
        Webpki::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Webpki::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        Webpki::InvalidCertValidity => CertificateError::Expired,
        Webpki::UnknownIssuer => CertificateError::UnknownIssuer,
        Webpki::CertNotValidForName(_) => CertificateError::NotValidForName,
        Webpki::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Webpki::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        Webpki::UnsupportedCriticalExtension => CertificateError::UnhandledCriticalExtension,
        other => CertificateError::Other(OtherError(std::sync::Arc::new(other))),
    };
    Error::InvalidCertificate(verdict)
}
