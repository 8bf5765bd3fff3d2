//! Our own certificate with its key.

use std::sync::Arc;

use arc_swap::ArcSwap;
use pki::Certificate;
use pki::key::PrivateKey;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider;

/// Why a certificate and key cannot serve as an identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// The certificate file is not PEM.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// There is no certificate in the file.
    #[error("there is no certificate in the file")]
    NoCertificate,
    /// The key cannot be read; the text says how to make it readable.
    #[error("the private key cannot be read: {0}")]
    Key(String),
    /// The key is of a kind that TLS cannot use, or belongs to another certificate.
    #[error("the private key does not fit the certificate: {0}")]
    Mismatch(String),
}

/// A certificate, the rest of its chain, and its private key. Cheap to clone; all clones are one identity, whose
/// certificate may be replaced at any time.
#[derive(Debug, Clone)]
pub struct Identity(Arc<ArcSwap<Presented>>);

#[derive(Debug)]
struct Presented {
    certified: Arc<CertifiedKey>,
    certificate: Certificate,
}

impl Identity {
    /// Reads a certificate (the first block; further ones are the chain that is sent with it) and its key (PKCS#1,
    /// SEC 1 or PKCS#8).
    pub fn from_pem(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Identity, IdentityFault> {
        let presented = Presented::from_pem(certificate_pem, key_pem)?;
        Ok(Identity(Arc::new(ArcSwap::from_pointee(presented))))
    }

    /// Presents another certificate from now on, wherever this identity is in use. Open connections stay as they are.
    ///
    /// # Errors
    /// [`IdentityFault`]; then everything stays as it was.
    pub fn replace(&self, certificate_pem: &[u8], key_pem: &[u8]) -> Result<(), IdentityFault> {
        self.0.store(Arc::new(Presented::from_pem(certificate_pem, key_pem)?));
        Ok(())
    }

    /// Our certificate.
    pub fn certificate(&self) -> Certificate {
        self.0.load().certificate.clone()
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.load().certified)
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl Presented {
    fn from_pem(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Presented, IdentityFault> {
        let blocks = pki::pem::parse_all(certificate_pem)
            .map_err(|fault| IdentityFault::Certificate(fault.to_string()))?;
        let chain: Vec<CertificateDer<'static>> = blocks
            .into_iter()
            .filter(|block| block.label == "CERTIFICATE")
            .map(|block| CertificateDer::from(block.der))
            .collect();
        let leaf = chain.first().ok_or(IdentityFault::NoCertificate)?;
        let certificate =
            Certificate::from_der(leaf).map_err(|fault| IdentityFault::Certificate(fault.to_string()))?;
        let key = PrivateKey::from_pem(key_pem).map_err(|fault| IdentityFault::Key(fault.to_string()))?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()));
        let certified = CertifiedKey::from_der(chain, der, &provider())
            .map_err(|error| IdentityFault::Mismatch(error.to_string()))?;
        Ok(Presented { certified: Arc::new(certified), certificate })
    }
}
