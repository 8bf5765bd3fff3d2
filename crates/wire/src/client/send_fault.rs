//! Why a request on an open connection got no answer, and whether it may have been executed.

use std::error::Error;
use std::{fmt, io};

use super::connect_fault::without_code;
use crate::Request;

/// Why a request got no answer.
pub enum SendFault {
    /// Not one byte of it was written: it may be sent elsewhere. The request comes back whole.
    Unsent {
        /// The request, with its body untouched.
        request: Box<Request>,
        /// What happened to the connection.
        cause: SendCause,
    },
    /// It was written, at least in part: the peer may have executed it.
    Sent {
        /// What happened to the connection.
        cause: SendCause,
    },
}

impl SendFault {
    /// What happened to the connection.
    pub fn cause(&self) -> &SendCause {
        match self {
            SendFault::Unsent { cause, .. } | SendFault::Sent { cause } => cause,
        }
    }
}

impl fmt::Debug for SendFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendFault::Unsent { cause, .. } => write!(f, "Unsent({cause:?})"),
            SendFault::Sent { cause } => write!(f, "Sent({cause:?})"),
        }
    }
}

impl fmt::Display for SendFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendFault::Unsent { cause, .. } => write!(f, "{cause} (nothing was sent)"),
            SendFault::Sent { cause } => cause.fmt(f),
        }
    }
}

impl Error for SendFault {}

/// What happened to a connection on which a request was, or was to be, sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendCause {
    /// It had been closed before.
    #[error("connection closed")]
    Closed,
    /// The peer closed it instead of answering.
    #[error("connection closed before the answer")]
    ClosedBeforeAnswer,
    /// The peer, or something on the way, broke it.
    #[error("reset by peer")]
    Reset,
    /// The host has become unreachable.
    #[error("No route to host")]
    NoRoute,
    /// The transport gave up waiting.
    #[error("connection timed out")]
    TimedOut,
    /// The TLS session ended with a fault. With TLS 1.3 this is where a client learns that its certificate is
    /// refused: the server judges it after the client's side of the handshake is done.
    #[error("TLS: {0}")]
    Tls(String),
    /// What came back is not HTTP.
    #[error("malformed answer: {0}")]
    Malformed(String),
    /// The body of the request could not be read from its source.
    #[error("the body of the request broke off: {0}")]
    Body(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl SendCause {
    pub(super) fn from_hyper(error: &hyper::Error) -> SendCause {
        if let Some(io) = find::<io::Error>(error) {
            if let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return SendCause::Tls(tls.to_string());
            }
            return match io.kind() {
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => SendCause::Reset,
                io::ErrorKind::HostUnreachable => SendCause::NoRoute,
                io::ErrorKind::TimedOut => SendCause::TimedOut,
                io::ErrorKind::UnexpectedEof => SendCause::ClosedBeforeAnswer,
                _ => SendCause::Other(without_code(&io.to_string())),
            };
        }
        if let Some(body) = find::<crate::BodyFault>(error) {
            return SendCause::Body(body.to_string());
        }
        if error.is_incomplete_message() {
            SendCause::ClosedBeforeAnswer
        } else if error.is_canceled() || error.is_closed() {
            SendCause::Closed
        } else if error.is_parse() {
            SendCause::Malformed(error.to_string())
        } else {
            SendCause::Other(error.to_string())
        }
    }
}

fn find<E: Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
