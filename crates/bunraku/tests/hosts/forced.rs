//! The operator's word: the only member that had everything is gone for good.

use std::path::Path;

use super::agent::puppet_agent_succeeds;
use super::estate::{Estate, wait_until};
use super::load::{Load, Style, Told};

#[test]
fn primary_lost_with_its_disk_while_the_standby_was_out_of_sync_then_forced() {
    let estate = Estate::start();
    let before = enrol(&estate, 0);
    estate.kill("ca-2");
    estate.wait_until_out("ca-2");
    // From here on only `ca-1` has what is acknowledged.
    let after = enrol(&estate, 10_000);
    let end = position(&estate, "ca-1");
    estate.network.plug("one", false);
    estate.kill("ca-1");
    std::fs::remove_dir_all(estate.cadir("ca-1")).unwrap();
    estate.run("ca-2");
    wait_until("ca-2 answers and is not promoted", || {
        let ca = estate.status()["ca"].clone();
        ca["active"].is_null() && ca["members"][1]["state"] == "catching-up"
    });
    let behind = position(&estate, "ca-2");
    assert!(behind < end, "ca-2 has {behind} entries, ca-1 had {end}");

    // Without the word nothing is done, and what it would cost is said.
    let refused = estate.bunraku(&["ca", "failover"]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--force"), "{refused:?}");
    let unsaid = estate.bunraku(&["ca", "failover", "--force"]);
    let price = text(&unsaid.stdout) + &text(&unsaid.stderr);
    assert!(!unsaid.status.success() && price.contains("wants your word"), "{price}");
    // The status may not have had the last of them when it was read; what was heard of since is said.
    let known = price.split("with the log up to entry ").filter_map(|text| {
        let digits = text.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u64>().ok()
    });
    let known = known.max().unwrap();
    assert!(known >= end, "ca-1 had {end} entries:\n{price}");
    for part in [
        format!("ca-2 would become the active CA, with the log up to entry {behind}."),
        "is ca-1: whoever is in it has everything that was acknowledged.".to_owned(),
        "ca-2 is out of that set since 20".to_owned(),
        format!("with the log up to entry {known}; at least {} entries of its log", known - behind),
        "copy its CA directory aside".to_owned(),
    ] {
        assert!(price.contains(&part), "{part:?} is not in\n{price}");
    }
    assert!(estate.active().is_none(), "nobody has given the word");

    let forced = estate.bunraku(&["ca", "failover", "--force", "--yes"]);
    assert!(forced.status.success(), "{}{}", text(&forced.stdout), text(&forced.stderr));
    estate.wait_until_active("ca-2");
    assert_eq!(estate.status()["ca"]["last_failover"]["kind"], "forced");
    puppet_agent_succeeds(&estate, "afterwards.example.com");
    // What was printed is what was lost: all of the second series, nothing of the first.
    let cadir = estate.cadir("ca-2");
    assert_eq!(
        (kept(&cadir, &before), kept(&cadir, &after)),
        (before.certificates.len() - before.cleaned.len(), 0)
    );

    // The lost one comes back empty, and has what the new primary has.
    estate.network.plug("one", true);
    estate.run("ca-1");
    estate.wait_until_home();
    wait_until("both directories are equal", || {
        let file = |name: &str, file: &str| std::fs::read(estate.cadir(name).join(file)).unwrap_or_default();
        ["inventory.txt", "serial", "ca_crl.pem"].iter().all(|one| file("ca-1", one) == file("ca-2", one))
    });
    let cadir = estate.cadir("ca-1");
    assert_eq!(
        (kept(&cadir, &before), kept(&cadir, &after)),
        (before.certificates.len() - before.cleaned.len(), 0)
    );
}

/// Some agents, numbered after `number`.
fn enrol(estate: &Estate, number: u64) -> Told {
    let load = Load::start_after(estate, Style { per_second: 20, patient: false }, number);
    load.wait_for_more(10);
    let told = load.end();
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    told
}

/// End of a member's log, as the front end last heard it.
fn position(estate: &Estate, name: &str) -> u64 {
    let members = estate.status()["ca"]["members"].as_array().cloned().unwrap_or_default();
    members.iter().find(|member| member["name"] == name).unwrap()["position"].as_u64().unwrap()
}

/// How many of the certificates are in a directory as they were handed out.
fn kept(cadir: &Path, told: &Told) -> usize {
    let there = |(name, pem): &(&String, &String)| {
        std::fs::read_to_string(cadir.join(format!("signed/{name}.pem"))).is_ok_and(|file| file == **pem)
    };
    told.certificates.iter().filter(there).count()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
