//! RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) where the cryptographic library does not take what agents may send: SHA-384
//! by keys of 1024 to 2047 bits, and MD5, with which agents of Puppet 2.6 to 3 sign their requests. Only public numbers
//! are handled, so plain arithmetic without regard to timing is enough, and the whole encoded message is compared, so
//! there is no padding to be parsed wrongly.

use aws_lc_rs::digest::{SHA384, digest};
use md5::{Digest, Md5};

use crate::asn1::{Reader, tag};

/// A digest, and which keys it is taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hash {
    /// DigestInfo up to the digest (RFC 8017 section 9.2, note 1).
    digest_info: &'static [u8],
    digest: fn(&[u8]) -> Vec<u8>,
    /// Bits of the modulus, and the greatest exponent: strangers choose how much arithmetic there is to be done.
    at_most: (usize, u64),
}

pub(super) const WITH_SHA384: Hash = Hash {
    digest_info: b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
    digest: |octets| digest(&SHA384, octets).as_ref().to_vec(),
    at_most: (2047, u64::MAX),
};

pub(super) const WITH_MD5: Hash = Hash {
    digest_info: b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
    digest: |octets| Md5::digest(octets).to_vec(),
    at_most: (4096, 65_537),
};

/// Bits of the key (an RSAPublicKey); fewer than 2048 are what this module is for.
pub(super) fn length(rsa_public_key: &[u8]) -> Option<usize> {
    parse(rsa_public_key).map(|(modulus, _)| bits(modulus))
}

/// Whether the signature is this key's over `tbs`.
pub(super) fn verify(rsa_public_key: &[u8], hash: Hash, tbs: &[u8], signature: &[u8]) -> bool {
    let Some((modulus, exponent)) = parse(rsa_public_key) else { return false };
    let length = modulus.len();
    let (most_bits, greatest) = hash.at_most;
    let usable =
        (1024..=most_bits).contains(&bits(modulus)) && modulus[length - 1] & 1 == 1 && exponent & 1 == 1;
    if !usable || !(3..=greatest).contains(&exponent) || signature.len() != length {
        return false;
    }
    let (n, s) = (limbs(modulus), limbs(signature));
    if !is_less(&s, &n) {
        return false;
    }
    let mut power = s.clone();
    for bit in (0..exponent.ilog2()).rev() {
        power = multiply(&power, &power, &n);
        if exponent >> bit & 1 == 1 {
            power = multiply(&power, &s, &n);
        }
    }
    power == limbs(&expected(length, hash, tbs))
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) in `length` octets, which are enough at 1024 bits.
fn expected(length: usize, hash: Hash, tbs: &[u8]) -> Vec<u8> {
    let digest = (hash.digest)(tbs);
    let filled = length - 3 - hash.digest_info.len() - digest.len();
    let mut encoded = vec![0, 1];
    encoded.resize(2 + filled, 0xff);
    encoded.push(0);
    encoded.extend_from_slice(hash.digest_info);
    encoded.extend_from_slice(&digest);
    encoded
}

/// Modulus without leading zeros, and exponent.
fn parse(rsa_public_key: &[u8]) -> Option<(&[u8], u64)> {
    let mut fields = Reader::new(rsa_public_key).sequence().ok()?;
    let modulus = fields.content(tag::INTEGER).ok()?;
    let exponent = fields.small_number().ok()?;
    fields.end().ok()?;
    let first = modulus.iter().position(|&octet| octet != 0)?;
    Some((&modulus[first..], exponent))
}

fn bits(modulus: &[u8]) -> usize {
    modulus.len() * 8 - modulus.first().map_or(0, |octet| octet.leading_zeros() as usize)
}

/// Little-endian 64-bit limbs of a big-endian number.
fn limbs(octets: &[u8]) -> Vec<u64> {
    let limb = |chunk: &[u8]| chunk.iter().fold(0, |limb, &octet| limb << 8 | u64::from(octet));
    octets.rchunks(8).map(limb).collect()
}

fn is_less(a: &[u64], b: &[u64]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// `a + b` modulo `n`, for `a` and `b` below `n`.
fn add(a: &[u64], b: &[u64], n: &[u64]) -> Vec<u64> {
    let mut carried = false;
    let mut sum: Vec<u64> = Vec::with_capacity(n.len());
    for (a, b) in a.iter().zip(b) {
        let (partial, first) = a.overflowing_add(*b);
        let (limb, second) = partial.overflowing_add(u64::from(carried));
        sum.push(limb);
        carried = first || second;
    }
    if carried || !is_less(&sum, n) {
        let mut borrowed = false;
        for (limb, n) in sum.iter_mut().zip(n) {
            let (partial, first) = limb.overflowing_sub(*n);
            let (rest, second) = partial.overflowing_sub(u64::from(borrowed));
            *limb = rest;
            borrowed = first || second;
        }
    }
    sum
}

/// `a * b` modulo `n` by doubling and adding.
fn multiply(a: &[u64], b: &[u64], n: &[u64]) -> Vec<u64> {
    let mut product = vec![0; n.len()];
    for limb in b.iter().rev() {
        for bit in (0..64).rev() {
            product = add(&product, &product, n);
            if limb >> bit & 1 == 1 {
                product = add(&product, a, n);
            }
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_the_machine() {
        let n = 0xffff_ffff_ffff_ff43u64;
        for (a, b) in [(3, 5), (n - 1, n - 1), (0x1234_5678_9abc_def0, 0xfedc_ba98_7654_3210)] {
            let expected = (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
            assert_eq!(multiply(&[a], &[b], &[n]), [expected]);
        }
        assert_eq!(add(&[u64::MAX, 0], &[1, 0], &[0, 2]), [0, 1]);
    }

    #[test]
    fn nonsense_is_no_key() {
        assert!(!verify(&[], WITH_SHA384, b"", b""));
        assert_eq!(length(&[0x30, 0]), None);
        assert!(!verify(&[0x30, 6, 2, 1, 0, 2, 1, 3], WITH_MD5, b"", b""));
    }
}
