//! TLS of an outgoing connection.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::draught::Draught;
use super::server_verifier::ServerVerifier;
use super::{Identity, TlsFault, TrustBundle, provider};

/// TLS 1.2 and 1.3 for outgoing connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Verifies servers against `trust` (name: alternative names, or the common name of a certificate without any)
    /// and presents `identity` when it is asked for one.
    pub fn new(identity: Option<&Identity>, trust: TrustBundle) -> Result<ClientTls, TlsFault> {
        Self::with_verifier(identity, ServerVerifier::new(Some(trust)))
    }

    /// Verifies nothing. Only for an agent's first fetch of the CA certificate, where there is nothing yet to verify
    /// against; what it fetches must be checked in another way or taken on trust.
    pub fn insecure() -> Result<ClientTls, TlsFault> {
        Self::with_verifier(None, ServerVerifier::new(None))
    }

    fn with_verifier(identity: Option<&Identity>, verifier: ServerVerifier) -> Result<ClientTls, TlsFault> {
        // `dangerous` is rustls' word for any verifier that is not its own.
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match identity {
            Some(identity) => {
                let resolver: Arc<dyn ResolvesClientCert> = Arc::new(identity.clone());
                builder.with_client_cert_resolver(resolver)
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        Ok(ClientTls { config: Arc::new(config) })
    }

    /// Does the handshake with a server that must bear `expected`.
    pub(crate) async fn connect<S>(
        &self,
        stream: S,
        expected: ServerName<'static>,
    ) -> io::Result<TlsStream<Draught<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsConnector::from(self.config.clone()).connect(expected, Draught::new(stream)).await
    }
}
