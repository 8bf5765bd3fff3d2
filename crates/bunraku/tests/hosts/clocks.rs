//! Clocks that are wrong. A time namespace changes only the clocks that count since the start, so it is libfaketime that
//! shows another time of day to one process; how long it waits stays true.

use super::agent::puppet_agent_succeeds;
use super::estate::Plan;
use super::story::Story;

/// Debian's package `faketime`.
pub const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

fn a_wrong_clock_matters_to_nobody(offset: &'static str) {
    assert!(std::path::Path::new(LIBRARY).exists(), "{LIBRARY} is missing (package faketime)");
    let story = Story::begin(Plan { wrong_clock: Some(("ca-2", offset)), ..Plan::default() });
    let estate = &story.estate;
    estate.kill("ca-1");
    estate.wait_until_active("ca-2");
    // It signs with its own time; a certificate is good from a day before that.
    story.load.wait_for_more(10);
    // What cannot be helped (docs/FAILOVER.md): a list that is dated later than now is not valid yet to an agent.
    if offset.starts_with('-') {
        puppet_agent_succeeds(estate, "during.example.com");
    }
    let newest = || {
        let names = std::fs::read_dir(estate.cadir("ca-2").join("signed")).unwrap().flatten();
        let pems = names.filter_map(|entry| std::fs::read(entry.path()).ok());
        pems.filter_map(|pem| pki::Certificate::from_pem(&pem).ok()).max_by_key(pki::Certificate::serial)
    };
    let certificate = newest().unwrap();
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let skew = certificate.not_before() + 86_400 - now;
    let wanted = if offset.starts_with('-') { -3_600 } else { 3_600 };
    assert!((skew - wanted).abs() < 300, "the clock was {skew} s off");
    estate.run("ca-1");
    story.ends_well();
}

#[test]
fn clock_of_standby_one_hour_off() {
    a_wrong_clock_matters_to_nobody("+1h");
}

#[test]
fn clock_of_standby_one_hour_behind() {
    a_wrong_clock_matters_to_nobody("-1h");
}
