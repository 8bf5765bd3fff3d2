//! `bunraku agent`: the same settings as Puppet's, and on to the next place when one does not answer.

use std::time::Duration;

use super::deployment::{Deployment, Program, SERVER, wait_until};
use super::network::{Dead, FRONT_ENDS};

#[test]
fn one_front_end_that_refuses_and_one_that_is_silent_cost_our_agent_no_run() {
    let deployment = Deployment::start(&[]);
    deployment.network.kill(FRONT_ENDS[0], Dead::Refused);
    deployment.network.kill(FRONT_ENDS[1], Dead::Silent);
    let list = "front-end.example.com,front-end-2.example.com,front-end-3.example.com";
    for (certname, flags) in [
        ("records.example.com", &["--use_srv_records", "--srv_domain", "example.com"][..]),
        ("address.example.com", &["--server", SERVER]),
        ("list.example.com", &["--server_list", list]),
        // What is said of one service counts for that one.
        ("apart.example.com", &["--server_list", list, "--ca_server", SERVER, "--report_server", SERVER]),
    ] {
        let flags = [flags, &["--http_connect_timeout", "2s"]].concat();
        let run = deployment.agent(Program::Bunraku, certname, &flags);
        assert!(run.succeeded(), "{flags:?}");
        assert!(!run.said.contains("Error:"), "{flags:?}");
    }
}

#[test]
fn our_agent_goes_on_in_the_middle_of_a_run_when_its_front_end_dies() {
    let deployment = Deployment::start(&[]);
    let list = "front-end.example.com,front-end-2.example.com";
    let files = deployment.path("files");
    std::fs::create_dir(&files).unwrap();
    let flags = ["--server_list", list, "--environment", "production"];
    let mut command = deployment.agent_command(Program::Bunraku, "many.example.com", &flags);
    let agent =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let there = || std::fs::read_dir(&files).unwrap().count();
    wait_until("the agent is fetching its files", Duration::from_secs(120), || there() > 20);
    deployment.network.kill(FRONT_ENDS[0], Dead::Refused);
    let run = super::deployment::run_of(agent.wait_with_output().unwrap());
    let tail: Vec<&str> = run.said.lines().rev().take(30).collect();
    assert!(run.said.contains("; trying front-end-2.example.com:8140"), "it was not in the middle: {tail:?}");
    assert_eq!(run.code, 2, "{tail:?}");
    assert_eq!(there(), 1500);
    assert!(!run.said.contains("Error:"), "{tail:?}");
}
