//! The short run: every kept input, and so many mutations of each target's inputs. Always the same ones.

use fuzz::{Mutator, TARGETS, corpus};

/// For each target, unless `BUNRAKU_MUTATIONS` says how many. Days of them are for the long run.
const MUTATIONS: usize = 10_000;

fn mutations() -> usize {
    std::env::var("BUNRAKU_MUTATIONS").map_or(MUTATIONS, |many| many.parse().expect("a number of mutations"))
}

/// All targets, or the one that `BUNRAKU_FUZZ` names.
fn chosen() -> Vec<fuzz::Target> {
    let named = std::env::var("BUNRAKU_FUZZ").ok();
    let chosen = TARGETS.into_iter().filter(|target| named.as_deref().is_none_or(|name| name == target.name));
    let chosen: Vec<fuzz::Target> = chosen.collect();
    assert!(!chosen.is_empty(), "BUNRAKU_FUZZ names no target");
    chosen
}

/// Fails with the input in a form that can be kept.
fn attack(target: &fuzz::Target, origin: &str, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| (target.run)(input));
    assert!(
        outcome.is_ok(),
        "{} fails on {origin}; keep it in crates/fuzz/corpus/{}/:\n{}",
        target.name,
        target.name,
        input.escape_ascii(),
    );
}

#[test]
fn every_kept_input_keeps_the_promises() {
    for target in TARGETS {
        let inputs = corpus(target.name).unwrap_or_else(|fault| panic!("corpus/{}: {fault}", target.name));
        assert!(inputs.len() >= 3, "the corpus of {} is poor", target.name);
        for (name, input) in inputs {
            attack(&target, &name, &input);
        }
        attack(&target, "nothing", b"");
    }
}

#[test]
fn seeded_mutations_keep_the_promises() {
    std::thread::scope(|scope| {
        for target in chosen() {
            // The same for a target whether it runs alone or among others.
            let seed = TARGETS.iter().position(|one| one.name == target.name).unwrap_or_default();
            scope.spawn(move || {
                let mut inputs: Vec<Vec<u8>> =
                    corpus(target.name).unwrap().into_iter().map(|(_, input)| input).collect();
                inputs.push(Vec::new());
                let mut source = Mutator::new(seed as u64);
                for number in 0..mutations() {
                    let input = source.next(&inputs, target.words);
                    attack(&target, &format!("mutation {number}"), &input);
                }
            });
        }
    });
}

#[test]
fn a_target_can_fail() {
    fn picky(input: &[u8]) {
        assert!(!input.contains(&0x80), "an octet that is not liked");
    }
    let broken = fuzz::Target { name: "picky", run: picky, words: &[b"\x80"] };
    let mut source = Mutator::new(1);
    let found = (0..1000).any(|_| {
        let input = source.next(&[b"harmless".to_vec()], broken.words);
        std::panic::catch_unwind(|| (broken.run)(&input)).is_err()
    });
    assert!(found, "the mutations do not reach what they should");
}
