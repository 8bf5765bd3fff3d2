//! The monitor's decisions and how soon they come, with members that are played by the test.

use std::collections::{BTreeMap, BTreeSet};

use replica::flaws::Flaws;
use replica::frame::{Body, Denial};
use replica::monitor::{
    Action, Event, Failback, Failure, ForceRefusal, Hold, MemberState, Monitor, Settings, Timings,
};
use replica::{ClusterId, Configuration, Epoch, Fault, Frame, MemberName, Position, Report, Role};

fn name(text: &str) -> MemberName {
    MemberName::new(text)
}

fn set(names: &[&str]) -> BTreeSet<MemberName> {
    names.iter().map(|text| name(text)).collect()
}

fn configuration(version: u64, epoch: u64, primary: &str, in_sync: &[&str]) -> Configuration {
    let first = Configuration::first(ClusterId::new("c"), name(primary));
    Configuration { version, epoch: Epoch(epoch), in_sync: set(in_sync), ..first }
}

/// How a played member behaves.
#[derive(Clone)]
enum Conduct {
    Answers(Report),
    Refuses,
    Silent,
}

struct Stage {
    monitor: Monitor,
    now: u64,
    register: Option<Configuration>,
    members: BTreeMap<MemberName, Conduct>,
    /// Answers under way, by time.
    coming: BTreeMap<(u64, u64), Event>,
    handoffs: u64,
    denies_handoff: bool,
    said: Vec<String>,
}

const START: u64 = 1_000_000;

impl Stage {
    fn new(register: Option<Configuration>) -> Stage {
        let settings = Settings {
            name: name("front"),
            cluster: ClusterId::new("c"),
            members: vec![name("ca-1"), name("ca-2")],
            failback: Failback::After(2_000),
            timings: Timings::default(),
            shared: false,
            flaws: Flaws::default(),
        };
        let monitor = Monitor::new(settings, START);
        let mut stage = Stage {
            monitor,
            now: START,
            register: register.clone(),
            members: BTreeMap::new(),
            coming: BTreeMap::new(),
            handoffs: 0,
            denies_handoff: false,
            said: Vec::new(),
        };
        for member in ["ca-1", "ca-2"] {
            stage.answers(member, |_| {});
        }
        stage.happen(Event::Register(register));
        stage
    }

    /// `member` answers with a report that fits the register, changed by `change`.
    fn answers(&mut self, member: &str, change: impl Fn(&mut Report)) {
        let primary = self.register.as_ref().is_some_and(|known| known.primary == name(member));
        let mut report = Report {
            name: name(member),
            role: if primary { Role::Primary } else { Role::Standby },
            configuration: self.register.clone(),
            position: Position { epoch: Epoch(1), index: 5, checksum: 5 },
            committed: 5,
            joined: true,
            fault: None,
            stalled_ms: 0,
            matched: BTreeMap::new(),
            level: 0,
        };
        change(&mut report);
        self.members.insert(name(member), Conduct::Answers(report));
    }

    fn conduct(&mut self, member: &str, conduct: Conduct) {
        self.members.insert(name(member), conduct);
    }

    fn answer_later(&mut self, after: u64, event: Event) {
        let number = self.coming.len() as u64;
        self.coming.insert((self.now + after, number + 1000 * self.now), event);
    }

    fn happen(&mut self, event: Event) {
        for action in self.monitor.step(event, self.now) {
            match action {
                Action::Probe { member, ticket, .. } => {
                    let (after, result) = match &self.members[&member] {
                        Conduct::Answers(report) => {
                            (2, Ok(self.frame(&member, Body::Report(report.clone()))))
                        }
                        Conduct::Refuses => (1, Err(Failure::Refused)),
                        Conduct::Silent => (500, Err(Failure::TimedOut)),
                    };
                    self.answer_later(after, Event::Probed { member, ticket, result });
                }
                Action::Handoff { member, ticket, .. } => {
                    self.handoffs += 1;
                    let body = if self.denies_handoff {
                        Body::Denied(Denial::Busy)
                    } else {
                        Body::HandedOver(Position { epoch: Epoch(1), index: 5, checksum: 5 })
                    };
                    let result = Ok(self.frame(&member, body));
                    self.answer_later(5, Event::HandoffAnswered { member, ticket, result });
                }
                Action::CompareAndSet { expected_version, configuration } => {
                    assert_eq!(expected_version, self.register.as_ref().map_or(0, |known| known.version));
                    self.register = Some(configuration);
                    self.answer_later(0, Event::Register(self.register.clone()));
                }
                Action::Publish(_) | Action::ReadRegister => panic!("there is only one front end"),
                Action::Tell(change) => self.said.push(change.to_string()),
            }
        }
    }

