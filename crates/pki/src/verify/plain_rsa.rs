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
    at_most: (2047, 0xffff_ffff),
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
    is_less(&s, &n) && power(&s, exponent, &n) == limbs(&expected(length, hash, tbs))
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
    if carried || !is_less(&sum, n) { subtract(&sum, n) } else { sum }
}

/// `a - n`; where `a` is less, a limb that overflowed has been left out of it.
fn subtract(a: &[u64], n: &[u64]) -> Vec<u64> {
    let mut borrowed = false;
    let limbs = a.iter().zip(n).map(|(a, n)| {
        let (partial, first) = a.overflowing_sub(*n);
        let (rest, second) = partial.overflowing_sub(u64::from(borrowed));
        borrowed = first || second;
        rest
    });
    limbs.collect()
}

/// `base` to the power of `exponent` modulo `n`, which is odd; `base` is below it, `exponent` above 0. By Montgomery's
/// multiplication, or a stranger's request would take a hundred times what a usual one takes.
fn power(base: &[u64], exponent: u64, n: &[u64]) -> Vec<u64> {
    // 2 to the power of twice the bits of all limbs: what takes a number into Montgomery's form.
    let mut square = vec![0; n.len()];
    square[0] = 1;
    for _ in 0..2 * 64 * n.len() {
        square = add(&square, &square, n);
    }
    let inverse = negative_inverse(n[0]);
    let base = multiply(base, &square, n, inverse);
    let mut power = base.clone();
    for bit in (0..exponent.ilog2()).rev() {
        power = multiply(&power, &power, n, inverse);
        if exponent >> bit & 1 == 1 {
            power = multiply(&power, &base, n, inverse);
        }
    }
    let mut one = vec![0; n.len()];
    one[0] = 1;
    multiply(&power, &one, n, inverse)
}

/// Of an odd number, modulo 2 to the power of 64.
fn negative_inverse(n: u64) -> u64 {
    // Each step doubles the bits that are right; of an odd number the lowest three are its own inverse's.
    let inverse = (0..5).fold(n, |found, _| found.wrapping_mul(2u64.wrapping_sub(n.wrapping_mul(found))));
    inverse.wrapping_neg()
}

/// `a * b / 2^(64 * limbs)` modulo `n`, for `a` and `b` below `n` (Montgomery, by limbs: Koc, Acar, Kaliski, "CIOS").
fn multiply(a: &[u64], b: &[u64], n: &[u64], inverse: u64) -> Vec<u64> {
    let length = n.len();
    let mut sum = vec![0u64; length + 2];
    let step = |sum: u64, a: u64, b: u64, carry: u64| {
        let wide = u128::from(sum) + u128::from(a) * u128::from(b) + u128::from(carry);
        (wide as u64, (wide >> 64) as u64)
    };
    for limb in b {
        let mut carry = 0;
        for at in 0..length {
            (sum[at], carry) = step(sum[at], a[at], *limb, carry);
        }
        (sum[length], sum[length + 1]) = step(sum[length], 0, 0, carry);
        let factor = sum[0].wrapping_mul(inverse);
        (_, carry) = step(sum[0], factor, n[0], 0);
        for at in 1..length {
            (sum[at - 1], carry) = step(sum[at], factor, n[at], carry);
        }
        (sum[length - 1], carry) = step(sum[length], 0, 0, carry);
        sum[length] = sum[length + 1] + carry;
    }
    let overflowed = sum[length] != 0;
    sum.truncate(length);
    if overflowed || !is_less(&sum, n) { subtract(&sum, n) } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arithmetic_agrees_with_the_machine() {
        for n in [0xffff_ffff_ffff_ff43u64, 3, 0x1_0001, u64::MAX] {
            for base in [0, 1, 2, n / 2, n - 1, 0x1234_5678_9abc_def0 % n] {
                for exponent in [1u64, 2, 3, 17, 65_537, u64::MAX] {
                    let wide = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
                    let bits = (0..64).rev();
                    let expected = bits.fold(1 % n, |so_far, bit| {
                        let square = wide(so_far, so_far);
                        if exponent >> bit & 1 == 1 { wide(square, base) } else { square }
                    });
                    assert_eq!(power(&[base], exponent, &[n]), [expected], "{base}^{exponent} mod {n}");
                }
            }
            assert_eq!(n.wrapping_mul(negative_inverse(n)), u64::MAX);
        }
        assert_eq!(add(&[u64::MAX, 0], &[1, 0], &[0, 2]), [0, 1]);
    }

    proptest! {
        /// Modulo 2^127 - 1, in two limbs.
        #[test]
        fn numbers_of_several_limbs_are_multiplied(base: [u64; 2], left in 1u64..1 << 40, right in 1u64..1 << 23) {
            let n = [u64::MAX, u64::MAX >> 1];
            let base = [base[0], base[1] >> 1];
            prop_assume!(is_less(&base, &n));
            let twice = power(&power(&base, left, &n), right, &n);
            prop_assert_eq!(twice, power(&base, left * right, &n));
            // 2^127 is 1 there.
            prop_assert_eq!(power(&[2, 0], 127, &n), vec![1, 0]);
        }
    }

    #[test]
    fn nonsense_is_no_key() {
        assert!(!verify(&[], WITH_SHA384, b"", b""));
        assert_eq!(length(&[0x30, 0]), None);
        assert!(!verify(&[0x30, 6, 2, 1, 0, 2, 1, 3], WITH_MD5, b"", b""));
    }
}
