//! A member's obligations, one by one: what must have happened before what.

use std::collections::BTreeSet;

use replica::flaws::Flaws;
use replica::frame::{Append, Appended, Body, Configure, Handoff};
use replica::role::{
    Action, Event, Member, Origin, Proposed, Refusal, RegisterOutcome, Restored, SendFailure, Settings,
    Timings,
};
use replica::{ClusterId, Configuration, Entry, Epoch, Fault, Frame, MemberName, Membership, Position, Role};

fn name(text: &str) -> MemberName {
    MemberName::new(text)
}

fn configuration(version: u64, epoch: u64, primary: &str, in_sync: &[&str]) -> Configuration {
    let first = Configuration::first(ClusterId::new("c"), name(primary));
    let in_sync: BTreeSet<MemberName> = in_sync.iter().map(|text| name(text)).collect();
    Configuration { version, epoch: Epoch(epoch), in_sync, ..first }
}

/// A member `ca-1` or `ca-2` with a genesis entry, and what it has done so far.
struct Actor {
    member: Member,
    now: u64,
    done: Vec<Action>,
}

impl Actor {
    fn new(me: &str, on_disk: Option<Configuration>) -> Actor {
        let genesis = Entry::after(&Position::ZERO, Epoch::NONE, b"genesis".to_vec());
        let membership = Membership { incarnation: 1, joined: on_disk.is_some(), configuration: on_disk };
        let peers = ["ca-1", "ca-2"].into_iter().filter(|peer| *peer != me).map(name).collect();
        let settings = Settings {
            name: name(me),
            cluster: ClusterId::new("c"),
            peers,
            level: 1,
            timings: Timings::default(),
            flaws: Flaws::default(),
        };
        let restored = Restored { membership, base: Position::ZERO, entries: vec![genesis], applied: 1 };
        Actor { member: Member::new(settings, restored), now: 1_000, done: Vec::new() }
    }

    /// Lets something happen; gives what it did.
    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.member.step(event, self.now);
        self.done.extend(actions.iter().cloned());
        actions
    }

    fn configure(&mut self, configuration: Configuration) -> Vec<Action> {
        let body = Body::Configure(Configure { configuration: Some(configuration.clone()) });
        let frame = Frame::new(ClusterId::new("c"), configuration.epoch, name("front"), body);
        self.step(Event::FrameReceived { from: Origin::FrontEnd, frame, reply: 1 })
    }

    /// The local disk has everything that was appended.
    fn flush(&mut self) -> Vec<Action> {
        let last = self.done.iter().rev().find_map(|action| match action {
            Action::Flush { up_to } => Some(*up_to),
            _ => None,
        });
        self.step(Event::Flushed { up_to: last.unwrap() })
    }

    fn propose(&mut self, ticket: u64) -> Vec<Action> {
        self.propose_all(&[ticket])
    }

    fn propose_all(&mut self, tickets: &[u64]) -> Vec<Action> {
        let proposed = |ticket: &u64| Proposed { ticket: *ticket, payload: ticket.to_string().into_bytes() };
        self.step(Event::Propose(tickets.iter().map(proposed).collect()))
    }

    /// The other one answers the last frame sent to it with success.
    fn standby_has_it(&mut self) -> Vec<Action> {
        let (ticket, append) = self.last_sent().unwrap();
        let end = append.entries.last().map_or(append.previous, |entry| entry.position);
        let body = Body::Appended(Appended { end, incarnation: 2, joined: true, level: 1 });
        self.standby_answers(ticket, Ok(body))
    }

    fn standby_answers(&mut self, ticket: u64, answer: Result<Body, SendFailure>) -> Vec<Action> {
        let result = answer.map(|body| Frame::new(ClusterId::new("c"), Epoch(1), name("ca-2"), body));
        self.step(Event::FrameAnswered { to: name("ca-2"), ticket, result })
    }

    fn last_sent(&self) -> Option<(u64, Append)> {
        self.done.iter().rev().find_map(|action| match action {
            Action::Send { ticket, frame, .. } => match &frame.body {
                Some(Body::Append(append)) => Some((*ticket, append.clone())),
                _ => None,
            },
            _ => None,
        })
    }
}

