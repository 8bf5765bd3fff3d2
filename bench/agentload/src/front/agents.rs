//! Agents: nodes of a directory that `make-directory` made, and the address that they are let loose on.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, bail};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::args::WhoArgs;
use crate::lean::line::{blocks, certificates};

/// One node.
#[derive(Debug, Clone)]
pub struct Agent {
    pub certname: String,
    pub tls: Arc<ClientConfig>,
}

/// All of them, and where they go.
#[derive(Debug, Clone)]
pub struct Agents {
    pub address: SocketAddr,
    pub name: ServerName<'static>,
    pub patience: Duration,
    all: Arc<[Agent]>,
}

impl Agents {
    /// Reads certificates and keys. Only loopback addresses are put under load.
    pub fn load(server: &str, name: &str, who: &WhoArgs) -> anyhow::Result<Agents> {
        let address: SocketAddr = server.parse().with_context(|| format!("{server} is not IP:PORT"))?;
        if !address.ip().is_loopback() {
            bail!(
                "{server} is not a loopback address; only a front end on this machine can be put under load"
            );
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = Arc::new(Pinned::new(&who.directory.join("ca/ca_crt.pem"), &provider)?);
        let keys = keys(&who.directory.join("identity/node-keys.pem"))?;
        let agents = (who.first..who.first + who.agents).map(|number| {
            let certname = format!("node-{number:07}.example.com");
            let path = who.directory.join("ca/signed").join(format!("{certname}.pem"));
            let key = keys[number as usize % keys.len()].clone_key();
            let mut tls = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .dangerous()
                .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
                .with_client_auth_cert(certificates(&path)?, key)?;
            // Every handshake is a full one: so it is with Puppet's agents.
            tls.resumption = Resumption::disabled();
            Ok(Agent { certname, tls: Arc::new(tls) })
        });
        Ok(Agents {
            address,
            name: ServerName::try_from(name.to_owned())?,
            patience: Duration::from_secs(who.patience),
            all: agents.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Whose turn it is.
    pub fn turn(&self, number: usize) -> &Agent {
        &self.all[number % self.all.len()]
    }
}

fn keys(path: &Path) -> anyhow::Result<Vec<PrivateKeyDer<'static>>> {
    let text = String::from_utf8(blocks(path)?)?;
    let ends = "-----END EC PRIVATE KEY-----\n";
    let keys = text.split_inclusive(ends).map(|pem| {
        let key = pki::PrivateKey::from_pem(pem.as_bytes())?;
        Ok(PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.pkcs8_der())))
    });
    keys.collect::<Result<_, pki::key::KeyFault>>().with_context(|| path.display().to_string())
}

/// Verifies the server's chain once and then knows the certificate again; the signature of each handshake is verified.
/// What the load saves there is the front end's.
#[derive(Debug)]
struct Pinned {
    webpki: Arc<rustls::client::WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    seen: OnceLock<Vec<u8>>,
}

impl Pinned {
    fn new(ca: &Path, provider: &Arc<CryptoProvider>) -> anyhow::Result<Pinned> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(ca)? {
            roots.add(certificate).with_context(|| ca.display().to_string())?;
        }
        let builder = rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(provider),
        );
        Ok(Pinned { webpki: builder.build()?, provider: Arc::clone(provider), seen: OnceLock::new() })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.seen.get().is_some_and(|seen| **seen == **end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let verified =
            self.webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        let _ = self.seen.set(end_entity.to_vec());
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
