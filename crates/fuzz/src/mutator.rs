//! Seeded damage. Not clever, but the same on every machine and in every run: what it has found once it finds again.

/// Longest input that is made: readers are bounded by the size of a body long before.
const LONGEST: usize = 16 * 1024;

/// Octets at which readers often change their mind.
const TELLING: [u8; 16] =
    [0x00, 0x01, 0x02, 0x05, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xa0, 0xa3, 0xff, b'\n', b' '];

/// A source of mutated inputs. The same seed gives the same inputs.
#[derive(Debug, Clone)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// A source for this seed.
    pub fn new(seed: u64) -> Mutator {
        // Any odd state will do; the constant spreads seeds that lie close together.
        Mutator { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// Takes one of `inputs` (two, now and then), and damages it in one to eight places. `words` are put in as they
    /// are: they make it likely that a mutation still means something.
    ///
    /// # Panics
    /// Without any input.
    pub fn next(&mut self, inputs: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut made = inputs[self.below(inputs.len())].clone();
        if self.below(8) == 0 {
            let other = &inputs[self.below(inputs.len())];
            let (keep, from) = (self.below(made.len() + 1), self.below(other.len() + 1));
            made.truncate(keep);
            made.extend_from_slice(&other[from..]);
        }
        for _ in 0..1 + self.below(8) {
            self.damage(&mut made, words);
        }
        made.truncate(LONGEST);
        made
    }

    fn damage(&mut self, made: &mut Vec<u8>, words: &[&[u8]]) {
        let at = self.below(made.len() + 1);
        let length = 1 + self.below(16);
        let end = (at + length).min(made.len());
        match self.below(8) {
            0 if at < made.len() => made[at] ^= 1 << self.below(8),
            1 if at < made.len() => made[at] = TELLING[self.below(TELLING.len())],
            2 if at < made.len() => made[at] = made[at].wrapping_add([1, 0xff][self.below(2)]),
            3 => made.insert(at, TELLING[self.below(TELLING.len())]),
            4 => drop(made.drain(at..end)),
            5 => {
                let again = made[at..end].to_vec();
                let to = self.below(made.len() + 1);
                made.splice(to..to, again);
            }
            6 if !words.is_empty() => {
                let word = words[self.below(words.len())].iter().copied();
                made.splice(at..at, word);
            }
            _ => made.truncate(at.max(made.len() / 2)),
        }
    }

    /// A number below `limit`, which is not zero (xorshift, 64 bits).
    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % limit as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs_and_another_seed_others() {
        let inputs = [b"one".to_vec(), b"another".to_vec()];
        let run = |seed| {
            let mut source = Mutator::new(seed);
            (0..100).map(|_| source.next(&inputs, &[b"word"])).collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!(run(7).iter().any(|made| made.windows(4).any(|part| part == b"word")));
    }
}
