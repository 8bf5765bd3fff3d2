//! Processes that are killed, hosts that are lost.

use std::time::Duration;

use super::agent::puppet_agent_succeeds;
use super::estate::Estate;
use super::load::{Load, Style};
use super::promises;

#[test]
fn standby_host_lost_with_its_disk_then_rejoins_empty() {
    let estate = Estate::start();
    let number = promises::list_number(&estate.cadir("ca-1"));
    let load = Load::start(&estate, Style { per_second: 20, patient: false });
    load.wait_for_more(10);
    lose_host(&estate, "two", "ca-2");
    estate.wait_until_out("ca-2");
    load.wait_for_more(10);
    estate.network.plug("two", true);
    estate.run("ca-2");
    estate.wait_until_home();
    load.wait_for_more(5);
    let told = load.end();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    promises::hold(&estate, &told, number);
}

#[test]
fn primary_host_lost_with_its_disk_then_rejoins_empty() {
    let estate = Estate::start();
    let number = promises::list_number(&estate.cadir("ca-1"));
    let load = Load::start(&estate, Style { per_second: 20, patient: false });
    load.wait_for_more(10);
    lose_host(&estate, "one", "ca-1");
    estate.wait_until_active("ca-2");
    puppet_agent_succeeds(&estate, "during.example.com");
    load.wait_for_more(10);
    estate.network.plug("one", true);
    estate.run("ca-1");
    estate.wait_until_home();
    load.wait_for_more(5);
    let told = load.end();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    promises::hold(&estate, &told, number);
}

/// The cable first: nobody hears a last word of it.
fn lose_host(estate: &Estate, host: &str, name: &str) {
    estate.network.plug(host, false);
    estate.kill(name);
    std::fs::remove_dir_all(estate.cadir(name)).unwrap();
}

#[test]
fn both_cas_killed_within_one_second() {
    let estate = Estate::start();
    let number = promises::list_number(&estate.cadir("ca-1"));
    let load = Load::start(&estate, Style { per_second: 20, patient: false });
    load.wait_for_more(10);
    estate.kill("ca-1");
    std::thread::sleep(Duration::from_millis(500));
    estate.kill("ca-2");
    // Whoever is not counted upon any more starts first, and must not act.
    estate.run("ca-1");
    std::thread::sleep(Duration::from_secs(1));
    estate.run("ca-2");
    estate.wait_until_home();
    load.wait_for_more(10);
    let told = load.end();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    promises::hold(&estate, &told, number);
    puppet_agent_succeeds(&estate, "afterwards.example.com");
}

#[test]
fn front_end_killed_and_restarted_during_failover() {
    let estate = Estate::start();
    let number = promises::list_number(&estate.cadir("ca-1"));
    // Connections to the front end break with it: agents come again.
    let load = Load::start(&estate, Style { per_second: 20, patient: true });
    load.wait_for_more(10);
    for delay in [0, 20, 60, 250] {
        estate.kill("ca-1");
        std::thread::sleep(Duration::from_millis(delay));
        estate.kill("front-end");
        estate.run("front-end");
        estate.wait_until_active("ca-2");
        load.wait_for_more(5);
        estate.run("ca-1");
        estate.wait_until_home();
    }
    let told = load.end();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    promises::hold(&estate, &told, number);
}