    fn frame(&self, member: &MemberName, body: Body) -> Frame {
        Frame::new(ClusterId::new("c"), Epoch(1), member.clone(), body)
    }

    /// Lets `ms` pass.
    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let answer = self.coming.keys().next().map(|key| key.0);
            let next = answer.unwrap_or(u64::MAX).min(self.monitor.wake_at().max(self.now + 1));
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            match self.coming.first_key_value() {
                Some((key, _)) if key.0 <= self.now => {
                    let (_, event) = self.coming.pop_first().unwrap();
                    self.happen(event);
                }
                _ => self.happen(Event::Tick),
            }
        }
    }

    /// How long until the register names `primary`, at most `limit` ms.
    fn until_primary(&mut self, primary: &str, limit: u64) -> Option<u64> {
        let began = self.now;
        while self.now < began + limit {
            if self.primary() == primary {
                return Some(self.now - began);
            }
            self.pass(1);
        }
        None
    }

    fn primary(&self) -> &str {
        self.register.as_ref().map_or("", |known| known.primary.as_str())
    }

    fn epoch(&self) -> u64 {
        self.register.as_ref().map_or(0, |known| known.epoch.0)
    }
}

/// Two members in sync, all well for three seconds.
fn quiet() -> Stage {
    let mut stage = Stage::new(Some(configuration(4, 3, "ca-1", &["ca-1", "ca-2"])));
    stage.pass(3_000);
    assert_eq!(stage.monitor.view().active, Some(name("ca-1")));
    assert_eq!(stage.monitor.view().successor, Some(name("ca-2")));
    assert_eq!(stage.epoch(), 3);
    stage
}

#[test]
fn a_refused_connection_of_a_client_names_the_standby_within_100_ms() {
    let mut stage = quiet();
    stage.pass(10);
    stage.conduct("ca-1", Conduct::Refuses);
    stage.happen(Event::ConnectFailed { member: name("ca-1"), failure: Failure::Refused });
    let took = stage.until_primary("ca-2", 2_000).unwrap();
    assert!(took < 100, "{took} ms");
    assert_eq!(stage.register, Some(configuration(5, 4, "ca-2", &["ca-2"])));
    let expected = "ca-1 does not answer (connection refused): failing over to ca-2 in epoch 4";
    stage.pass(1);
    assert!(stage.said.iter().any(|line| line == expected), "{:?}", stage.said);
}

#[test]
fn a_refused_probe_is_enough() {
    let mut stage = quiet();
    stage.conduct("ca-1", Conduct::Refuses);
    let took = stage.until_primary("ca-2", 2_000).unwrap();
    assert!(took < 350, "{took} ms with a probe every 250 ms");
}

#[test]
fn a_silent_primary_is_replaced_within_1500_ms() {
    for offset in [0, 60, 120, 180, 240] {
        let mut stage = quiet();
        stage.pass(offset);
        stage.conduct("ca-1", Conduct::Silent);
        let took = stage.until_primary("ca-2", 5_000).unwrap();
        assert!((900..1_500).contains(&took), "{took} ms");
    }
}

#[test]
fn one_lost_probe_changes_nothing() {
    let mut stage = quiet();
    stage.conduct("ca-1", Conduct::Silent);
    stage.pass(300);
    stage.answers("ca-1", |_| {});
    stage.pass(3_000);
    assert_eq!(stage.epoch(), 3);
}