fn accepted(actions: &[Action]) -> Vec<u64> {
    let ticket = |action: &Action| match action {
        Action::Accepted { ticket, .. } => Some(*ticket),
        _ => None,
    };
    actions.iter().filter_map(ticket).collect()
}

fn sends(actions: &[Action]) -> usize {
    actions.iter().filter(|action| matches!(action, Action::Send { .. })).count()
}

fn asked(actions: &[Action]) -> Option<(u64, Configuration)> {
    actions.iter().find_map(|action| match action {
        Action::CompareAndSet { ticket, configuration, .. } => Some((*ticket, configuration.clone())),
        _ => None,
    })
}

/// `ca-1`, acting in epoch 2 with `ca-2` in sync.
fn reigning() -> Actor {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    actor.configure(configuration(4, 2, "ca-1", &["ca-1", "ca-2"]));
    assert_eq!(actor.member.role(), Role::Starting);
    actor.flush();
    assert_eq!(actor.member.role(), Role::Starting, "the standby has to have the marker too");
    actor.standby_has_it();
    assert_eq!(actor.member.role(), Role::Primary);
    actor
}

#[test]
fn the_new_epoch_is_on_disk_before_anything_else_is_done_in_it() {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    let actions = actor.configure(configuration(4, 2, "ca-1", &["ca-1"]));
    let Action::PersistMembership(membership) = &actions[0] else { panic!("{actions:?}") };
    assert_eq!(membership.epoch(), Epoch(2));
    let Action::Append(entries) = &actions[1] else { panic!("{actions:?}") };
    assert!(entries[0].is_marker() && entries[0].position.epoch == Epoch(2));
}

#[test]
fn an_entry_is_acknowledged_when_both_disks_have_it_in_either_order() {
    let mut actor = reigning();
    actor.propose(7);
    assert!(accepted(&actor.flush()).is_empty());
    assert_eq!(accepted(&actor.standby_has_it()), [7]);
    actor.propose(8);
    assert!(accepted(&actor.standby_has_it()).is_empty());
    assert_eq!(accepted(&actor.flush()), [8]);
}

#[test]
fn what_is_proposed_while_a_frame_is_under_way_goes_together_into_the_next() {
    let mut actor = reigning();
    assert_eq!(sends(&actor.propose(1)), 1);
    for ticket in 2..=20 {
        assert_eq!(sends(&actor.propose(ticket)), 0);
    }
    actor.flush();
    let actions = actor.standby_has_it();
    assert_eq!((accepted(&actions), sends(&actions)), (vec![1], 1));
    assert_eq!(actor.last_sent().unwrap().1.entries.len(), 19);
    assert_eq!(accepted(&actor.standby_has_it()).len(), 19);
}

#[test]
fn what_is_proposed_together_is_one_append_one_flush_and_one_frame() {
    let mut actor = reigning();
    let actions = actor.propose_all(&[1, 2, 3]);
    let appended =
        actions.iter().filter(|action| matches!(action, Action::Append(entries) if entries.len() == 3));
    let flushes = actions.iter().filter(|action| matches!(action, Action::Flush { .. }));
    assert_eq!((appended.count(), flushes.count(), sends(&actions)), (1, 1, 1));
    assert_eq!(actor.last_sent().unwrap().1.entries.len(), 3);
    actor.flush();
    assert_eq!(accepted(&actor.standby_has_it()), [1, 2, 3]);
    let empty = Proposed { ticket: 4, payload: Vec::new() };
    let full = Proposed { ticket: 5, payload: vec![5] };
    let actions = actor.step(Event::Propose(vec![empty, full]));
    let refused = Action::Refused { ticket: 4, reason: Refusal::Empty };
    assert!(
        actions.contains(&refused) && sends(&actions) == 1,
        "one that is refused does not hold up the others"
    );
}

