//! SHA-256 (FIPS 180-4, 6.2).

use std::sync::LazyLock;

/// FIPS 180-4, 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes.
static CONSTANTS: LazyLock<[u32; 64]> = LazyLock::new(|| first_primes().map(cube_root_fraction));

fn first_primes() -> [u64; 64] {
    let mut primes = [0; 64];
    let mut count = 0;
    let mut candidate = 2;
    while count < 64 {
        if primes[..count].iter().all(|prime| candidate % prime != 0) {
            primes[count] = candidate;
            count += 1;
        }
        candidate += 1;
    }
    primes
}

/// Found by bisection in integers, so that no rounding plays a part: the largest r with r^3 <= n * 2^96.
fn cube_root_fraction(n: u64) -> u32 {
    let (mut low, mut high) = (0u128, 1u128 << 36);
    while high - low > 1 {
        let middle = u128::midpoint(low, high);
        if middle * middle * middle <= u128::from(n) << 96 { low = middle } else { high = middle }
    }
    low as u32
}

/// The digest of the message.
pub(super) fn sha256(message: &[u8]) -> [u8; 32] {
    let mut state: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let length = (message.len() as u64).wrapping_mul(8).to_be_bytes();
    for block in super::padded(message, length).chunks_exact(64) {
        let mut words = [0u32; 64];
        for (word, octets) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]]);
        }
        for i in 16..64 {
            let (x, y) = (words[i - 15], words[i - 2]);
            let small = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
            let large = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
            words[i] = words[i - 16].wrapping_add(small).wrapping_add(words[i - 7]).wrapping_add(large);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for (word, constant) in words.iter().zip(*CONSTANTS) {
            let choice = (e & f) ^ (!e & g);
            let first = h
                .wrapping_add(e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25))
                .wrapping_add(choice)
                .wrapping_add(constant)
                .wrapping_add(*word);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let second = (a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22)).wrapping_add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
        }
        for (whole, part) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *whole = whole.wrapping_add(part);
        }
    }
    let mut digest = [0; 32];
    for (octets, word) in digest.chunks_exact_mut(4).zip(state) {
        octets.copy_from_slice(&word.to_be_bytes());
    }
    digest
}
