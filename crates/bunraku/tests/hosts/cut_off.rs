//! Links that are cut.

use std::time::Duration;

use super::agent::puppet_agent_succeeds;
use super::estate::{Estate, Plan};
use super::network::{Cut, How};
use super::story::Story;

/// A load runs; the links are cut as `cut` says, which must make `ca-2` active; they are mended; everything is well, and
/// nobody saw an error.
fn fails_over_and_comes_home(cut: impl FnOnce(&Estate) -> Vec<Cut>, meanwhile: impl FnOnce(&Estate)) {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    let cuts = cut(estate);
    estate.wait_until_active("ca-2");
    story.load.wait_for_more(10);
    meanwhile(estate);
    drop(cuts);
    story.ends_well();
}

#[test]
fn primary_cut_off_from_front_end_only() {
    // It reaches its standby all the while, and would go on confirming if it were not refused there.
    fails_over_and_comes_home(
        |estate| estate.network.part("front", "one", How::Drop).into(),
        |estate| puppet_agent_succeeds(estate, "during.example.com"),
    );
}

#[test]
fn primary_port_rejected_while_its_own_connections_go_out() {
    fails_over_and_comes_home(|estate| vec![estate.network.close_port("one", How::Reject)], |_| {});
}

#[test]
fn nothing_from_the_front_end_arrives_at_the_primary() {
    fails_over_and_comes_home(|estate| vec![estate.network.cut("front", "one", How::Drop)], |_| {});
}

#[test]
fn nothing_from_the_primary_arrives_at_the_front_end() {
    fails_over_and_comes_home(|estate| vec![estate.network.cut("one", "front", How::Drop)], |_| {});
}

#[test]
fn primary_cut_off_from_everybody() {
    fails_over_and_comes_home(
        |estate| {
            let mut cuts: Vec<Cut> = estate.network.part("front", "one", How::Reject).into();
            cuts.extend(estate.network.part("two", "one", How::Reject));
            cuts
        },
        |_| {},
    );
}

/// The two CAs don't hear each other, the front end hears both: the standby leaves the in-sync set in the register, the
/// primary goes on alone.
fn the_standby_is_left_out(cut: impl FnOnce(&Estate) -> Vec<Cut>) {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    let cuts = cut(estate);
    estate.wait_until_out("ca-2");
    assert_eq!(estate.active().as_deref(), Some("ca-1"));
    story.load.wait_for_more(10);
    drop(cuts);
    story.ends_well();
}

#[test]
fn nothing_from_the_primary_arrives_at_the_standby() {
    the_standby_is_left_out(|estate| vec![estate.network.cut("one", "two", How::Drop)]);
}

#[test]
fn nothing_from_the_standby_arrives_at_the_primary() {
    the_standby_is_left_out(|estate| vec![estate.network.cut("two", "one", How::Drop)]);
}

#[test]
fn both_cas_cut_off_from_front_end_for_seconds() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    let cuts =
        [estate.network.part("front", "one", How::Drop), estate.network.part("front", "two", How::Drop)];
    // Less than `ca_hold`: whoever asks waits, and is answered.
    std::thread::sleep(Duration::from_secs(4));
    drop(cuts);
    story.ends_well();
}
