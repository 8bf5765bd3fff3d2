//! Which of several workers that may take a request gets it.

/// How requests are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// To the worker with the fewest unanswered requests for its weight. What Puppet's own documents advise: compile
    /// times differ by orders of magnitude between nodes.
    #[default]
    LeastOutstanding,
    /// In turn, by weight.
    RoundRobin,
    /// The less busy of two drawn at random, by weight: with several front ends, each of which sees only its own
    /// requests, this herds less than the least busy of all.
    PowerOfTwo,
    /// A node always to the same worker, whose caches then know it; when that one is away, to one other.
    Certname,
}

impl Balance {
    /// All, with their names in the configuration.
    pub const ALL: [(&'static str, Balance); 4] = [
        ("least-outstanding", Balance::LeastOutstanding),
        ("round-robin", Balance::RoundRobin),
        ("power-of-two", Balance::PowerOfTwo),
        ("certname", Balance::Certname),
    ];
}

/// A worker that may be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its index in the pool.
    pub index: usize,
    /// Its name: what [`Balance::Certname`] knows it by, whatever stands before it in the configuration.
    pub name: &'a str,
    /// Its share, in thousandths of a weight of 1; not 0.
    pub share: u64,
    /// What it is answering.
    pub in_flight: u64,
}

/// What the choice may depend on beyond the candidates.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// The node that asks, as far as it is known.
    pub certname: Option<&'a str>,
    /// Differs from request to request.
    pub dice: u64,
}

