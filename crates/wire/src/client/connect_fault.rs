//! Why a connection could not be opened, in the words that operators know.

use std::io;

/// Why a connection could not be opened. Nothing was sent. `Display` is the cause alone, without the address, as an
/// error log names it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFault {
    /// Nobody listens there (a TCP reset, or ICMP port unreachable).
    #[error("connection refused")]
    Refused,
    /// The host cannot be reached, or a firewall says so (ICMP host unreachable or host prohibited).
    #[error("No route to host")]
    NoRoute,
    /// The network cannot be reached.
    #[error("Network is unreachable")]
    NetworkUnreachable,
    /// A firewall forbids it (ICMPv6 administratively prohibited, or a rule on this host).
    #[error("Permission denied")]
    Prohibited,
    /// No answer in time: packets vanish.
    #[error("connect timed out")]
    TimedOut,
    /// Connected, and then the TLS handshake got no answer in time: the process hangs.
    #[error("TLS handshake timed out")]
    HandshakeTimedOut,
    /// The peer closed the connection during the handshake.
    #[error("connection closed during the TLS handshake")]
    ClosedInHandshake,
    /// The peer broke the connection.
    #[error("reset by peer")]
    Reset,
    /// There is no such socket (local connections).
    #[error("no such socket")]
    NoSocket,
    /// The name could not be resolved to an address.
    #[error("cannot resolve {host}: {reason}")]
    Resolve {
        /// The host asked for.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The expected name is neither a host name nor an IP address.
    #[error("{0:?} is not a server name")]
    Name(String),
    /// The peers did not agree in TLS, or one did not trust the other.
    #[error("TLS: {0}")]
    Tls(String),
    /// This process has as many files and sockets open as it may: nothing is known of the other side.
    #[error("no descriptor is left for a connection")]
    NoDescriptor,
    /// Any other refusal of the system, in its own words.
    #[error("{0}")]
    Other(String),
}

impl ConnectFault {
    /// Whether it is the answer of somebody: of the peer's host or of the network, that there is no way.
    pub fn is_from_network(&self) -> bool {
        use ConnectFault::{NetworkUnreachable, NoRoute, Prohibited, Refused};
        matches!(self, Refused | NoRoute | NetworkUnreachable | Prohibited)
    }

    /// Translates what the system, or the TLS layer above it, reports.
    pub(crate) fn from_io(error: &io::Error) -> ConnectFault {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return ConnectFault::Tls(tls.to_string());
        }
        // Linux: ENFILE, EMFILE.
        if matches!(error.raw_os_error(), Some(23 | 24)) {
            return ConnectFault::NoDescriptor;
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => ConnectFault::Refused,
            io::ErrorKind::HostUnreachable => ConnectFault::NoRoute,
            io::ErrorKind::NetworkUnreachable => ConnectFault::NetworkUnreachable,
            io::ErrorKind::PermissionDenied => ConnectFault::Prohibited,
            io::ErrorKind::TimedOut => ConnectFault::TimedOut,
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ConnectFault::Reset,
            io::ErrorKind::UnexpectedEof => ConnectFault::ClosedInHandshake,
            io::ErrorKind::NotFound => ConnectFault::NoSocket,
            _ => ConnectFault::Other(without_code(&error.to_string())),
        }
    }
}

/// "Permission denied (os error 13)" without the number.
pub(super) fn without_code(text: &str) -> String {
    text.split(" (os error").next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_worded_as_operators_know_them() {
        // Linux: EHOSTUNREACH, ENETUNREACH, ECONNREFUSED, ETIMEDOUT, ECONNRESET, EACCES, EMFILE.
        for (code, text) in [
            (113, "No route to host"),
            (101, "Network is unreachable"),
            (111, "connection refused"),
            (110, "connect timed out"),
            (104, "reset by peer"),
            (13, "Permission denied"),
            (24, "no descriptor is left for a connection"),
        ] {
            assert_eq!(ConnectFault::from_io(&io::Error::from_raw_os_error(code)).to_string(), text);
        }
    }

    #[test]
    fn tls_faults_keep_their_reason() {
        let error = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let fault = ConnectFault::from_io(&io::Error::new(io::ErrorKind::InvalidData, error));
        assert_eq!(fault.to_string(), "TLS: invalid peer certificate: UnknownIssuer");
    }
}
