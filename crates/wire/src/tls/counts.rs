//! What became of the handshakes of a listener, counted.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::{CertificateError, Error};

/// Ways a handshake can end.
const OUTCOMES: [&str; 14] = [
    "TLSv1.3",
    "TLSv1.2",
    "expired",
    "not-yet-valid",
    "revoked",
    "unknown-issuer",
    "bad-signature",
    "bad-purpose",
    "bad-certificate",
    "no-certificate",
    "refused-by-client",
    "protocol",
    "broken-off",
    "too-slow",
];
/// So many of them are successes.
const VERSIONS: usize = 2;
/// So many of what follows are about the client's certificate.
const VERDICTS: usize = 8;

/// The counts of one listener. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct TlsCounts(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    outcomes: [AtomicU64; OUTCOMES.len()],
    open: AtomicU64,
}

impl TlsCounts {
    /// Handshakes that succeeded, by protocol version.
    pub fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.all().take(VERSIONS)
    }

    /// Client certificates that were found wanting, by reason: refused, or let in as nobody's.
    pub fn verification_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.all().skip(VERSIONS).take(VERDICTS)
    }

    /// Handshakes that failed for another reason, by reason.
    pub fn other_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.all().skip(VERSIONS + VERDICTS)
    }

    /// Connections that are open, after their handshake.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// A handshake begins.
    pub(super) fn begin(&self) -> Attempt {
        Attempt { counts: self.clone(), over: false }
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OUTCOMES.into_iter().zip(self.0.outcomes.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    fn count(&self, outcome: &str) {
        let place = OUTCOMES.iter().position(|known| *known == outcome);
        if let Some(count) = place.and_then(|at| self.0.outcomes.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A handshake under way. Given up half-way (its time is over, the listener ends) it counts as too slow.
pub(super) struct Attempt {
    counts: TlsCounts,
    over: bool,
}

impl Attempt {
    pub(super) fn succeeded(mut self, version: &str) -> OpenConnection {
        self.over = true;
        self.counts.count(version);
        OpenConnection::begin(&self.counts)
    }

    /// The certificate that was shown proves nothing; the handshake goes on.
    pub(super) fn unproven(&self, reason: &str) {
        self.counts.count(reason);
    }

    pub(super) fn failed(mut self, error: &io::Error) {
        self.over = true;
        self.counts.count(reason(error));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.over {
            self.counts.count("too-slow");
        }
    }
}

/// Counts one open connection while it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(TlsCounts);

impl OpenConnection {
    fn begin(counts: &TlsCounts) -> OpenConnection {
        counts.0.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(counts.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn reason(error: &io::Error) -> &'static str {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map_or("broken-off", reason_of)
}

/// The name of an outcome that is not a success.
pub(super) fn reason_of(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(verdict) => match verdict {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "not-yet-valid",
            CertificateError::Revoked => "revoked",
            CertificateError::UnknownIssuer => "unknown-issuer",
            CertificateError::BadSignature => "bad-signature",
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "bad-purpose"
            }
            _ => "bad-certificate",
        },
        Error::NoCertificatesPresented => "no-certificate",
        Error::AlertReceived(_) => "refused-by-client",
        _ => "protocol",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_a_handshake_has_its_count() {
        let counts = TlsCounts::default();
        let open = counts.begin().succeeded("TLSv1.3");
        assert_eq!(counts.open(), 1);
        drop(open);
        assert_eq!(counts.open(), 0);
        for error in [CertificateError::Revoked, CertificateError::UnknownIssuer, CertificateError::Revoked] {
            counts.begin().failed(&io::Error::other(Error::InvalidCertificate(error)));
        }
        counts.begin().failed(&io::ErrorKind::UnexpectedEof.into());
        drop(counts.begin());
        let seen = |of: Vec<(&'static str, u64)>| -> Vec<(&'static str, u64)> {
            of.into_iter().filter(|(_, count)| *count > 0).collect()
        };
        assert_eq!(seen(counts.handshakes().collect()), [("TLSv1.3", 1)]);
        assert_eq!(seen(counts.verification_failures().collect()), [("revoked", 2), ("unknown-issuer", 1)]);
        assert_eq!(seen(counts.other_failures().collect()), [("broken-off", 1), ("too-slow", 1)]);
    }
}
