//! Fingerprints as Puppet shows them: upper-case hexadecimal octets with colons between.

use aws_lc_rs::digest::{self, Algorithm};

/// The three digests that Puppet shows of an object, raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-1. Shown by Puppet beside better ones; nothing is decided by it.
    pub sha1: [u8; 20],
    /// SHA-256, the default one.
    pub sha256: [u8; 32],
    /// SHA-512.
    pub sha512: [u8; 64],
}

impl Digests {
    /// Digests these octets.
    pub fn of(octets: &[u8]) -> Digests {
        Digests {
            sha1: raw(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets),
            sha256: raw(&digest::SHA256, octets),
            sha512: raw(&digest::SHA512, octets),
        }
    }
}

/// SHA-1 of these octets, `AA:BB:..`. Shown by Puppet beside better ones; nothing is decided by it.
pub fn sha1(octets: &[u8]) -> String {
    shown(&digest::SHA1_FOR_LEGACY_USE_ONLY, octets)
}

/// SHA-256 of these octets, `AA:BB:..`.
pub fn sha256(octets: &[u8]) -> String {
    shown(&digest::SHA256, octets)
}

/// SHA-256 of these octets, raw.
pub fn sha256_octets(octets: &[u8]) -> [u8; 32] {
    raw(&digest::SHA256, octets)
}

/// SHA-512 of these octets, `AA:BB:..`.
pub fn sha512(octets: &[u8]) -> String {
    shown(&digest::SHA512, octets)
}

/// Octets as upper-case hexadecimal with colons between.
pub fn colons(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(octets.len() * 3);
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    text
}

/// The raw SHA-1 of a subject public key's bits: what RFC 5280 section 4.2.1.2 (1) makes a key identifier of.
pub(crate) fn key_identifier(public_key: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, public_key).as_ref().to_vec()
}

/// A digest whose length is known at compile time.
fn raw<const LENGTH: usize>(algorithm: &'static Algorithm, octets: &[u8]) -> [u8; LENGTH] {
    let mut raw = [0; LENGTH];
    raw.copy_from_slice(digest::digest(algorithm, octets).as_ref());
    raw
}

fn shown(algorithm: &'static Algorithm, octets: &[u8]) -> String {
    colons(digest::digest(algorithm, octets).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(sha1(b"abc"), "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D");
        assert!(sha256(b"abc").starts_with("BA:78:16:BF:8F:01:CF:EA"));
        assert_eq!(sha512(b"abc").len(), 64 * 3 - 1);
        assert_eq!(colons(&[]), "");
        assert_eq!(colons(&sha256_octets(b"abc")), sha256(b"abc"));
        let digests = Digests::of(b"abc");
        assert_eq!(colons(&digests.sha1), sha1(b"abc"));
        assert_eq!(colons(&digests.sha256), sha256(b"abc"));
        assert_eq!(colons(&digests.sha512), sha512(b"abc"));
    }
}
