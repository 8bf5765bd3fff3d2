//! What several front ends conclude together. They share one value; members answer each of them as its way allows.

use std::collections::{BTreeMap, BTreeSet};

use replica::flaws::Flaws;
use replica::frame::Body;
use replica::monitor::{Action, Event, Failback, Failure, Hold, Monitor, Settings, Sight, Timings};
use replica::{ClusterId, Configuration, Epoch, Frame, MemberName, Position, Report, Role};

fn name(text: &str) -> MemberName {
    MemberName::new(text)
}

fn configuration(version: u64, epoch: u64, primary: &str, in_sync: &[&str]) -> Configuration {
    let first = Configuration::first(ClusterId::new("c"), name(primary));
    let in_sync: BTreeSet<MemberName> = in_sync.iter().map(|text| name(text)).collect();
    Configuration { version, epoch: Epoch(epoch), in_sync, ..first }
}

/// Front ends `front-1`…, members `ca-1` and `ca-2`, and the register between them. Everything is answered at once.
struct Stage {
    monitors: Vec<Monitor>,
    now: u64,
    register: Configuration,
    sights: BTreeMap<usize, Sight>,
    /// Ways that are cut: front end, member.
    cut: BTreeSet<(usize, String)>,
    /// Front ends that do not run.
    dead: BTreeSet<usize>,
    /// Front ends that do not reach the register.
    blind: BTreeSet<usize>,
    /// So many changes of the register get no answer, and are not made.
    swallowed: u32,
    handoffs: Vec<usize>,
}

impl Stage {
    fn new(front_ends: usize, primary: &str) -> Stage {
        let settings = |number: usize| Settings {
            name: name(&format!("front-{}", number + 1)),
            cluster: ClusterId::new("c"),
            members: vec![name("ca-1"), name("ca-2")],
            failback: Failback::After(2_000),
            timings: Timings::default(),
            shared: true,
            flaws: Flaws::default(),
        };
        let mut stage = Stage {
            monitors: (0..front_ends).map(|number| Monitor::new(settings(number), 0)).collect(),
            now: 0,
            register: configuration(4, 3, primary, &["ca-1", "ca-2"]),
            sights: BTreeMap::new(),
            cut: BTreeSet::new(),
            dead: BTreeSet::new(),
            blind: BTreeSet::new(),
            swallowed: 0,
            handoffs: Vec::new(),
        };
        stage.pass(500);
        stage
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.now += 10;
            for number in 0..self.monitors.len() {
                if !self.dead.contains(&number) {
                    self.happen(number, Event::Tick);
                    if self.now.is_multiple_of(100) {
                        self.read(number);
                    }
                }
            }
        }
    }

    fn read(&mut self, number: usize) {
        if self.blind.contains(&number) {
            return self.happen(number, Event::RegisterUnavailable);
        }
        self.happen(number, Event::Sights(self.sights.values().cloned().collect()));
        self.happen(number, Event::Register(Some(self.register.clone())));
    }

    fn happen(&mut self, number: usize, event: Event) {
        for action in self.monitors[number].step(event, self.now) {
            match action {
                Action::Probe { member, ticket, .. } => {
                    let result = if self.cut.contains(&(number, member.as_str().to_owned())) {
                        Err(Failure::Refused)
                    } else {
                        Ok(self.report(&member))
                    };
                    self.happen(number, Event::Probed { member, ticket, result });
                }
                Action::Handoff { .. } => self.handoffs.push(number),
                Action::Publish(_) | Action::ReadRegister | Action::CompareAndSet { .. }
                    if self.blind.contains(&number) =>
                {
                    self.happen(number, Event::RegisterUnavailable);
                }
                Action::Publish(sight) => {
                    self.sights.insert(number, sight);
                    self.read(number);
                }
                Action::ReadRegister => self.read(number),
                Action::CompareAndSet { .. } if self.swallowed > 0 => {
                    self.swallowed -= 1;
                    self.happen(number, Event::RegisterUnavailable);
                }
                Action::CompareAndSet { expected_version, configuration } => {
                    if expected_version == self.register.version {
                        self.register = configuration;
                    }
                    self.read(number);
                }
                Action::Tell(_) => {}
            }
        }
    }

    fn report(&self, member: &MemberName) -> Frame {
        let report = Report {
            name: member.clone(),
            role: if self.register.primary == *member { Role::Primary } else { Role::Standby },
            configuration: Some(self.register.clone()),
            position: Position { epoch: Epoch(1), index: 5, checksum: 5 },
            committed: 5,
            joined: true,
            fault: None,
            stalled_ms: 0,
            level: 1,
            matched: BTreeMap::new(),
        };
        Frame::new(ClusterId::new("c"), Epoch(1), member.clone(), Body::Report(report))
    }

    fn cut(&mut self, number: usize, member: &str) {
        self.cut.insert((number, member.to_owned()));
    }

    fn primary(&self) -> &str {
        self.register.primary.as_str()
    }
}

#[test]
fn one_that_alone_lost_the_primary_does_not_depose_it() {
    let mut stage = Stage::new(2, "ca-1");
    stage.cut(0, "ca-1");
    stage.pass(20_000);
    assert_eq!((stage.primary(), stage.register.epoch), ("ca-1", Epoch(3)));
    let (lonely, other) = (stage.monitors[0].view(), stage.monitors[1].view());
    let Some(Hold::Overruled { primary, by, .. }) = lonely.hold else { panic!("{:?}", lonely.hold) };
    assert_eq!((primary, by), (name("ca-1"), vec![name("front-2")]));
    assert_eq!(other.active, Some(name("ca-1")), "agents are served there");
    assert_eq!(
        (lonely.active, lonely.through),
        (Some(name("ca-1")), vec![name("front-2")]),
        "and through there"
    );
    assert_eq!(other.through, []);
    assert!(stage.handoffs.is_empty());
}

