//! `fqdn_rand`: a random number that is always the same for a node. To give the numbers Puppet gives it must draw
//! them as Ruby does, from a Mersenne Twister that is seeded with an MD5 digest.

use super::Call;
use super::digest::md5;
use super::dispatch::{legacy, legacy_arity};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::number::leading_integer;
use crate::format::ruby;
use crate::value::{Key, Value};

pub(super) fn fqdn_rand(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    let args: Vec<Value> = call.args.iter().map(legacy).collect();
    let max = match &args[0] {
        Value::Int(n) => *n,
        Value::Float(x) => *x as i64,
        Value::String(text) => leading_integer(text),
        other => {
            let class = crate::types::ruby_class(other);
            return Err(Failure::raised(format!("undefined method `to_i' for an instance of {class}")));
        }
    };
    let facts = evaluator.variable(call.scope, "facts").unwrap_or(Value::Undef);
    let networking = facts.as_hash().and_then(|facts| facts.get(&Key("networking")));
    let fqdn = networking.and_then(Value::as_hash).and_then(|networking| networking.get(&Key("fqdn")));
    let mut fqdn = fqdn.map(ruby::to_s).unwrap_or_default();
    if args.get(2).is_some_and(Value::is_truthy) {
        fqdn = fqdn.to_lowercase();
    }
    // Ruby's `join` opens lists.
    let seed = match args.get(1) {
        Some(Value::Array(items)) => {
            super::collection::flat(items).iter().map(ruby::to_s).collect::<Vec<_>>().join(":")
        }
        Some(other) => ruby::to_s(other),
        None => String::new(),
    };
    if max <= 0 {
        return Err(Failure::raised(format!("invalid argument - {max}")));
    }
    let digest = md5(format!("{fqdn}:{max}:{seed}").as_bytes());
    Ok(Value::Int(Twister::seeded(&digest).below(max as u64) as i64))
}

const LENGTH: usize = 624;
const MIDDLE: usize = 397;

/// MT19937 (Matsumoto and Nishimura, 1998).
struct Twister {
    state: [u32; LENGTH],
    next: usize,
}

impl Twister {
    /// Seeded with a number of 16 octets, the highest first, as Ruby's `Random.new` does it.
    fn seeded(octets: &[u8; 16]) -> Twister {
        let mut key: Vec<u32> = octets
            .rchunks(4)
            .map(|part| part.iter().fold(0, |word, octet| word << 8 | u32::from(*octet)))
            .collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        // Ruby takes a highest word of one for its own guard and leaves it out.
        if key.len() > 1 && key.last() == Some(&1) {
            key.pop();
        }
        if let [single] = key.as_slice() {
            return Twister { state: initial(*single), next: LENGTH };
        }
        let mut state = initial(19_650_218);
        let (mut i, mut j) = (1, 0);
        let mix = |state: &[u32; LENGTH], i: usize, factor: u32| {
            state[i] ^ (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(factor)
        };
        let wrap = |state: &mut [u32; LENGTH], i: &mut usize| {
            *i += 1;
            if *i >= LENGTH {
                state[0] = state[LENGTH - 1];
                *i = 1;
            }
        };
        for _ in 0..LENGTH.max(key.len()) {
            state[i] = mix(&state, i, 1_664_525).wrapping_add(key[j]).wrapping_add(j as u32);
            wrap(&mut state, &mut i);
            j = (j + 1) % key.len();
        }
        for _ in 0..LENGTH - 1 {
            state[i] = mix(&state, i, 1_566_083_941).wrapping_sub(i as u32);
            wrap(&mut state, &mut i);
        }
        state[0] = 0x8000_0000;
        Twister { state, next: LENGTH }
    }

    fn word(&mut self) -> u32 {
        if self.next >= LENGTH {
            for i in 0..LENGTH {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % LENGTH] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + MIDDLE) % LENGTH] ^ (y >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Evenly distributed below `max`: draws that are too large are thrown away.
    fn below(&mut self, max: u64) -> u64 {
        let limit = max - 1;
        let mask = limit.checked_ilog2().map_or(0, |bits| u64::MAX >> (63 - bits));
        'draw: loop {
            let mut value = 0;
            for half in [32, 0] {
                if mask >> half & 0xffff_ffff != 0 {
                    value |= u64::from(self.word()) << half;
                    value &= mask;
                    if value > limit {
                        continue 'draw;
                    }
                }
            }
            return value;
        }
    }
}

fn initial(seed: u32) -> [u32; LENGTH] {
    let mut state = [seed; LENGTH];
    for i in 1..LENGTH {
        state[i] = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_as_ruby_does() {
        for (text, small, large) in
            [("a", 26, 685_862_798_810), ("b", 10, 595_559_950_973), ("d", 14, 405_067_052_462)]
        {
            let digest = md5(text.as_bytes());
            assert_eq!(Twister::seeded(&digest).below(30), small);
            assert_eq!(Twister::seeded(&digest).below(1_000_000_000_000), large);
        }
    }
}