#[test]
fn a_silent_standby_is_waited_for_until_the_register_has_let_it_go() {
    let mut actor = reigning();
    actor.propose(7);
    actor.flush();
    let (ticket, _) = actor.last_sent().unwrap();
    actor.now += 1_000;
    let actions = actor.step(Event::Tick);
    let (cas, proposed) = asked(&actions).unwrap();
    assert_eq!(proposed, configuration(5, 2, "ca-1", &["ca-1"]));
    assert!(accepted(&actor.done).is_empty());
    // No answer from the register: it may or may not have been done. Nothing is acknowledged, it is asked again.
    assert!(
        accepted(&actor.step(Event::RegisterAnswered { ticket: cas, outcome: RegisterOutcome::Unknown }))
            .is_empty()
    );
    assert!(actor.standby_answers(ticket, Err(SendFailure::Lost)).is_empty(), "that frame was given up");
    actor.now += 200;
    let (cas, _) = asked(&actor.step(Event::Tick)).unwrap();
    let current = Some(proposed);
    let actions =
        actor.step(Event::RegisterAnswered { ticket: cas, outcome: RegisterOutcome::Refused(current) });
    assert_eq!(accepted(&actions), [7], "the first request had been granted");
}

#[test]
fn without_the_register_a_proposal_waits_and_its_outcome_stays_open() {
    let mut actor = reigning();
    actor.propose(7);
    actor.flush();
    for _ in 0..300 {
        actor.now += 100;
        let actions = actor.step(Event::Tick);
        if let Some((ticket, _)) = asked(&actions) {
            actor.step(Event::RegisterAnswered { ticket, outcome: RegisterOutcome::Unknown });
        }
    }
    assert!(accepted(&actor.done).is_empty());
    assert!(actor.done.contains(&Action::Refused { ticket: 7, reason: Refusal::OutcomeUnknown }));
    assert_eq!(actor.member.report(actor.now).stalled_ms, 0);
}

#[test]
fn a_newer_epoch_in_the_register_ends_the_reign() {
    let mut actor = reigning();
    actor.propose(7);
    actor.flush();
    actor.now += 1_000;
    let (ticket, _) = asked(&actor.step(Event::Tick)).unwrap();
    let newer = configuration(5, 3, "ca-2", &["ca-2"]);
    let outcome = RegisterOutcome::Refused(Some(newer.clone()));
    let actions = actor.step(Event::RegisterAnswered { ticket, outcome });
    let refused = Action::Refused { ticket: 7, reason: Refusal::Deposed { by: newer } };
    assert!(actions.contains(&refused), "{actions:?}");
    assert!(matches!(&actions[0], Action::PersistMembership(membership) if membership.epoch() == Epoch(3)));
    let reason = Refusal::NotPrimary { primary: Some(name("ca-2")) };
    assert_eq!(actor.propose(8), [Action::Refused { ticket: 8, reason }]);
}

#[test]
fn the_larger_set_is_on_disk_before_the_register_is_asked_for_it() {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    actor.configure(configuration(4, 2, "ca-1", &["ca-1"]));
    actor.flush();
    let actions = actor.standby_has_it();
    let both = configuration(5, 2, "ca-1", &["ca-1", "ca-2"]);
    let persist = actions.iter().position(|action| {
        matches!(action, Action::PersistMembership(membership)
            if membership.configuration.as_ref().is_some_and(|known| known.in_sync == both.in_sync))
    });
    let ask = actions.iter().position(|action| matches!(action, Action::CompareAndSet { .. }));
    assert!(persist.unwrap() < ask.unwrap(), "{actions:?}");
    assert_eq!(asked(&actions).unwrap().1, both);
    // From here on it is waited for, although the register may not have it yet.
    actor.propose(7);
    assert!(accepted(&actor.flush()).is_empty());
}

