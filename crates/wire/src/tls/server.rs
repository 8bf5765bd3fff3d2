//! TLS of a listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use rustls::server::NoServerSessionStorage;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::client_verifier::ClientVerifier;
use super::client_verify::{self, ClientVerify, Reviewer, SharedVerify, Unproven};
use super::counts::{Attempt, TlsCounts, reason_of};
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
    verify: SharedVerify,
    /// Whether open connections are judged by authorities that are trusted later.
    chain_again: bool,
    current: Arc<ArcSwap<Current>>,
    counts: TlsCounts,
}

/// The configuration for one set of authorities (clients are told their names in the handshake) and one way to treat those
/// whose certificates fail.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    authorities: Arc<Authorities>,
    verify: ClientVerify,
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
        let verify = SharedVerify::default();
        let current = Current::new(identity, &trust, certificates, verify.get())?;
        Ok(ServerTls {
            identity: identity.clone(),
            certificates,
            trust,
            verify,
            chain_again: true,
            current: Arc::new(ArcSwap::from_pointee(current)),
            counts: TlsCounts::default(),
        })
    }

    /// For the listener of a role that others of the deployment keep connections to: those that are open outlive the CA
    /// key by which they were made (`bunraku ca rollover --retire`), or every pool would see refusals at that moment.
    /// Revocations and ends of certificates count at every request all the same.
    #[must_use]
    pub fn with_kept_connections(self) -> ServerTls {
        ServerTls { chain_again: false, ..self }
    }

    /// The configuration for the authorities that are trusted now.
    fn current(&self) -> io::Result<Arc<Current>> {
        let current = self.current.load_full();
        let verify = self.verify.get();
        if Arc::ptr_eq(&current.authorities, &self.trust.authorities()) && current.verify == verify {
            return Ok(current);
        }
        let new = Current::new(&self.identity, &self.trust, self.certificates, verify);
        let new = Arc::new(new.map_err(io::Error::other)?);
        self.current.store(Arc::clone(&new));
        Ok(new)
    }

    /// What is done from now on about certificates that prove nothing; at the beginning they are refused. Who is in is
    /// judged by it at the next request.
    pub fn set_client_verify(&self, verify: ClientVerify) {
        self.verify.set(verify);
    }

    /// See [`ServerTls::set_client_verify`].
    pub fn client_verify(&self) -> ClientVerify {
        self.verify.get()
    }

    /// What looks again at the certificates of open connections.
    pub(crate) fn reviewer(&self) -> Reviewer {
        Reviewer::new(self.trust.clone(), self.verify.clone(), self.chain_again)
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
        let current = self.current()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&current.config));
        let accepted = acceptor.accept(Draught::new(stream)).await;
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                attempt.failed(&error);
                return Err(error);
            }
        };
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates().unwrap_or_default();
        let (certificate, unproven) = self.who(shown, current.verify, &attempt)?;
        let tls = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLS",
        };
        let mut peer = Peer::tls(address, certificate, tls);
        peer.unproven = unproven;
        peer.authorities.set(Arc::clone(&current.authorities));
        peer.open = Some(attempt.succeeded(tls));
        peer.server_name = connection.server_name().map(str::to_owned);
        Ok((stream, peer))
    }

    /// Whose certificate it is, or what is wrong with it. `verify`: what the handshake went by.
    fn who(
        &self,
        shown: &[CertificateDer<'_>],
        verify: ClientVerify,
        attempt: &Attempt,
    ) -> io::Result<(Option<pki::Certificate>, Option<Unproven>)> {
        let Some((leaf, intermediates)) = shown.split_first() else { return Ok((None, None)) };
        let certificate = pki::Certificate::from_der(leaf);
        if verify == ClientVerify::Strict {
            return Ok((Some(certificate.map_err(io::Error::other)?), None));
        }
        let judged = client_verify::judge(&self.trust, leaf, intermediates);
        match (certificate, judged) {
            (Ok(certificate), Ok(())) => Ok((Some(certificate), None)),
            (certificate, judged) => {
                let reason = judged.err().as_ref().map_or("bad-certificate", reason_of);
                attempt.unproven(reason);
                Ok((None, Some(Unproven::new(certificate.ok().as_ref(), reason))))
            }
        }
    }
}

impl Current {
    fn new(
        identity: &Identity,
        trust: &TrustBundle,
        certificates: ClientCertificates,
        verify: ClientVerify,
    ) -> Result<Current, TlsFault> {
        // Taken first: if they are swapped meanwhile, the next handshake finds it out.
        let authorities = trust.authorities();
        let verifier = Arc::new(ClientVerifier::new(trust.clone(), certificates, verify));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(identity.clone()));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Current { config: Arc::new(config), authorities, verify })
    }
}