#[test]
fn a_warning_of_the_network_and_a_short_silence_are_enough() {
    for offset in [0, 60, 120, 180, 240] {
        let mut stage = quiet();
        stage.pass(offset);
        stage.conduct("ca-1", Conduct::Silent);
        stage.happen(Event::Warned { member: name("ca-1") });
        stage.pass(20);
        // Another connection says the same: that is no reason to wait for longer.
        stage.happen(Event::Warned { member: name("ca-1") });
        let took = 20 + stage.until_primary("ca-2", 5_000).unwrap();
        assert!((150..250).contains(&took), "{took} ms");
    }
}

#[test]
fn a_warning_of_the_network_changes_nothing_while_the_primary_answers() {
    let mut stage = quiet();
    for _ in 0..20 {
        stage.happen(Event::Warned { member: name("ca-1") });
        assert_eq!(stage.monitor.view().active, Some(name("ca-1")), "requests go on meanwhile");
        stage.pass(137);
    }
    stage.pass(3_000);
    assert_eq!(stage.epoch(), 3);
    assert!(stage.said.iter().all(|line| !line.contains("failing over")), "{:?}", stage.said);
}

#[test]
fn an_answer_from_before_a_warning_does_not_disprove_it() {
    let mut stage = quiet();
    let asked = |event: &Event| matches!(event, Event::Probed { member, .. } if *member == name("ca-1"));
    while !stage.coming.values().any(asked) {
        stage.pass(1);
    }
    stage.conduct("ca-1", Conduct::Silent);
    stage.happen(Event::Warned { member: name("ca-1") });
    assert!(stage.until_primary("ca-2", 250).is_some());
}

#[test]
fn nobody_takes_over_who_lacks_something_or_does_not_answer() {
    let mut stage = Stage::new(Some(configuration(4, 3, "ca-1", &["ca-1"])));
    stage.pass(3_000);
    stage.conduct("ca-1", Conduct::Refuses);
    stage.pass(10_000);
    assert_eq!(stage.primary(), "ca-1", "ca-2 is not in the in-sync set");
    assert!(matches!(stage.monitor.view().hold, Some(Hold::NoSuccessor { .. })));

    let mut stage = quiet();
    stage.conduct("ca-1", Conduct::Refuses);
    stage.conduct("ca-2", Conduct::Refuses);
    stage.pass(10_000);
    assert_eq!(stage.primary(), "ca-1", "ca-2 is down as well");
    stage.answers("ca-2", |_| {});
    assert!(stage.until_primary("ca-2", 400).is_some(), "it comes back first");
}

#[test]
fn nobody_takes_over_whose_disk_was_lost() {
    let mut stage = quiet();
    stage.answers("ca-2", |report| {
        report.joined = false;
        report.role = Role::Joining;
        report.configuration = None;
    });
    stage.conduct("ca-1", Conduct::Refuses);
    stage.happen(Event::ConnectFailed { member: name("ca-1"), failure: Failure::Refused });
    stage.pass(10_000);
    assert_eq!(stage.primary(), "ca-1", "its last report was good, but it is asked again");
}

#[test]
fn a_primary_that_cannot_write_is_replaced_at_once() {
    let mut stage = quiet();
    stage.answers("ca-1", |report| {
        report.fault = Some(Fault::DiskFull);
        report.role = Role::Faulted;
    });
    assert!(stage.until_primary("ca-2", 350).is_some());
    assert!(
        stage.said.iter().any(|line| line.contains("stands aside: its disk is full")),
        "{:?}",
        stage.said
    );
}

#[test]
fn a_primary_that_acknowledges_nothing_is_replaced_after_a_while() {
    let mut stage = quiet();
    stage.answers("ca-1", |report| report.stalled_ms = 3_100);
    assert!(stage.until_primary("ca-2", 350).is_some());
}

#[test]
fn the_preferred_member_gets_the_reign_back_by_a_planned_switchover() {
    let mut stage = Stage::new(Some(configuration(5, 4, "ca-2", &["ca-2"])));
    stage.pass(5_000);
    assert_eq!(stage.handoffs, 0, "it has not everything yet");
    stage.register = Some(configuration(6, 4, "ca-2", &["ca-1", "ca-2"]));
    stage.answers("ca-1", |_| {});
    stage.answers("ca-2", |_| {});
    stage.happen(Event::Register(stage.register.clone()));
    stage.pass(1_900);
    assert_eq!(stage.handoffs, 0, "not long enough in sync");
    let took = stage.until_primary("ca-1", 1_000).unwrap();
    assert!(took < 500, "{took}");
    assert_eq!(stage.handoffs, 1);
    assert_eq!(stage.register, Some(configuration(7, 5, "ca-1", &["ca-1", "ca-2"])));
}