#[test]
fn after_a_restart_the_register_must_name_it_anew_before_it_acts() {
    let known = configuration(4, 2, "ca-1", &["ca-1"]);
    let mut actor = Actor::new("ca-1", Some(known.clone()));
    assert_eq!(actor.propose(1), [Action::Refused { ticket: 1, reason: Refusal::Starting }]);
    let actions = actor.configure(known);
    let (ticket, next) = asked(&actions).unwrap();
    assert_eq!(next, configuration(5, 3, "ca-1", &["ca-1"]));
    assert!(!actions.iter().any(|action| matches!(action, Action::Append(_))));
    actor.step(Event::RegisterAnswered { ticket, outcome: RegisterOutcome::Set });
    actor.flush();
    assert_eq!(actor.member.acting_epoch(), Some(Epoch(3)));
}

#[test]
fn a_disk_that_was_lost_does_not_lead() {
    let mut actor = Actor::new("ca-1", None);
    let actions = actor.configure(configuration(4, 2, "ca-1", &["ca-1", "ca-2"]));
    assert!(!actions.iter().any(|action| matches!(action, Action::Append(_) | Action::CompareAndSet { .. })));
    assert_eq!(actor.member.role(), Role::Joining);
}

#[test]
fn a_handoff_is_confirmed_when_the_target_has_everything_and_then_nothing_new_is_taken() {
    let mut actor = reigning();
    actor.propose(7);
    let body = Body::Handoff(Handoff { target: name("ca-2"), epoch: Epoch(2) });
    let frame = Frame::new(ClusterId::new("c"), Epoch(2), name("front"), body);
    let actions = actor.step(Event::FrameReceived { from: Origin::FrontEnd, frame, reply: 9 });
    assert!(!actions.iter().any(|action| matches!(action, Action::Reply { .. })));
    let refusal = Refusal::HandingOver { to: name("ca-2") };
    assert_eq!(actor.propose(8), [Action::Refused { ticket: 8, reason: refusal }]);
    actor.flush();
    let actions = actor.standby_has_it();
    assert_eq!(accepted(&actions), [7], "what was under way is finished");
    let handed = actions.iter().find_map(|action| match action {
        Action::Reply { reply: 9, frame } => frame.body.clone(),
        _ => None,
    });
    assert!(matches!(handed, Some(Body::HandedOver(position)) if position.index == 3), "{handed:?}");
    assert_eq!(actor.member.acting_epoch(), None);
    actor.now += 2_000;
    actor.step(Event::Tick);
    assert_eq!(actor.member.acting_epoch(), Some(Epoch(2)), "nobody came: it goes on");
}

#[test]
fn a_standby_answers_after_the_flush_and_refuses_what_is_over() {
    let mut actor = Actor::new("ca-2", Some(configuration(3, 1, "ca-1", &["ca-1", "ca-2"])));
    let genesis = Entry::after(&Position::ZERO, Epoch::NONE, b"genesis".to_vec());
    let entry = Entry::after(&genesis.position, Epoch(1), b"x".to_vec());
    let frame = |epoch: u64, version: u64| {
        let append = Append {
            configuration: configuration(version, epoch, "ca-1", &["ca-1", "ca-2"]),
            previous: genesis.position,
            entries: vec![entry.clone()],
            commit: 2,
            admit: None,
        };
        Frame::new(ClusterId::new("c"), Epoch(epoch), name("ca-1"), Body::Append(append))
    };
    let from = Origin::Member(name("ca-1"));
    let actions = actor.step(Event::FrameReceived { from: from.clone(), frame: frame(1, 3), reply: 4 });
    assert!(matches!(actions[..], [Action::Append(_), Action::Flush { .. }]), "{actions:?}");
    let actions = actor.flush();
    assert!(
        matches!(&actions[0], Action::Reply { reply: 4, frame } if matches!(frame.body, Some(Body::Appended(_))))
    );
    assert_eq!(actions[1], Action::Commit { up_to: entry.position });
    actor.configure(configuration(4, 2, "ca-2", &["ca-2"]));
    let actions = actor.step(Event::FrameReceived { from, frame: frame(1, 3), reply: 5 });
    let Action::Reply { reply: 5, frame } = &actions[0] else { panic!("{actions:?}") };
    assert!(matches!(&frame.body, Some(Body::Stale(newer)) if newer.epoch == Epoch(2)));
}

