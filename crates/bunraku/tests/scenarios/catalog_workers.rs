//! Catalog workers that die under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::agents::{Agent, Kind};
use super::deployment::{Deployment, wait_until};

#[test]
fn a_killed_catalog_worker_fails_no_agent_run() {
    let deployment = Deployment::start(21_140, &["--autosign", "true", "--no-restart"]);
    let ending = AtomicBool::new(false);
    let runs: Vec<(String, i32)> = std::thread::scope(|scope| {
        let loops: Vec<_> = (0..4)
            .map(|n| {
                let kind = if n == 0 { Kind::Puppet } else { Kind::Bunraku };
                let agent = Agent::new(kind, &format!("busy-{n}.example.com"), &deployment);
                let ending = &ending;
                scope.spawn(move || {
                    let mut runs = Vec::new();
                    while !ending.load(Ordering::Relaxed) {
                        let run = agent.run(&[]);
                        runs.push((run.said, run.code));
                    }
                    runs
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(4));
        deployment.kill("catalog-1");
        std::thread::sleep(Duration::from_secs(4));
        ending.store(true, Ordering::Relaxed);
        loops.into_iter().flat_map(|l| l.join().unwrap()).collect()
    });
    assert!(runs.len() > 20, "only {} runs", runs.len());
    let failed: Vec<_> = runs.iter().filter(|(_, code)| !matches!(code, 0 | 2)).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let status = deployment.status();
    let worker = status["workers"].as_array().unwrap().iter().find(|w| w["name"] == "catalog-1").unwrap();
    assert_eq!(worker["state"], "down");
    assert!(deployment.log("front_end_error.log").contains("catalog-1"));
}

#[test]
fn a_restarted_catalog_worker_is_used_again() {
    let deployment = Deployment::start(21_140, &["--autosign", "true"]);
    deployment.kill("catalog-1");
    wait_until("catalog-1 is used again", Duration::from_secs(10), || {
        let status = deployment.status();
        status["workers"].as_array().unwrap().iter().all(|w| w["state"] == "up")
    });
}

#[test]
fn a_drained_worker_gets_nothing_more_and_no_agent_notices() {
    let mut deployment = Deployment::start(21_140, &["--autosign", "true"]);
    let state = |deployment: &Deployment| {
        let status = deployment.status();
        let workers = status["workers"].as_array().unwrap();
        workers.iter().find(|w| w["name"] == "catalog-1").unwrap()["state"].as_str().unwrap().to_string()
    };
    let agent = Agent::new(Kind::Puppet, "drained.example.com", &deployment);
    assert!(matches!(agent.run(&[]).code, 0 | 2));
    let said = deployment.bunraku_ok(&["front-end", "drain", "catalog-1", "--wait=20s"]);
    assert!(
        said.contains("catalog-1 gets no new requests") && said.contains("nothing left to answer"),
        "{said}"
    );
    let catalogs = |slot| deployment.worker_log(slot).matches("/puppet/v3/catalog/").count();
    let before = catalogs(1);
    for _ in 0..3 {
        assert!(matches!(agent.run(&[]).code, 0 | 2));
    }
    assert_eq!(catalogs(1), before, "the drained one compiled");
    let text = deployment.bunraku_ok(&["status"]);
    assert!(text.contains("'bunraku front-end resume catalog-1' puts it back"), "{text}");
    deployment.restart();
    assert_eq!(state(&deployment), "draining", "after a restart of everything");
    deployment.bunraku_ok(&["front-end", "resume", "catalog-1", "--wait=20s"]);
    assert_eq!(state(&deployment), "up");
    let unknown = deployment.bunraku(&["front-end", "drain", "catalog-9"]);
    assert_eq!(unknown.status.code(), Some(1));
    let said = super::deployment::text(&unknown.stderr);
    assert!(said.contains("There is no catalog worker catalog-9") && said.contains("catalog-2"), "{said}");
}