#[test]
fn a_switchover_that_was_asked_for_is_not_undone_in_the_same_moment() {
    let mut stage = quiet();
    stage.pass(10_000);
    stage.happen(Event::Switchover { to: name("ca-2") });
    assert!(stage.until_primary("ca-2", 500).is_some());
    stage.answers("ca-1", |_| {});
    stage.answers("ca-2", |_| {});
    stage.pass(1_900);
    assert_eq!(stage.primary(), "ca-2", "as a standby ca-1 has not been in sync for two seconds");
    assert!(stage.until_primary("ca-1", 1_000).is_some(), "then it is");
}

#[test]
fn a_switchover_that_fails_leaves_everything_as_it_was() {
    let mut stage = Stage::new(Some(configuration(5, 4, "ca-2", &["ca-1", "ca-2"])));
    stage.denies_handoff = true;
    stage.pass(4_000);
    assert_eq!((stage.handoffs, stage.epoch()), (1, 4));
    assert_eq!(stage.monitor.view().active, Some(name("ca-2")));
    stage.denies_handoff = false;
    assert!(stage.until_primary("ca-1", 6_000).is_some(), "tried again later");
}

#[test]
fn the_first_start_names_the_preferred_member() {
    let mut stage = Stage::new(None);
    for member in ["ca-1", "ca-2"] {
        let index = u64::from(member == "ca-1");
        stage.answers(member, |report| {
            report.role = Role::Joining;
            report.joined = false;
            report.position.index = index;
        });
    }
    stage.pass(100);
    assert_eq!(stage.register, Some(configuration(1, 1, "ca-1", &["ca-1"])));
}

#[test]
fn a_lost_register_is_never_invented_anew() {
    let mut stage = Stage::new(None);
    stage.coming.clear();
    let old = configuration(9, 7, "ca-2", &["ca-1", "ca-2"]);
    stage.answers("ca-1", |report| {
        report.configuration = None;
        report.joined = false;
    });
    stage.answers("ca-2", |report| report.configuration = Some(old.clone()));
    stage.pass(20_000);
    assert_eq!(stage.register, None);
    let hold = stage.monitor.view().hold;
    assert_eq!(hold, Some(Hold::RegisterLost { member: name("ca-2"), epoch: Epoch(7) }));
    stage.happen(Event::Force { to: name("ca-2") });
    stage.pass(10);
    let forced = Configuration { forced: true, ..configuration(10, 8, "ca-2", &["ca-2"]) };
    assert_eq!(stage.register, Some(forced), "past what is on the members' disks");
}

#[test]
fn a_register_put_back_to_an_older_state_is_noticed() {
    let mut stage = quiet();
    let newer = configuration(8, 6, "ca-2", &["ca-2"]);
    stage.answers("ca-2", |report| report.configuration = Some(newer.clone()));
    stage.conduct("ca-1", Conduct::Refuses);
    stage.pass(10_000);
    assert_eq!(stage.epoch(), 3);
    let hold = stage.monitor.view().hold;
    assert_eq!(hold, Some(Hold::RegisterBehind { member: name("ca-2"), version: 8 }));
}

#[test]
fn members_that_are_still_starting_are_waited_for() {
    let mut stage = Stage::new(Some(configuration(4, 3, "ca-1", &["ca-1", "ca-2"])));
    stage.conduct("ca-1", Conduct::Refuses);
    stage.coming.clear();
    stage.pass(1_500);
    assert_eq!(stage.epoch(), 3, "within the grace");
    assert!(stage.until_primary("ca-2", 1_500).is_some(), "after it");
}