#[test]
fn a_full_disk_ends_the_reign_and_a_new_one_needs_a_new_epoch() {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    let mine = configuration(4, 2, "ca-1", &["ca-1"]);
    actor.configure(mine.clone());
    actor.flush();
    let kept = actor.member.report(actor.now).position;
    actor.propose(7);
    let actions = actor.step(Event::LogFailed { fault: Fault::DiskFull, kept });
    assert!(actions.contains(&Action::Refused { ticket: 7, reason: Refusal::OutcomeUnknown }));
    assert_eq!(actor.member.report(actor.now).fault, Some(Fault::DiskFull));
    assert_eq!(asked(&actor.configure(mine.clone())), None);
    actor.step(Event::LogRecovered);
    let (_, next) = asked(&actor.configure(mine)).unwrap();
    assert_eq!(next.epoch, Epoch(3));
}

#[test]
fn an_empty_disk_under_a_name_that_may_be_counted_on_is_not_declared_complete() {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    actor.configure(configuration(4, 2, "ca-1", &["ca-1"]));
    actor.flush();
    let (cas, both) = asked(&actor.standby_has_it()).unwrap();
    assert!(both.in_sync.contains(&name("ca-2")));
    // Whether the register counts on ca-2 is not known here. It comes back with another, empty disk and catches up.
    actor.step(Event::RegisterAnswered { ticket: cas, outcome: RegisterOutcome::Unknown });
    actor.propose(7);
    let (ticket, append) = actor.last_sent().unwrap();
    let end = append.entries.last().unwrap().position;
    let before = actor.done.len();
    actor.standby_answers(
        ticket,
        Ok(Body::Appended(Appended { end, incarnation: 99, joined: false, level: 1 })),
    );
    for _ in 0..20 {
        actor.now += 300;
        actor.step(Event::Tick);
        let (ticket, append) = actor.last_sent().unwrap();
        let end = append.entries.last().map_or(append.previous, |entry| entry.position);
        actor.standby_answers(
            ticket,
            Ok(Body::Appended(Appended { end, incarnation: 99, joined: false, level: 1 })),
        );
    }
    let admits = actor.done[before..].iter().any(|action| match action {
        Action::Send { frame, .. } => {
            matches!(&frame.body, Some(Body::Append(append)) if append.admit.is_some())
        }
        _ => false,
    });
    assert!(!admits);
    let wanted = actor.done[before..].iter().rev().find_map(|action| asked(std::slice::from_ref(action)));
    assert!(!wanted.unwrap().1.in_sync.contains(&name("ca-2")), "it has to leave the set first");
}

#[test]
fn what_may_be_proposed_is_what_every_member_can_apply() {
    let mut actor = Actor::new("ca-1", Some(configuration(3, 1, "ca-2", &["ca-1", "ca-2"])));
    actor.configure(configuration(4, 2, "ca-1", &["ca-1", "ca-2"]));
    actor.flush();
    assert_eq!(actor.member.agreed_level(), 0, "ca-2 has not said anything yet");
    actor.standby_has_it();
    assert_eq!(actor.member.agreed_level(), 1);
    // ca-2 comes back as an older build.
    actor.propose(1);
    let (ticket, append) = actor.last_sent().unwrap();
    let end = append.entries.last().unwrap().position;
    let older = Appended { end, incarnation: 2, joined: true, level: 0 };
    actor.standby_answers(ticket, Ok(Body::Appended(older)));
    assert_eq!(actor.member.agreed_level(), 0);
    assert_eq!(actor.member.report(actor.now).level, 1, "its own");
}
