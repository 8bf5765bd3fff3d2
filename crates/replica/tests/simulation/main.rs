//! Seeded simulation of a whole estate over the real code. A seed reproduces a run:
//! `BUNRAKU_SEED=17 cargo test -p replica --test simulation one_seed -- --nocapture` prints its story.

mod disk;
mod faults;
mod machine;
mod node;
mod oracle;
mod random;
mod world;

use replica::flaws::Flaws;

use crate::world::{Plan, World};

const FAULTS_MS: u64 = 10_000;
const CALM_MS: u64 = 20_000;

struct Outcome {
    violation: Option<String>,
    acknowledged: usize,
    epochs: usize,
    story: Vec<String>,
}

fn run(seed: u64, flaws: Flaws, tell: bool) -> Outcome {
    let plan =
        Plan { members: 2 + (seed % 3 == 0) as usize, faults: true, fault_ms: 300 + seed % 7 * 300, flaws };
    let mut world = World::new(seed, plan);
    world.trace = tell.then(Vec::new);
    world.run_until(10_000 + FAULTS_MS);
    if world.oracle.violation.is_none() {
        liveness(&mut world);
    }
    Outcome {
        acknowledged: world.oracle.acknowledged(),
        epochs: world.oracle.epochs_that_acknowledged(),
        violation: world.oracle.violation,
        story: world.trace.unwrap_or_default(),
    }
}

/// Promise 8: soon after faults stop, the preferred member is active, everybody in sync, and wishes come true.
fn liveness(world: &mut World) {
    world.calm_down();
    let end = world.now + CALM_MS;
    let mut before = world.oracle.acknowledged();
    while world.now < end && world.oracle.violation.is_none() {
        world.run_until(world.now + 500);
        let view = world.front.as_ref().map(|front| front.monitor.view());
        let registered = world.registered();
        let settled = registered.is_some_and(|registered| {
            registered.primary.as_str() == "ca-1" && registered.in_sync.len() == world.plan.members
        });
        let active = view.is_some_and(|view| view.active.is_some_and(|active| active.as_str() == "ca-1"));
        if settled && active && world.oracle.acknowledged() > before {
            return;
        }
        before = world.oracle.acknowledged();
    }
    let view = world.front.as_ref().map(|front| front.monitor.view());
    let registered = world.registered();
    world.oracle.violated(format!("no peace after the faults: {registered:?} {view:?}"));
}

fn seeds(from: u64, to: u64, flaws: Flaws) -> (Option<(u64, String)>, usize, usize) {
    let (mut acknowledged, mut epochs) = (0, 0);
    for seed in from..=to {
        let outcome = run(seed, flaws, false);
        if let Some(violation) = outcome.violation {
            return (Some((seed, violation)), acknowledged, epochs);
        }
        acknowledged += outcome.acknowledged;
        epochs += outcome.epochs;
    }
    (None, acknowledged, epochs)
}

#[test]
fn promises_hold_under_every_seed() {
    let last = std::env::var("BUNRAKU_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let (violation, acknowledged, epochs) = seeds(1, last, Flaws::default());
    if let Some((seed, violation)) = violation {
        panic!("seed {seed}: {violation}");
    }
    println!("{last} seeds: {acknowledged} acknowledged changes in {epochs} epochs");
    assert!(acknowledged as u64 > 50 * last, "the workload works: {acknowledged}");
    assert!(epochs as u64 > 2 * last, "there were failovers: {epochs}");
}

#[test]
fn one_seed() {
    let Some(seed) = std::env::var("BUNRAKU_SEED").ok().and_then(|text| text.parse().ok()) else { return };
    let outcome = run(seed, Flaws::default(), true);
    outcome.story.iter().for_each(|line| println!("{line}"));
    assert_eq!(outcome.violation, None);
}

/// Each deliberate bug must be noticed by one of the seeds, or the silence of the others means nothing.
#[test]
fn every_flaw_is_caught() {
    let flaws: [(&str, fn(&mut Flaws)); 12] = [
        ("no epoch check", |flaws| flaws.no_epoch_check = true),
        ("standby acknowledges before the flush", |flaws| flaws.standby_acks_before_flush = true),
        ("primary acknowledges before the flush", |flaws| flaws.primary_acks_before_flush = true),
        ("drop a standby without the register", |flaws| flaws.drop_without_register = true),
        ("admit a standby that lacks entries", |flaws| flaws.admit_unfinished = true),
        ("same epoch after a restart", |flaws| flaws.same_epoch_after_restart = true),
        ("act before the marker", |flaws| flaws.act_before_marker = true),
        ("trust a lost disk", |flaws| flaws.trust_lost_disk = true),
        ("forget the epoch", |flaws| flaws.forget_epoch = true),
        ("keep leftovers", |flaws| flaws.keep_leftovers = true),
        ("fail back without the last frame", |flaws| flaws.fail_back_unsynced = true),
        ("fail over to anyone", |flaws| flaws.fail_over_to_anyone = true),
    ];
    let mut missed = Vec::new();
    for (name, switch) in flaws {
        let mut flawed = Flaws::default();
        switch(&mut flawed);
        match seeds(1, 300, flawed).0 {
            Some((seed, violation)) => {
                let line: String = violation.chars().take(140).collect();
                println!("{name}: seed {seed}: {line}");
            }
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
