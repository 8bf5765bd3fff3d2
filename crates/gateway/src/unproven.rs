//! Who would be refused: told in the error log, once for each certificate, while `client_verify` is `report`.
//!
//! Anybody can make certificates, so what is remembered is bounded, and so is what is written.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wire::Peer;
use wire::tls::Unproven;

/// So many certificates are told of,
const MOST: usize = 1000;
/// and all of them again after so long: whoever looks at today's log sees today's clients.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

/// What has been told.
#[derive(Debug, Default)]
pub struct Told(Mutex<Option<Since>>);

#[derive(Debug)]
struct Since {
    begun: Instant,
    certificates: BTreeSet<(String, String, &'static str)>,
}

impl Told {
    /// The sentence for this peer, unless it has been said already, or enough has.
    pub fn sentence(&self, peer: &Peer, now: Instant) -> Option<String> {
        let unproven = peer.unproven.as_ref()?;
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match since.as_mut() {
            Some(since) if now.saturating_duration_since(since.begun) < AGAIN => since,
            _ => since.insert(Since { begun: now, certificates: BTreeSet::new() }),
        };
        if since.certificates.len() > MOST {
            return None;
        }
        let Unproven { serial, issuer, reason, .. } = unproven;
        if !since.certificates.insert((issuer.clone(), serial.clone(), reason)) {
            return None;
        }
        if since.certificates.len() > MOST {
            return Some(format!(
                "More than {MOST} certificates would be refused with client_verify = \"strict\"; no further ones are told \
                 of here today, the access log has them all"
            ));
        }
        Some(format!(
            "Client certificate {unproven}; {} is let in as a client without one (client_verify = \"report\")",
            peer.address.ip()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(serial: usize, reason: &'static str) -> Peer {
        let mut peer = Peer::plain("192.0.2.7:4711".parse().unwrap());
        let (name, issuer) = ("a.example.com\n".to_owned(), "CN=elsewhere".to_owned());
        peer.unproven = Some(Unproven { name, serial: format!("{serial:04X}"), issuer, reason });
        peer
    }

    #[test]
    fn each_certificate_is_told_of_once_a_day_and_not_without_end() {
        let (told, now) = (Told::default(), Instant::now());
        assert_eq!(told.sentence(&Peer::plain("192.0.2.7:1".parse().unwrap()), now), None);
        assert_eq!(
            told.sentence(&peer(10, "revoked"), now).unwrap(),
            "Client certificate \"a.example.com\\n\" (serial 000A, issued by \"CN=elsewhere\"): revoked; 192.0.2.7 is let \
             in as a client without one (client_verify = \"report\")"
        );
        assert_eq!(told.sentence(&peer(10, "revoked"), now), None);
        assert!(told.sentence(&peer(10, "expired"), now).is_some());
        let said =
            (11..3000).filter_map(|serial| told.sentence(&peer(serial, "revoked"), now)).collect::<Vec<_>>();
        assert_eq!(said.len(), MOST - 2 + 1);
        assert!(said.last().unwrap().starts_with("More than 1000 certificates"), "{said:?}");
        assert!(told.sentence(&peer(10, "revoked"), now + AGAIN).is_some());
    }
}
