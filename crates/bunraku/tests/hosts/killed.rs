//! Processes that are killed, hosts that are lost.

use std::time::Duration;

use super::agent::puppet_agent_succeeds;
use super::estate::{Estate, Plan};
use super::load::Style;
use super::story::Story;

#[test]
fn standby_host_lost_with_its_disk_then_rejoins_empty() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    lose_host(estate, "two", "ca-2");
    estate.wait_until_out("ca-2");
    story.load.wait_for_more(10);
    estate.network.plug("two", true);
    estate.run("ca-2");
    story.ends_well();
}

#[test]
fn primary_host_lost_with_its_disk_then_rejoins_empty() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    lose_host(estate, "one", "ca-1");
    estate.wait_until_active("ca-2");
    puppet_agent_succeeds(estate, "during.example.com");
    story.load.wait_for_more(10);
    estate.network.plug("one", true);
    estate.run("ca-1");
    story.ends_well();
}

/// The cable first: nobody hears a last word of it.
fn lose_host(estate: &Estate, host: &str, name: &str) {
    estate.network.plug(host, false);
    estate.kill(name);
    std::fs::remove_dir_all(estate.cadir(name)).unwrap();
}

#[test]
fn both_cas_killed_within_one_second() {
    let story = Story::begin(Plan::default());
    let estate = &story.estate;
    estate.kill("ca-1");
    std::thread::sleep(Duration::from_millis(500));
    estate.kill("ca-2");
    // Whoever is not counted upon any more starts first, and must not act.
    estate.run("ca-1");
    std::thread::sleep(Duration::from_secs(1));
    estate.run("ca-2");
    let estate = story.ends_well();
    puppet_agent_succeeds(&estate, "afterwards.example.com");
}

#[test]
fn front_end_killed_and_restarted_during_failover() {
    // Connections to the front end break with it: agents come again.
    let story = Story::begin_with(Plan::default(), Style { per_second: 20, patient: true });
    let estate = &story.estate;
    for delay in [0, 20, 60, 250] {
        estate.kill("ca-1");
        std::thread::sleep(Duration::from_millis(delay));
        estate.kill("front-end");
        estate.run("front-end");
        estate.wait_until_active("ca-2");
        story.load.wait_for_more(5);
        estate.run("ca-1");
        estate.wait_until_home();
    }
    story.ends_well();
}