#[test]
fn requests_take_no_detour_to_a_primary_that_is_gone() {
    let mut stage = Stage::new(2, "ca-1");
    stage.cut(0, "ca-1");
    stage.pass(100);
    assert_eq!((stage.monitors[0].view().active, stage.monitors[0].view().through), (None, vec![]));
    stage.cut(1, "ca-1");
    stage.pass(400);
    assert_eq!(stage.primary(), "ca-2");
    assert_eq!(stage.monitors[0].view().through, []);
}

#[test]
fn together_they_do_and_at_once() {
    let mut stage = Stage::new(2, "ca-1");
    stage.cut(0, "ca-1");
    stage.pass(5_000);
    stage.cut(1, "ca-1");
    stage.pass(400);
    assert_eq!((stage.primary(), stage.register.epoch), ("ca-2", Epoch(4)), "once, not twice");
    stage.pass(1_000);
    assert!(stage.monitors.iter().all(|monitor| monitor.view().active == Some(name("ca-2"))));
}

#[test]
fn a_change_without_an_answer_is_asked_for_anew_with_the_next_reading() {
    let mut stage = Stage::new(2, "ca-1");
    stage.swallowed = 3;
    stage.cut(0, "ca-1");
    stage.cut(1, "ca-1");
    stage.pass(1_000);
    assert_eq!((stage.swallowed, stage.primary()), (0, "ca-2"));
}

#[test]
fn more_than_half_of_them_are_enough() {
    let mut stage = Stage::new(3, "ca-1");
    stage.cut(0, "ca-1");
    stage.pass(5_000);
    assert_eq!(stage.primary(), "ca-1");
    stage.cut(2, "ca-1");
    stage.pass(500);
    assert_eq!(stage.primary(), "ca-2");
}

#[test]
fn a_dead_one_counts_until_its_lease_has_run_out() {
    let mut stage = Stage::new(2, "ca-1");
    stage.dead.insert(1);
    stage.cut(0, "ca-1");
    stage.pass(1_000);
    assert_eq!(stage.primary(), "ca-1", "its last word stands");
    stage.sights.remove(&1);
    stage.pass(500);
    assert_eq!(stage.primary(), "ca-2");
}

#[test]
fn nobody_fails_back_to_a_member_that_another_one_does_not_reach() {
    let mut stage = Stage::new(2, "ca-2");
    stage.cut(1, "ca-1");
    stage.pass(10_000);
    assert!(stage.handoffs.is_empty());
    stage.cut.clear();
    stage.pass(3_000);
    assert_eq!(stage.handoffs.first(), Some(&0), "the first of them by name");
    assert!(!stage.handoffs.contains(&1));
}

#[test]
fn a_member_held_back_at_one_of_them_is_held_back_at_all() {
    let mut stage = Stage::new(2, "ca-2");
    stage.happen(1, Event::Maintain { members: BTreeSet::from([name("ca-1")]) });
    stage.pass(10_000);
    assert!(stage.handoffs.is_empty(), "front-1 would have failed back");
    stage.happen(1, Event::Maintain { members: BTreeSet::new() });
    stage.pass(3_000);
    assert_eq!(stage.handoffs.first(), Some(&0));
}

#[test]
fn without_the_register_the_last_value_goes_on_and_nothing_changes() {
    let mut stage = Stage::new(2, "ca-1");
    stage.blind.extend([0, 1]);
    stage.pass(2_000);
    for monitor in &stage.monitors {
        let view = monitor.view();
        assert_eq!((view.active, view.successor), (Some(name("ca-1")), None));
        assert!(view.unreadable_since.is_some());
    }
    stage.cut(0, "ca-1");
    stage.cut(1, "ca-1");
    stage.pass(5_000);
    assert_eq!(stage.primary(), "ca-1");
    let hold = stage.monitors[0].view().hold;
    assert!(matches!(hold, Some(Hold::NoRegister { .. })), "{hold:?}");
    stage.blind.clear();
    stage.pass(1_000);
    assert_eq!(stage.primary(), "ca-2", "as soon as it answers");
}

#[test]
fn one_that_lost_the_register_follows_what_members_show() {
    let mut stage = Stage::new(2, "ca-1");
    stage.blind.insert(0);
    stage.pass(500);
    stage.register = configuration(5, 4, "ca-2", &["ca-1", "ca-2"]);
    stage.pass(1_000);
    let view = stage.monitors[0].view();
    assert_eq!((view.epoch, view.active), (Epoch(4), Some(name("ca-2"))));
    stage.happen(0, Event::Force { to: name("ca-1") });
    assert_eq!(stage.primary(), "ca-2", "even an operator cannot write what cannot be written");
}

#[test]
fn an_earlier_reading_serves_a_start_without_the_register() {
    let mut stage = Stage::new(1, "ca-1");
    let settings = Settings {
        name: name("front-1"),
        cluster: ClusterId::new("c"),
        members: vec![name("ca-1"), name("ca-2")],
        failback: Failback::Manual,
        timings: Timings::default(),
        shared: true,
        flaws: Flaws::default(),
    };
    stage.monitors[0] = Monitor::new(settings, stage.now);
    stage.blind.insert(0);
    stage.happen(0, Event::RegisterUnavailable);
    let remembered = stage.register.clone();
    stage.happen(0, Event::Remembered(remembered));
    stage.pass(500);
    assert_eq!(stage.monitors[0].view().active, Some(name("ca-1")));
}
