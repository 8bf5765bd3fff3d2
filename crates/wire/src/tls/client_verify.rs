//! What becomes of clients whose certificates do not stand the test: at the handshake, and again at every request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::Error;
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::KeyUsage;

use super::trust::{Authorities, TrustBundle};
use super::{counts, provider, verdict};
use crate::Peer;

/// What is done about a certificate that is expired, revoked, or somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientVerify {
    /// The client does not get in.
    #[default]
    Strict,
    /// It gets in as one without a certificate would, and the verdict is told: to see who would be refused. (It must
    /// have the key of what it shows in any case.)
    Report,
}

/// The choice of a listener. Clones share it, so that it can be changed while connections are open.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedVerify(Arc<AtomicBool>);

impl SharedVerify {
    pub(super) fn get(&self) -> ClientVerify {
        if self.0.load(Ordering::Relaxed) { ClientVerify::Report } else { ClientVerify::Strict }
    }

    pub(super) fn set(&self, verify: ClientVerify) {
        self.0.store(verify == ClientVerify::Report, Ordering::Relaxed);
    }
}

/// A certificate that was shown and proves nothing. Words only, so that it can't be taken for one that does; they are
/// whatever the client has written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    /// Its common name; empty when there is none.
    pub name: String,
    /// Its serial number, as inventories write it.
    pub serial: String,
    /// Who is said to have issued it (RFC 2253).
    pub issuer: String,
    /// Why it proves nothing: `revoked`, `expired` ...
    pub reason: &'static str,
}

/// Longest text kept of what a stranger's certificate says.
const LONGEST: usize = 256;

impl Unproven {
    pub(crate) fn new(certificate: Option<&pki::Certificate>, reason: &'static str) -> Unproven {
        let text = |text: &str| text.chars().take(LONGEST).collect::<String>();
        Unproven {
            name: certificate.and_then(pki::Certificate::subject_cn).map(text).unwrap_or_default(),
            serial: certificate.map(|one| one.serial().to_string()).unwrap_or_default(),
            issuer: certificate.map(|one| text(&one.issuer_rfc2253())).unwrap_or_default(),
            reason,
        }
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (serial {}, issued by {:?}): {}", self.name, self.serial, self.issuer, self.reason)
    }
}

/// What a second look at the certificate of an open connection comes to.
#[derive(Debug)]
pub(crate) enum Review {
    /// The peer is who it was.
    Stands,
    /// It is to be refused, for this reason.
    Refused(&'static str),
    /// It counts as this one, which has no certificate.
    Demoted(Arc<Peer>),
}

/// Looks again, at each request, at the certificate with which a connection was opened: it may have been revoked or have
/// expired, or its authority may be trusted no longer.
#[derive(Debug, Clone)]
pub(crate) struct Reviewer {
    trust: TrustBundle,
    verify: SharedVerify,
    /// Whether authorities count that are trusted since the handshake.
    chain: bool,
}

impl Reviewer {
    pub(super) fn new(trust: TrustBundle, verify: SharedVerify, chain: bool) -> Reviewer {
        Reviewer { trust, verify, chain }
    }

    /// Takes the look.
    pub(crate) fn review(&self, peer: &Peer) -> Review {
        if peer.certificate.is_none() && peer.unproven.is_none() {
            return Review::Stands;
        }
        let reason = match (&peer.unproven, &peer.certificate) {
            // Let in while such verdicts were only told.
            (Some(unproven), _) => {
                Some(unproven.reason).filter(|_| self.verify.get() == ClientVerify::Strict)
            }
            (None, Some(certificate)) => self.fault(certificate, peer),
            (None, None) => None,
        };
        match reason {
            None => Review::Stands,
            Some(reason) if self.verify.get() == ClientVerify::Strict => Review::Refused(reason),
            Some(reason) => Review::Demoted(Arc::new(peer.demoted(reason))),
        }
    }

    fn fault(&self, certificate: &pki::Certificate, peer: &Peer) -> Option<&'static str> {
        if self.trust.is_revoked(certificate) {
            return Some("revoked");
        }
        if certificate.not_after() < now() {
            return Some("expired");
        }
        let authorities = self.trust.authorities();
        if !self.chain || peer.authorities.is(&authorities) {
            return None;
        }
        // Rare: other authorities than at the handshake. Puppet's bundles have all of the chain, so the leaf is enough.
        match judge(&self.trust, &CertificateDer::from(certificate.der()), &[]) {
            Ok(()) => {
                peer.authorities.set(authorities);
                None
            }
            Err(error) => Some(counts::reason_of(&error)),
        }
    }
}

/// The authorities by which a peer was judged last.
#[derive(Debug, Default)]
pub(crate) struct JudgedBy(arc_swap::ArcSwapOption<Authorities>);

impl JudgedBy {
    fn is(&self, authorities: &Arc<Authorities>) -> bool {
        self.0.load().as_ref().is_some_and(|known| Arc::ptr_eq(known, authorities))
    }

    pub(super) fn set(&self, authorities: Arc<Authorities>) {
        self.0.store(Some(authorities));
    }
}

/// Chain, time, usage, revocation.
pub(super) fn judge(
    trust: &TrustBundle,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<(), Error> {
    let algorithms = provider().signature_verification_algorithms;
    verdict::verify_path(trust, leaf, intermediates, UnixTime::now(), KeyUsage::client_auth(), algorithms.all)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
