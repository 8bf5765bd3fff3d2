//! Who is at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use pki::Certificate;

use crate::identity::Introduction;
use crate::tls::{JudgedBy, OpenConnection, Unproven};

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAddress {
    /// A TCP connection.
    Tcp(SocketAddr),
    /// The Unix socket of this machine: whoever may open it is an operator.
    Local,
}

impl PeerAddress {
    /// The IP address; loopback for the local socket.
    pub fn ip(&self) -> IpAddr {
        match self {
            // An IPv4 client of a dual-stack listener is shown as IPv4.
            PeerAddress::Tcp(address) => address.ip().to_canonical(),
            PeerAddress::Local => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerAddress::Tcp(address) => address.fmt(f),
            PeerAddress::Local => f.write_str("local"),
        }
    }
}

/// The other end of one connection, the same for all its requests.
#[derive(Debug)]
pub struct Peer {
    /// Where it comes from.
    pub address: PeerAddress,
    /// The client certificate, if one was given: its chain, validity and revocation have been checked.
    pub certificate: Option<Certificate>,
    /// What was shown instead and proves nothing, where the listener lets such clients in
    /// ([`crate::tls::ClientVerify::Report`]). There is no `certificate` then.
    pub unproven: Option<Unproven>,
    /// Protocol version as OpenSSL names it ("TLSv1.3", "TLSv1.2"); "-" without TLS.
    pub tls: &'static str,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// What workers are told of it: made at a request, forgotten when the connection is at rest.
    introduction: Mutex<Option<Arc<Introduction>>>,
    /// Counts the connection among the open ones of its listener.
    pub(crate) open: Option<OpenConnection>,
    /// By which authorities its certificate was judged last.
    pub(crate) authorities: JudgedBy,
}

impl Peer {
    /// A peer over TLS.
    pub fn tls(address: SocketAddr, certificate: Option<Certificate>, tls: &'static str) -> Peer {
        Peer {
            address: PeerAddress::Tcp(address),
            certificate,
            unproven: None,
            tls,
            server_name: None,
            introduction: Mutex::default(),
            open: None,
            authorities: JudgedBy::default(),
        }
    }

    /// A peer without TLS: nobody in particular.
    pub fn plain(address: SocketAddr) -> Peer {
        Peer::tls(address, None, "-")
    }

    /// A peer on the local socket.
    pub fn local() -> Peer {
        Peer {
            address: PeerAddress::Local,
            certificate: None,
            unproven: None,
            tls: "-",
            server_name: None,
            introduction: Mutex::default(),
            open: None,
            authorities: JudgedBy::default(),
        }
    }

    /// The same one, whose certificate proves nothing any more.
    pub(crate) fn demoted(&self, reason: &'static str) -> Peer {
        Peer {
            address: self.address,
            certificate: None,
            unproven: Some(Unproven::new(self.certificate.as_ref(), reason)),
            tls: self.tls,
            server_name: self.server_name.clone(),
            introduction: Mutex::default(),
            open: None,
            authorities: JudgedBy::default(),
        }
    }

    /// The common name of its certificate.
    pub fn certname(&self) -> Option<&str> {
        self.certificate.as_ref().and_then(Certificate::subject_cn)
    }

    /// What workers are told of it.
    pub(crate) fn introduction(&self) -> Arc<Introduction> {
        let mut made = self.introduction.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(made.get_or_insert_with(|| Arc::new(Introduction::of(self))))
    }

    /// Gives up the memory of what can be made again: no request is expected for a while.
    pub(crate) fn rest(&self) {
        *self.introduction.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
