//! Starting, refusing to start, starting again.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use super::deployment::{BUNRAKU, Deployment, text, wait_until};

#[test]
fn a_second_run_reuses_everything() {
    let mut deployment = Deployment::start(21_140, &[]);
    let ca = std::fs::read(deployment.primary_dir().join("ca_crt.pem")).unwrap();
    let config = std::fs::read(deployment.dir().join("bunraku.toml")).unwrap();
    let serial = std::fs::read(deployment.primary_dir().join("serial")).unwrap();
    deployment.restart();
    assert_eq!(std::fs::read(deployment.primary_dir().join("ca_crt.pem")).unwrap(), ca);
    assert_eq!(std::fs::read(deployment.dir().join("bunraku.toml")).unwrap(), config);
    assert_eq!(std::fs::read(deployment.primary_dir().join("serial")).unwrap(), serial);
    let roles = deployment.announced["roles"].as_array().unwrap();
    let names: Vec<&str> = roles.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["front-end", "catalog-1", "catalog-2", "ca-1", "ca-2"]);
    assert!(roles.iter().all(|r| r["pid"].as_u64().unwrap() > 0));
    deployment.end();
    // Nothing is left behind: every port can be listened on again.
    for slot in 0..5 {
        TcpListener::bind(("127.0.0.1", deployment.port_of(slot))).unwrap();
    }
}

/// Its file system is not mounted, say: a new CA would be a stranger to every node.
#[test]
fn a_deployment_whose_ca_is_gone_gets_no_new_one() {
    let mut deployment = Deployment::start(21_140, &[]);
    let ca = std::fs::read(deployment.primary_dir().join("ca_crt.pem")).unwrap();
    deployment.wait_until_home();
    deployment.end();
    let (primary, standby) = (deployment.primary_dir(), deployment.standby_dir());
    let away = |dir: &std::path::Path| std::path::PathBuf::from(format!("{}.away", dir.display()));
    for dir in [&primary, &standby] {
        std::fs::rename(dir, away(dir)).unwrap();
    }
    std::fs::create_dir(&primary).unwrap();
    let output = Command::new(BUNRAKU).args(["up", "--dir"]).arg(deployment.dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("there is no CA in") && said.contains("is a file system not mounted"), "{said}");
    assert_eq!(std::fs::read_dir(&primary).unwrap().count(), 0);
    // The other member has everything: it hands it on.
    std::fs::rename(away(&standby), &standby).unwrap();
    deployment.start_again();
    wait_until("the empty member has everything", Duration::from_secs(60), || {
        std::fs::read(primary.join("ca_crt.pem")).is_ok_and(|there| there == ca)
    });
    deployment.wait_until_home();
}

#[test]
fn a_second_up_on_the_same_directory_is_refused() {
    let deployment = Deployment::start(21_140, &[]);
    let output = Command::new(BUNRAKU).args(["up", "--dir"]).arg(deployment.dir()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is already served by 'bunraku up' (pid "));
}

#[test]
fn a_port_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // Ephemeral ports lie above what `--port` takes for the front end, so one of the workers meets it.
    let output = Command::new(BUNRAKU)
        .args(["up", "--ca-key", "ec", "--port", &(port - 10_000).to_string(), "--dir"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains(&format!("127.0.0.1:{port}, wanted by catalog-1, is in use")), "{said}");
}

#[test]
fn a_directory_of_another_version_and_a_foreign_one_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("bunraku.toml"), "version = 99\n").unwrap();
    let up = || Command::new(BUNRAKU).args(["up", "--dir"]).arg(dir.path()).output().unwrap();
    let output = up();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("layout version 99"), "{}", text(&output.stderr));

    std::fs::rename(dir.path().join("bunraku.toml"), dir.path().join("diary.txt")).unwrap();
    let output = up();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not empty (diary.txt)"), "{}", text(&output.stderr));
}

#[test]
fn the_default_ca_key_is_rsa_of_4096_bits() {
    let deployment = Deployment::start_with(21_140, &[]);
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-text", "-in"])
        .arg(deployment.primary_dir().join("ca_crt.pem"))
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("Public-Key: (4096 bit)"));
}

#[test]
fn a_front_end_takes_over_the_port_that_systemd_holds() {
    let deployment = Deployment::start(21_140, &["--autosign", "true", "--no-restart"]);
    deployment.kill("front-end");
    let port = deployment.port_of(0);
    wait_until("the port is free", Duration::from_secs(10), || {
        TcpListener::bind(("127.0.0.1", port)).is_ok()
    });
    // systemd's own stand-in for a socket unit: it listens, and starts the service when somebody connects.
    let mut service = Command::new("systemd-socket-activate")
        .args(["-l", &format!("127.0.0.1:{port}"), BUNRAKU, "--config"])
        .arg(deployment.dir().join("bunraku.toml"))
        .args(["serve", "--role", "front-end", "--name", "front-end"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("systemd-socket-activate is part of systemd");
    wait_until("somebody listens", Duration::from_secs(10), || {
        TcpListener::bind(("127.0.0.1", port)).is_err()
    });
    // The first one connects before the front end runs, and waits in the socket's queue.
    wait_until("the front end serves", Duration::from_secs(20), || {
        deployment.bunraku(&["status"]).status.success()
    });
    service.kill().unwrap();
    service.wait().unwrap();
}
