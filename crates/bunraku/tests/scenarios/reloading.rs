//! Another configuration, another certificate, another process: and no agent notices.

use std::time::Duration;

use rustix::process::Signal;

use super::deployment::{Deployment, text, wait_until};
use super::enrolment_load::EnrolmentLoad;
use super::http::curl;

const SECOND_WORKER: &str = "[[catalog.worker]]\nname = \"catalog-2\"";

/// State of a catalog worker, if the front end knows one of that name.
fn state(deployment: &Deployment, name: &str) -> Option<String> {
    let status = deployment.status();
    let found = status["workers"].as_array().unwrap().iter().find(|worker| worker["name"] == name).cloned();
    found.map(|worker| worker["state"].as_str().unwrap().to_string())
}

#[test]
fn a_new_configuration_is_taken_whole_or_not_at_all_and_no_agent_notices() {
    let deployment = Deployment::start(21_170, &["--autosign", "true"]);
    let environments = format!("https://127.0.0.1:{}/puppet/v3/environments", deployment.port);
    assert_eq!(curl(&environments).0, 403);
    let load = EnrolmentLoad::start(deployment.port, 30);

    // By SIGHUP, which `up` passes on: the front end and the worker behind it go by the new rule.
    let rule = "\n[[access.rule]]\nname = \"environments for all\"\norder = 100\npath = \"/puppet/v3/environments\"\n\
                allow_unauthenticated = true\n";
    deployment.configure(|text| text.replacen("ca_hold = \"30s\"", "ca_hold = \"20s\"", 1) + rule);
    deployment.signal(Signal::HUP);
    wait_until("strangers may list environments", Duration::from_secs(20), || curl(&environments).0 == 200);
    let told = deployment.log("front_end_error.log");
    assert!(told.contains("[front_end] ca_hold: 30s → 20s"), "{told}");
    assert!(told.contains("access rule environments for all added"), "{told}");
    assert!(deployment.bunraku_ok(&["front-end", "reload"]).contains("nothing has changed"));

    // A worker less, and one more, which is probed before it is used.
    let mut whole = String::new();
    deployment.configure(|text| {
        whole = text.clone();
        let (before, block) = text.split_once(SECOND_WORKER).unwrap();
        before.to_string() + &block[block.find("\n[").unwrap_or(block.len())..]
    });
    let said = deployment.bunraku_ok(&["front-end", "reload"]);
    assert!(said.contains("catalog worker catalog-2 taken away"), "{said}");
    assert_eq!(state(&deployment, "catalog-2"), None);
    deployment.configure(|_| whole.clone());
    let said = deployment.bunraku_ok(&["front-end", "reload"]);
    assert!(said.contains("catalog worker catalog-2 added"), "{said}");
    wait_until("catalog-2 is used", Duration::from_secs(20), || {
        state(&deployment, "catalog-2").as_deref() == Some("up")
    });

    // What cannot change is named, all of it, and then nothing changes.
    deployment.configure(|text| {
        let text = text.replacen("register = \"register.json\"", "register = \"other.json\"", 1);
        text.replacen("ca_hold = \"20s\"", "ca_hold = \"10s\"", 1).replacen(
            "logdir = \"log\"",
            "logdir = \"logs\"",
            1,
        )
    });
    let refused = deployment.bunraku(&["front-end", "reload", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stdout);
    for part in ["[front_end] register:", "[main] logdir:", "only a restart changes this"] {
        assert!(said.contains(part), "{said}");
    }
    // Nor when a certificate cannot be used, or the file not be read.
    deployment.configure(|_| whole.replacen("ca_hold = \"20s\"", "ca_hold = \"10s\"", 1));
    let certificate = deployment.dir().join("ssl/certs/bunraku-front-end.pem");
    let kept = std::fs::read(&certificate).unwrap();
    std::fs::write(&certificate, "no certificate").unwrap();
    let said = text(&deployment.bunraku(&["front-end", "reload"]).stderr);
    assert!(said.contains("bunraku-front-end.pem: "), "{said}");
    std::fs::write(&certificate, kept).unwrap();
    deployment.configure(|text| text.replacen("ca_hold = \"10s\"", "ca_hold = \"soon\"\nfailback = 3", 1));
    deployment.signal(Signal::HUP);
    wait_until("the file is refused", Duration::from_secs(20), || {
        deployment.log("front_end_error.log").contains("Configuration refused, the old one goes on: ")
    });
    deployment.configure(|_| whole.clone());
    assert!(deployment.bunraku_ok(&["front-end", "reload"]).contains("nothing has changed"));

    let outcome = load.end();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    assert!(outcome.enrolled.len() > 5, "only {} enrolled", outcome.enrolled.len());
}

#[test]
fn a_new_process_takes_the_front_end_over_without_a_refused_connection() {
    let deployment = Deployment::start(21_170, &["--autosign", "true"]);
    let load = EnrolmentLoad::start(deployment.port, 30);
    std::thread::sleep(Duration::from_secs(1));
    // A successor that dies after it was given the register: the old process goes on as if nothing had been.
    let meeting = deployment.dir().join("front-end.take-over");
    let mut talk = wire::hand_over::Talk::to(&meeting).unwrap().unwrap();
    assert_eq!(talk.take(Duration::from_secs(10)).unwrap().len(), 2, "its port, and the one for metrics");
    talk.say(b'r').unwrap();
    talk.hear(b'y', Duration::from_secs(10)).unwrap();
    drop(talk);
    wait_until("the old process goes on", Duration::from_secs(10), || {
        deployment.log("front-end.log").contains("this one goes on")
    });
    for _ in 0..2 {
        let old = deployment.pid_of("front-end");
        deployment.signal(Signal::USR2);
        let gone = || !std::path::Path::new(&format!("/proc/{old}")).exists();
        wait_until("the old process has finished", Duration::from_secs(60), gone);
        assert_ne!(deployment.pid_of("front-end"), old);
    }
    let outcome = load.end();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    assert!(outcome.enrolled.len() > 50, "only {} enrolled", outcome.enrolled.len());
    // The new one has the register, and decides.
    let before = deployment.status()["epoch"].as_u64().unwrap();
    deployment.bunraku_ok(&["ca", "switchover"]);
    assert!(deployment.status()["epoch"].as_u64().unwrap() > before);
    // Logs that were moved away are opened anew by all roles.
    let logs = ["front_end_access.log", "front_end_error.log", "front-end.log", "worker_access_31172.log"];
    for name in logs {
        let path = deployment.dir().join("log").join(name);
        std::fs::rename(&path, path.with_extension("old")).unwrap();
    }
    deployment.signal(Signal::USR1);
    wait_until("the logs are there again", Duration::from_secs(20), || {
        logs.iter().all(|name| deployment.dir().join("log").join(name).exists())
    });
}