/// The place of the chosen one in `candidates`, which come in the order in which ties are decided. `turns` remembers
/// whose turn it is, by index in the pool. None when there are no candidates.
pub fn choose(
    balance: Balance,
    candidates: &[Candidate<'_>],
    circumstances: Circumstances<'_>,
    turns: &mut [i64],
) -> Option<usize> {
    let least = || {
        let busy = |candidate: &Candidate<'_>| load(candidate);
        // min_by keeps the first of equals.
        (0..candidates.len()).min_by(|a, b| {
            let ((a_load, a_share), (b_load, b_share)) = (busy(&candidates[*a]), busy(&candidates[*b]));
            (a_load * b_share).cmp(&(b_load * a_share))
        })
    };
    match balance {
        Balance::LeastOutstanding => least(),
        Balance::RoundRobin => in_turn(candidates, turns),
        Balance::PowerOfTwo => {
            let first = draw(candidates, None, circumstances.dice)?;
            let second = draw(candidates, Some(first), circumstances.dice.rotate_left(32));
            let busier = |a: usize, b: usize| {
                let ((a_load, a_share), (b_load, b_share)) = (load(&candidates[a]), load(&candidates[b]));
                a_load * b_share > b_load * a_share
            };
            Some(second.filter(|second| busier(first, *second)).unwrap_or(first))
        }
        // Nobody to recognise: as well as possible.
        Balance::Certname => match circumstances.certname {
            None => least(),
            Some(certname) => highest(candidates, certname),
        },
    }
}

/// Requests with this one, and the share to divide them by; both fit into 128 bits when multiplied with another's.
fn load(candidate: &Candidate<'_>) -> (u128, u128) {
    (u128::from(candidate.in_flight) + 1, u128::from(candidate.share.max(1)))
}

/// Each gains its share, the richest is chosen and pays all shares: every one gets its part, evenly spread in time.
fn in_turn(candidates: &[Candidate<'_>], turns: &mut [i64]) -> Option<usize> {
    let mut chosen: Option<usize> = None;
    let mut all = 0;
    for (at, candidate) in candidates.iter().enumerate() {
        let share = candidate.share.min(1 << 32).cast_signed();
        all += share;
        turns[candidate.index] += share;
        if chosen.is_none_or(|best| turns[candidate.index] > turns[candidates[best].index]) {
            chosen = Some(at);
        }
    }
    turns[candidates[chosen?].index] -= all;
    chosen
}

/// One at random, by share, other than `but`.
fn draw(candidates: &[Candidate<'_>], but: Option<usize>, dice: u64) -> Option<usize> {
    let others = || (0..candidates.len()).filter(|at| Some(*at) != but);
    let all: u64 = others().map(|at| candidates[at].share.max(1)).sum();
    let mut rest = dice.checked_rem(all)?;
    others().find(|at| {
        let share = candidates[*at].share.max(1);
        let here = rest < share;
        rest = rest.saturating_sub(share);
        here
    })
}

/// Weighted rendezvous hashing: each worker draws a lot for the node, and the best lot wins. When a worker leaves, its
/// nodes are spread over the others and no other node moves.
fn highest(candidates: &[Candidate<'_>], certname: &str) -> Option<usize> {
    let lot = |candidate: &Candidate<'_>| {
        let octets = candidate.name.bytes().chain([0]).chain(certname.bytes());
        // FNV-1a: the same in every front end, and after every update of it.
        let hash = octets.fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        let uniform = (scramble(hash) >> 11) as f64 / (1u64 << 53) as f64;
        // In (0, 1]: the logarithm is finite.
        -(candidate.share.max(1) as f64) / (1.0 - uniform).ln().min(-f64::MIN_POSITIVE)
    };
    (0..candidates.len()).max_by(|a, b| lot(&candidates[*a]).total_cmp(&lot(&candidates[*b])))
}

/// Spreads every bit of a hash over all others (the finalizer of SplitMix64): names that differ in one letter must not
/// have lots that are alike.
fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["w1", "w2", "w3", "w4"];

    fn idle(shares: &[u64]) -> Vec<Candidate<'static>> {
        let candidate = |(index, share): (usize, &u64)| Candidate {
            index,
            name: NAMES[index],
            share: *share,
            in_flight: 0,
        };
        shares.iter().enumerate().map(candidate).collect()
    }

    fn counts(balance: Balance, candidates: &[Candidate<'_>], rounds: u64) -> Vec<u64> {
        let mut turns = vec![0; candidates.len()];
        let mut counts = vec![0; candidates.len()];
        for round in 0..rounds {
            let certname = format!("node{round}.example.com");
            let circumstances = Circumstances { certname: Some(&certname), dice: scramble(round) };
            counts[choose(balance, candidates, circumstances, &mut turns).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_gives_each_its_share_and_never_in_a_lump() {
        let candidates = idle(&[3000, 1000, 1000]);
        assert_eq!(counts(Balance::RoundRobin, &candidates, 500), [300, 100, 100]);
        let mut turns = vec![0; 3];
        let order: Vec<usize> = (0..5)
            .map(|_| choose(Balance::RoundRobin, &candidates, Circumstances::default(), &mut turns).unwrap())
            .collect();
        assert_eq!(order, [0, 1, 0, 2, 0]);
    }

    #[test]
    fn a_node_stays_with_its_worker_and_only_those_of_a_lost_one_move() {
        let all = idle(&[1000, 1000, 1000, 1000]);
        let place = |candidates: &[Candidate<'_>], node: u64| {
            let certname = format!("node{node}");
            let circumstances = Circumstances { certname: Some(&certname), dice: node };
            candidates[choose(Balance::Certname, candidates, circumstances, &mut [0; 4]).unwrap()].index
        };
        let without_second: Vec<Candidate<'_>> = all.iter().copied().filter(|one| one.index != 1).collect();
        let mut moved = [0u32; 4];
        for node in 0..4000 {
            let (before, after) = (place(&all, node), place(&without_second, node));
            if before == 1 {
                moved[after] += 1;
            } else {
                assert_eq!(before, after, "node{node} moved though its worker stayed");
            }
        }
        assert!(moved[1] == 0 && [0, 2, 3].iter().all(|at| moved[*at] > 250), "{moved:?}");
    }

    #[test]
    fn shares_are_kept_by_name_and_by_lot() {
        let candidates = idle(&[3000, 1000]);
        for balance in [Balance::Certname, Balance::PowerOfTwo] {
            let counts = counts(balance, &candidates, 10_000);
            // Of two drawn, the less busy for its share: an idle heavy one is always that.
            let expected = if balance == Balance::Certname { 7_200..7_800 } else { 9_900..10_001 };
            assert!(expected.contains(&counts[0]), "{balance:?} {counts:?}");
        }
    }

    #[test]
    fn the_busier_of_two_is_left_alone() {
        let mut candidates = idle(&[1000, 1000, 1000, 1000]);
        candidates[2].in_flight = 5;
        assert_eq!(counts(Balance::PowerOfTwo, &candidates, 1000)[2], 0);
        let [a, b, c, d] = counts(Balance::PowerOfTwo, &idle(&[1000; 4]), 1000)[..] else { panic!() };
        assert!([a, b, c, d].iter().all(|count| *count > 150), "{a} {b} {c} {d}");
    }

    #[test]
    fn nobody_can_be_chosen_of_none() {
        for (_, balance) in Balance::ALL {
            assert_eq!(choose(balance, &[], Circumstances::default(), &mut []), None);
        }
    }
}