#[test]
fn a_member_that_disowns_its_epoch_gets_nothing_until_it_was_asked_again() {
    let mut stage = quiet();
    stage.answers("ca-1", |report| report.role = Role::Starting);
    stage.happen(Event::Disowned { member: name("ca-1"), epoch: Epoch(3) });
    assert_eq!(stage.monitor.view().active, None);
    stage.pass(100);
    assert_eq!(stage.monitor.view().hold, Some(Hold::Starting(name("ca-1"))));
    stage.answers("ca-1", |_| {});
    stage.pass(300);
    assert_eq!(stage.monitor.view().active, Some(name("ca-1")));
    assert_eq!(stage.monitor.view().members[1].state, MemberState::Standby);
}

#[test]
fn a_force_is_planned_only_when_nobody_who_has_everything_can_take_over() {
    let mut stage = quiet();
    assert_eq!(stage.monitor.plan_force(None), Err(ForceRefusal::Active(name("ca-1"))));
    stage.conduct("ca-1", Conduct::Refuses);
    // ca-2 has everything: it is named by itself.
    stage.until_primary("ca-2", 1_000).unwrap();

    // ca-2 is alone in the in-sync set now, and goes away in turn; ca-1 comes back without its last entries.
    stage.pass(1_000);
    stage.answers("ca-2", |report| report.position.index = 9);
    stage.pass(1_000);
    stage.conduct("ca-2", Conduct::Refuses);
    stage.answers("ca-1", |_| {});
    stage.pass(2_000);
    assert_eq!(stage.primary(), "ca-2", "nobody else has everything");
    let plan = stage.monitor.plan_force(None).unwrap();
    assert_eq!((plan.to.as_str(), plan.in_sync.clone()), ("ca-1", set(&["ca-2"])));
    assert_eq!(plan.version, stage.register.as_ref().unwrap().version);
    let [lacking] = plan.lacking.as_slice() else { panic!("{plan:?}") };
    assert_eq!((lacking.name.as_str(), lacking.entries), ("ca-2", Some(4)));
    assert!(lacking.silent_ms.is_some_and(|ms| ms >= 1_500), "{lacking:?}");
    assert_eq!(stage.monitor.plan_force(Some(&name("ca-2"))), Err(ForceRefusal::Silent(name("ca-2"))));
    assert_eq!(stage.monitor.plan_force(Some(&name("ca-9"))), Err(ForceRefusal::NoSuchMember(name("ca-9"))));
    stage.answers("ca-1", |report| report.position = Position::ZERO);
    stage.pass(1_000);
    assert_eq!(stage.monitor.plan_force(None), Err(ForceRefusal::Empty(name("ca-1"))));
}

#[test]
fn a_member_under_maintenance_is_not_given_the_reign_back() {
    let mut stage = quiet();
    stage.happen(Event::Maintain { members: set(&["ca-1"]) });
    stage.conduct("ca-1", Conduct::Refuses);
    stage.until_primary("ca-2", 1_000).unwrap();
    stage.register = stage.register.as_ref().map(|known| known.with_in_sync(set(&["ca-1", "ca-2"])));
    stage.answers("ca-1", |_| {});
    stage.answers("ca-2", |_| {});
    stage.happen(Event::Register(stage.register.clone()));
    assert_eq!(stage.until_primary("ca-1", 10_000), None);
    stage.happen(Event::Switchover { to: name("ca-1") });
    assert!(stage.said.iter().any(|said| said.contains("held back for maintenance")), "{:?}", stage.said);
    stage.happen(Event::Maintain { members: set(&[]) });
    assert!(stage.until_primary("ca-1", 10_000).is_some());
}

#[test]
fn a_standby_that_falls_behind_has_a_lag_in_entries_and_in_time() {
    let mut stage = quiet();
    stage.answers("ca-1", |report| report.position.index = 25);
    stage.pass(2_000);
    let view = stage.monitor.view();
    let standby = view.members.iter().find(|member| member.name == name("ca-2")).unwrap();
    assert_eq!(standby.lag, Some(20));
    assert!(standby.lag_ms.is_some_and(|ms| (1_500..=2_000).contains(&ms)), "{standby:?}");
    stage.answers("ca-2", |report| report.position.index = 25);
    stage.pass(500);
    let view = stage.monitor.view();
    let standby = view.members.iter().find(|member| member.name == name("ca-2")).unwrap();
    assert_eq!((standby.lag, standby.lag_ms), (Some(0), Some(0)));
}
