//! Seeded simulation of a whole estate over the real code. A seed reproduces a run:
//! `BUNRAKU_SEED=17 cargo test -p replica --test simulation one_seed -- --nocapture` prints its story.

mod clients;
mod clocks;
mod disk;
mod faults;
mod machine;
mod node;
mod oracle;
mod random;
mod store;
mod world;

use std::collections::BTreeMap;

use replica::flaws::Flaws;
use replica::monitor::View;

use crate::world::{Plan, World};

const FAULTS_MS: u64 = 10_000;
const CALM_MS: u64 = 20_000;

struct Outcome {
    violation: Option<String>,
    acknowledged: usize,
    epochs: usize,
    steps: u64,
    happened: BTreeMap<String, u64>,
    story: Vec<String>,
}

/// What is simulated, besides the seed.
#[derive(Clone, Copy)]
struct Estate {
    fronts: usize,
    /// See [`Plan::warnings`].
    warnings: bool,
    flaws: Flaws,
}

impl Estate {
    fn with(fronts: usize) -> Estate {
        Estate { fronts, warnings: false, flaws: Flaws::default() }
    }
}

fn run(seed: u64, estate: Estate, tell: bool) -> Outcome {
    let plan = Plan {
        members: 2 + usize::from(seed.is_multiple_of(3)),
        fronts: estate.fronts,
        faults: true,
        fault_ms: 300 + seed % 7 * 300,
        warnings: estate.warnings,
        // Not those that are known for what they have found.
        together: matches!(seed % 11, 0 | 5 | 7 | 10),
        flaws: estate.flaws,
    };
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
        steps: world.steps,
        happened: world.happened,
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
        let views = world.views();
        let registered = world.registered();
        let settled = registered.is_some_and(|registered| {
            registered.primary.as_str() == "ca-1" && registered.in_sync.len() == world.plan.members
        });
        let home = |view: &View| view.active.as_ref().is_some_and(|active| active.as_str() == "ca-1");
        let active = views.len() == world.plan.fronts && views.iter().all(home);
        if settled && active && world.oracle.acknowledged() > before {
            return;
        }
        before = world.oracle.acknowledged();
    }
    let views = world.views();
    let registered = world.registered();
    world.oracle.violated(format!("no peace after the faults: {registered:?} {views:?}"));
}

/// What came of many runs.
#[derive(Default)]
struct Sum {
    violation: Option<(u64, String)>,
    acknowledged: usize,
    epochs: usize,
    steps: u64,
    happened: BTreeMap<String, u64>,
}

fn seeds(from: u64, to: u64, estate: Estate) -> Sum {
    let mut sum = Sum::default();
    for seed in from..=to {
        let outcome = run(seed, estate, false);
        sum.acknowledged += outcome.acknowledged;
        sum.epochs += outcome.epochs;
        sum.steps += outcome.steps;
        for (fact, times) in outcome.happened {
            *sum.happened.entry(fact).or_default() += times;
        }
        if let Some(violation) = outcome.violation {
            sum.violation = Some((seed, violation));
            break;
        }
    }
    sum
}

/// A number of seeds from the environment (for long runs), or the usual one.
fn wanted(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Runs the wanted seeds; the promises must hold, and the facts must have happened.
fn promises_hold(estate: Estate, usual: u64, facts: &[&str]) {
    let fronts = estate.fronts;
    let first = wanted("BUNRAKU_FIRST_SEED", 1);
    let count = wanted("BUNRAKU_SEEDS", usual);
    let sum = seeds(first, first + count - 1, estate);
    if let Some((seed, violation)) = sum.violation {
        panic!("seed {seed}, {fronts} front ends: {violation}");
    }
    println!(
        "{count} seeds, {fronts} front ends, {} steps: {} acknowledged changes in {} epochs",
        sum.steps, sum.acknowledged, sum.epochs
    );
    println!("{:?}", sum.happened);
    assert!(sum.acknowledged as u64 > 50 * count, "the workload works: {}", sum.acknowledged);
    assert!(sum.epochs as u64 > 2 * count, "there were failovers: {}", sum.epochs);
    // A silent simulation proves only what has happened in it.
    let usual_facts = if estate.warnings { &FACTS[..1] } else { &FACTS[..] };
    for fact in usual_facts.iter().chain(facts) {
        assert!(
            sum.happened.contains_key(*fact) || count < usual,
            "{fact} never happened: {:?}",
            sum.happened
        );
    }
}

const FACTS: [&str; 12] = [
    "FailOver",
    "Switchover",
    "SwitchoverFailed",
    "Holding",
    "Deposed",
    "Truncated",
    "Admitted",
    "Removed",
    "SnapshotLoaded",
    "Faulted",
    "Recovered",
    "HostLost",
];

#[test]
fn promises_hold_under_every_seed() {
    promises_hold(Estate::with(1), 500, &[]);
}

/// The same with two and three front ends, whose register is elsewhere: it may be slow, silent, or gone for some of them.
#[test]
fn promises_hold_with_several_front_ends() {
    let facts = ["Overruled", "Detour", "NoRegister", "Remembered", "OutcomeUnknown"];
    promises_hold(Estate::with(2), 200, &facts);
    promises_hold(Estate::with(3), 100, &facts);
}

/// The same where firewalls answer one packet in many, and where the network warns of members that are well.
#[test]
fn promises_hold_when_the_network_warns() {
    for fronts in [1, 2] {
        promises_hold(Estate { warnings: true, ..Estate::with(fronts) }, 80, &["Warned"]);
    }
}

#[test]
fn one_seed() {
    let Some(seed) = std::env::var("BUNRAKU_SEED").ok().and_then(|text| text.parse().ok()) else { return };
    let warnings = wanted("BUNRAKU_WARNINGS", 0) != 0;
    let estate = Estate { warnings, ..Estate::with(wanted("BUNRAKU_FRONT_ENDS", 1) as usize) };
    let outcome = run(seed, estate, true);
    outcome.story.iter().for_each(|line| println!("{line}"));
    assert_eq!(outcome.violation, None);
}

/// Name of a deliberate bug, and how it is switched on.
type Switch = (&'static str, fn(&mut Flaws));

/// Each deliberate bug must be noticed by one of the seeds, or the silence of the others means nothing.
#[test]
fn every_flaw_is_caught() {
    let flaws: [Switch; 18] = [
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
        ("trust a change of unknown outcome", |flaws| flaws.trust_unconfirmed = true),
        ("confirm with any one standby", |flaws| flaws.confirm_with_any = true),
        ("flush without flushing", |flaws| flaws.lying_flush = true),
        ("reuse a serial after a crash", |flaws| flaws.reuse_serial_after_crash = true),
        ("carry a request out twice", |flaws| flaws.forget_requests = true),
        ("lose a snapshot", |flaws| flaws.lose_snapshot = true),
    ];
    let mut missed = Vec::new();
    for (name, switch) in flaws {
        let mut flawed = Flaws::default();
        switch(&mut flawed);
        // Only where the register is elsewhere can an outcome be unknown.
        let fronts = 1 + usize::from(flawed.trust_unconfirmed);
        // Not more than every run tries of the whole code.
        match seeds(1, 500, Estate { flaws: flawed, ..Estate::with(fronts) }).violation {
            Some((seed, violation)) => {
                let line: String = violation.chars().take(140).collect();
                println!("{name}: seed {seed}: {line}");
            }
            None => missed.push(name),
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
