//! What the network says of a connection: ICMP errors, which say that there is no way to the peer.
//!
//! A firewall that rejects answers with them, and Linux sends few to each sender: six at once, then one a second. So none
//! may be missed, whichever packet it answers. On Linux two are missed easily:
//!
//! - One that comes while the system call that sent the packet is not over yet (between hosts that are network namespaces
//!   or virtual machines of one host that is the rule): a connection being opened is not told of it, unless it has asked
//!   for all (`IP_RECVERR`). Here it asks, until it is open.
//! - One that answers a packet of an open connection: the connection goes on (RFC 1122, 4.2.3.9: the trouble may pass)
//!   and keeps the error where only those see it who look (`SO_ERROR`). A [`Nerve`] looks. The connection is none the
//!   worse for it.

use std::io;
use std::net::SocketAddr;
use std::sync::Weak;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{SockRef, Socket};
use tokio::net::{TcpSocket, TcpStream};

use super::connect_fault::ConnectFault;

/// A second handle on the socket of an open connection. It does not keep the connection open.
#[derive(Debug, Clone)]
pub struct Nerve(pub(super) Weak<Socket>);

impl Nerve {
    /// Whether the connection is still open.
    pub fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// What the network has said of the connection since the last look: that there is no way to the peer.
    pub fn feel(&self) -> Option<ConnectFault> {
        let error = self.0.upgrade()?.take_error().ok()??;
        Some(ConnectFault::from_io(&error)).filter(ConnectFault::is_from_network)
    }
}

/// Opens a connection that fails with the first such answer.
pub(super) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    report_all(&socket, address, true)?;
    let stream = socket.connect(address).await?;
    // Also forgets what was reported: nobody reads it.
    report_all(&stream, address, false)?;
    Ok(stream)
}

fn report_all(socket: &impl std::os::fd::AsFd, address: SocketAddr, all: bool) -> io::Result<()> {
    let set = match address {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4RecvErr, &all),
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvErr, &all),
    };
    set.map_err(io::Error::from)
}

/// The handle that a [`Nerve`] follows; to be dropped with the connection.
pub(super) fn root(stream: &TcpStream) -> io::Result<Socket> {
    SockRef::from(stream).try_clone()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_of_either_family_has_a_nerve_that_ends_with_it() {
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(local).await.unwrap();
            let stream = connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut other, _) = listener.accept().await.unwrap();
            let root = Arc::new(root(&stream).unwrap());
            let nerve = Nerve(Arc::downgrade(&root));
            assert!(nerve.is_alive() && nerve.feel().is_none());
            drop((root, stream));
            assert!(!nerve.is_alive() && nerve.feel().is_none());
            assert_eq!(other.read(&mut [0; 1]).await.unwrap(), 0, "it is closed");
        }
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let refused = connect(address).await.unwrap_err();
        assert_eq!(ConnectFault::from_io(&refused), ConnectFault::Refused);
    }
}
