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
