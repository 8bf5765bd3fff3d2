//! TLS of a listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::NoServerSessionStorage;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client_verifier::ClientVerifier;
use super::counts::TlsCounts;
use super::draught::Draught;
use super::trust::Authorities;
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
    identity: Identity,
    certificates: ClientCertificates,
    trust: TrustBundle,
    current: Arc<ArcSwap<Current>>,
    counts: TlsCounts,
}

/// The configuration for one set of authorities: clients are told their names in the handshake.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    authorities: Arc<Authorities>,
}

impl ServerTls {
    /// Presents `identity`, verifies clients against `trust` (whose authorities and revocations may be swapped later, as
    /// may the identity's certificate). There are no session tickets and no session storage: a resumed session would not
    /// be verified again, and Puppet's agents never resume one.
    pub fn new(
        identity: &Identity,
        trust: TrustBundle,
        certificates: ClientCertificates,
    ) -> Result<ServerTls, TlsFault> {
        let current = Current::new(identity, &trust, certificates)?;
        Ok(ServerTls {
            identity: identity.clone(),
            certificates,
            trust,
            current: Arc::new(ArcSwap::from_pointee(current)),
            counts: TlsCounts::default(),
        })
    }

    /// The configuration for the authorities that are trusted now.
    fn config(&self) -> io::Result<Arc<ServerConfig>> {
        let current = self.current.load();
        if Arc::ptr_eq(&current.authorities, &self.trust.authorities()) {
            return Ok(Arc::clone(&current.config));
        }
        let new = Current::new(&self.identity, &self.trust, self.certificates).map_err(io::Error::other)?;
        let config = Arc::clone(&new.config);
        self.current.store(Arc::new(new));
        Ok(config)
    }

    /// The authorities and revocations that clients are verified against.
    pub fn trust(&self) -> &TrustBundle {
        &self.trust
    }

    /// What became of the handshakes, and how many connections are open.
    pub fn counts(&self) -> &TlsCounts {
        &self.counts
    }

    /// Does the handshake and says who came.
    pub(crate) async fn accept<S>(
        &self,
        stream: S,
        address: SocketAddr,
    ) -> io::Result<(TlsStream<Draught<S>>, Peer)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let attempt = self.counts.begin();
        let accepted = TlsAcceptor::from(self.config()?).accept(Draught::new(stream)).await;
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                attempt.failed(&error);
                return Err(error);
            }
        };
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
        peer.open = Some(attempt.succeeded(tls));
        peer.server_name = connection.server_name().map(str::to_owned);
        Ok((stream, peer))
    }
}

impl Current {
    fn new(
        identity: &Identity,
        trust: &TrustBundle,
        certificates: ClientCertificates,
    ) -> Result<Current, TlsFault> {
        // Taken first: if they are swapped meanwhile, the next handshake finds it out.
        let authorities = trust.authorities();
        let verifier = Arc::new(ClientVerifier::new(trust.clone(), certificates));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(identity.clone()));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), authorities })
    }
}
