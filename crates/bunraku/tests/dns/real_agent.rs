//! Debian's `puppet agent`.

use super::deployment::{Deployment, Program, SERVER};
use super::network::{Dead, FRONT_ENDS};

const BY_RECORDS: [&str; 3] = ["--use_srv_records", "--srv_domain", "example.com"];

#[test]
fn the_real_agent_finds_front_ends_by_records_by_address_and_by_list() {
    let deployment = Deployment::start(&[]);
    let run = |certname: &str, flags: &[&str]| deployment.agent(Program::Puppet, certname, flags);
    assert!(run("records.example.com", &BY_RECORDS).succeeded());
    for dead in &FRONT_ENDS[..2] {
        deployment.network.kill(dead, Dead::Refused);
    }
    let records = run("records.example.com", &BY_RECORDS);
    assert!(records.succeeded());
    // Ruby tries each address that refuses.
    assert!(run("address.example.com", &["--server", SERVER]).succeeded());
    let list = "front-end.example.com,front-end-3.example.com";
    let listed = run("list.example.com", &["--server_list", list]);
    assert!(listed.succeeded());
    assert!(listed.said.contains("Trying with next server from server_list."));
}

#[test]
fn without_a_front_end_catalogs_come_from_the_workers_themselves() {
    let deployment = Deployment::start(&["--direct"]);
    for program in [Program::Puppet, Program::Bunraku] {
        let certname = format!("direct-{}.example.com", program as u8);
        assert!(deployment.agent(program, &certname, &BY_RECORDS).succeeded());
        let front_end = deployment.access_log("front_end_access.log");
        let of_workers =
            ["18140", "18141"].map(|port| deployment.access_log(&format!("worker_access_{port}.log")));
        let catalog = format!("/puppet/v3/catalog/{certname}");
        let report = format!("/puppet/v3/report/{certname}");
        for path in [&catalog, &report] {
            // The address is the node's own: nobody stands between.
            let straight = |log: &String| {
                log.lines().any(|line| line.contains(path.as_str()) && line.starts_with("10.78.0.4 "))
            };
            assert!(of_workers.iter().any(straight), "{path}: {of_workers:?}");
            assert!(!front_end.contains(path.as_str()), "{path} went through the front end");
        }
        assert!(front_end.contains(&format!("/puppet-ca/v1/certificate_request/{certname}")), "{front_end}");
    }
}
