//! TLS of a listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client_verifier::ClientVerifier;
use super::{Identity, TlsFault, TrustBundle, provider};
use crate::Peer;

/// Whether clients need a certificate. One that is given is verified in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Requested, not required: an agent that enrols has none yet.
    Optional,
    /// Without one there is no connection.
    Required,
}

/// TLS 1.2 and 1.3 for a listener. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    trust: TrustBundle,
}

impl ServerTls {
    /// Presents `identity`, verifies clients against `trust` (whose revocations may be swapped later). There are no
    /// session tickets and no session storage: a resumed session would not be verified again, and Puppet's agents
    /// never resume one.
    pub fn new(
        identity: &Identity,
        trust: TrustBundle,
        certificates: ClientCertificates,
    ) -> Result<ServerTls, TlsFault> {
        let verifier = Arc::new(ClientVerifier::new(trust.clone(), certificates));
        let resolver = Arc::new(SingleCertAndKey::from(identity.certified.clone()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(resolver);
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(ServerTls { config: Arc::new(config), trust })
    }

    /// The authorities and revocations that clients are verified against.
    pub fn trust(&self) -> &TrustBundle {
        &self.trust
    }

    /// Does the handshake and says who came.
    pub(crate) async fn accept<S>(&self, stream: S, address: SocketAddr) -> io::Result<(TlsStream<S>, Peer)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = TlsAcceptor::from(self.config.clone()).accept(stream).await?;
        let (_, connection) = stream.get_ref();
        let certificate = match connection.peer_certificates().and_then(<[_]>::first) {
            Some(der) => Some(pki::Certificate::from_der(der).map_err(io::Error::other)?),
            None => None,
        };
        let tls = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        let mut peer = Peer::tls(address, certificate, tls);
        peer.server_name = connection.server_name().map(str::to_owned);
        Ok((stream, peer))
    }
}
