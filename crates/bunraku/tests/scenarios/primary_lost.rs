//! The primary CA is cut off or killed; comes back; nothing is lost and no agent notices.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::agents::{Agent, BOTH};
use super::deployment::{Deployment, text, wait_until};
use super::enrolment_load::EnrolmentLoad;
use super::firewall::Rule;
use super::http;

#[test]
fn a_rejected_primary_is_replaced_and_new_agents_enrol_at_the_standby() {
    let deployment = Deployment::start(21_140, &[]);
    let url = format!("https://localhost:{}/production/certificate/ca", deployment.port);
    let rule = Rule::reject(deployment.port_of(3));

    let (status, _, seconds) = http::curl(&url);
    assert_eq!(status, 200);
    assert!(seconds < 3.0, "{seconds} s");
    let standby_log = deployment.worker_log(4);
    assert!(standby_log.contains("/certificate/ca"), "{standby_log}");
    let errors = deployment.log("front_end_error.log");
    assert!(errors.contains("ca-1") && errors.contains("No route to host"), "{errors}");

    let standby = deployment.standby_dir();
    let standby = standby.to_str().unwrap();
    for kind in BOTH {
        let certname = format!("test-{kind:?}.example.lan").to_lowercase();
        let agent = Agent::new(kind, &certname, &deployment);
        assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
        let listed = deployment.bunraku_ok(&["ca", "list", "--cadir", standby]);
        assert!(listed.contains(&certname), "{listed}");
        deployment.bunraku_ok(&["ca", "sign", "--cadir", standby, "--certname", &certname]);
        let run = agent.run(&["--noop"]);
        assert_eq!(run.code, 0, "{}", run.said);
    }
    let before = next_serial(&deployment.standby_dir());
    drop(rule);
    comes_home_without_loss(&deployment, before);
}

#[test]
fn a_killed_primary_is_replaced_and_comes_home() {
    let deployment = Deployment::start(21_140, &[]);
    let epoch = deployment.status()["epoch"].as_u64().unwrap();
    let before = next_serial(&deployment.primary_dir());
    deployment.kill("ca-1");
    let url = format!("https://localhost:{}/production/certificate/ca", deployment.port);
    let (status, _, seconds) = http::curl(&url);
    assert_eq!(status, 200);
    assert!(seconds < 3.0, "{seconds} s");
    comes_home_without_loss(&deployment, before);
    assert!(deployment.status()["epoch"].as_u64().unwrap() > epoch);
}

#[test]
fn a_primary_whose_packets_vanish_is_replaced_within_three_seconds() {
    let deployment = Deployment::start(21_140, &[]);
    let url = format!("https://localhost:{}/production/certificate/ca", deployment.port);
    let rule = Rule::drop_packets(deployment.port_of(3));
    let began = Instant::now();
    let (status, _, _) = http::curl(&url);
    assert_eq!(status, 200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let before = next_serial(&deployment.standby_dir());
    drop(rule);
    comes_home_without_loss(&deployment, before);
}

#[test]
fn agents_that_enrol_all_the_while_see_no_failed_request() {
    let deployment = Deployment::start(21_140, &["--autosign", "true"]);
    let load = EnrolmentLoad::start(deployment.port, 10);
    std::thread::sleep(Duration::from_secs(2));
    {
        let _rule = Rule::reject(deployment.port_of(3));
        std::thread::sleep(Duration::from_secs(4));
    }
    deployment.wait_until_home();
    std::thread::sleep(Duration::from_secs(1));
    deployment.kill("ca-1");
    std::thread::sleep(Duration::from_secs(4));
    deployment.wait_until_home();
    std::thread::sleep(Duration::from_secs(1));
    let outcome = load.end();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    assert!(outcome.enrolled.len() > 80, "{} enrolled", outcome.enrolled.len());
    assert!(outcome.slowest < Duration::from_secs(5), "{:?}", outcome.slowest);
    deployment.wait_until_home();
    become_equal(&deployment);
    // Each acknowledged certificate is there, and no serial was given twice.
    let inventory = std::fs::read_to_string(deployment.primary_dir().join("inventory.txt")).unwrap();
    let mut serials: Vec<&str> = inventory.lines().filter_map(|l| l.split(' ').next()).collect();
    let issued = serials.len();
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), issued, "a serial was repeated");
    for certname in &outcome.enrolled {
        let path = deployment.primary_dir().join("signed").join(format!("{certname}.pem"));
        assert!(path.exists(), "{certname} was acknowledged and is lost");
    }
}

/// Waits until the preferred CA is primary again; then both directories must be equal, and the next certificate must
/// have the serial that was next before.
fn comes_home_without_loss(deployment: &Deployment, next: u64) {
    deployment.wait_until_home();
    become_equal(deployment);
    let agent = Agent::new(super::agents::Kind::Bunraku, "next.example.com", deployment);
    assert_eq!(agent.run(&["--waitforcert", "0"]).code, 1);
    deployment.bunraku_ok(&["ca", "sign", "--certname", "next.example.com"]);
    let signed = deployment.primary_dir().join("signed/next.example.com.pem");
    let output = Command::new("openssl").args(["x509", "-noout", "-serial", "-in"]).arg(signed).output();
    let printed = text(&output.unwrap().stdout);
    let serial = u64::from_str_radix(printed.trim().trim_start_matches("serial="), 16).unwrap();
    assert_eq!(serial, next, "the next certificate has the next serial");
    // The standby's log has it; its directory follows.
    let certificate = deployment.standby_dir().join("signed/next.example.com.pem");
    wait_until("the certificate is in the standby's directory", Duration::from_secs(10), || {
        certificate.exists()
    });
    let verified = Command::new("openssl")
        .args(["verify", "-crl_check", "-CAfile"])
        .arg(deployment.standby_dir().join("ca_crt.pem"))
        .arg("-CRLfile")
        .arg(deployment.standby_dir().join("ca_crl.pem"))
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", text(&verified.stderr));
}

/// Waits until both directories hold the same: an answer waits for the logs only, the directories follow.
fn become_equal(deployment: &Deployment) {
    wait_until("both CA directories are equal", Duration::from_secs(10), || {
        directory(&deployment.primary_dir()) == directory(&deployment.standby_dir())
    });
}

fn next_serial(cadir: &Path) -> u64 {
    let text = std::fs::read_to_string(cadir.join("serial")).unwrap();
    u64::from_str_radix(text.trim(), 16).unwrap()
}

/// Every file of a CA directory with its content, but for the member's own log, lock and socket.
fn directory(cadir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["", "signed", "requests"] {
        for entry in std::fs::read_dir(cadir.join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(cadir).unwrap().display().to_string();
                files.insert(name, std::fs::read(path).unwrap_or_default());
            }
        }
    }
    assert!(files.contains_key("inventory.txt"), "{:?}", files.keys());
    files
}
