//! What an operator sees and does about the CA members: a full disk, a pause, switching over, a new member.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ca::SetupOptions;
use pki::KeyKind;
use serde_json::Value;

use super::adopting::configure;
use super::deployment::{BUNRAKU, Deployment, text, wait_until};
use super::enrolment_load::EnrolmentLoad;

/// A small file system of its own, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> SmallDisk {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(at).status();
        assert!(mounted.unwrap().success(), "mount a tmpfs at {}", at.display());
        SmallDisk(at.to_owned())
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open there keeps it alive for a moment: lazily.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn last_kind(deployment: &Deployment) -> Vec<String> {
    let status = deployment.status();
    let all = status["ca"]["failovers"].as_array().unwrap().clone();
    all.iter().map(|one| one["kind"].as_str().unwrap().to_owned()).collect()
}

fn send(deployment: &Deployment, name: &str, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(deployment.pid_of(name)).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn a_full_disk_and_a_pause_of_the_primary_cost_no_request_and_are_named() {
    let mut disk = None;
    let deployment = Deployment::start_prepared(21_140, &[], |root| {
        disk = Some(SmallDisk::mount(&root.join("small")));
        let options =
            SetupOptions { ca_name: "Puppet CA: small".into(), key: KeyKind::EcP256, ca_ttl: 86_400 * 400 };
        ca::setup(&root.join("small/ca"), &options, |_| {}).unwrap();
        let small = format!("{}/small/ca\"", root.display());
        configure(root, &[("autosign = false", "autosign = true"), ("ssl/ca\"", &small)]);
    });
    let disk = disk.unwrap();
    deployment.wait_until_home();
    let load = EnrolmentLoad::start(deployment.port, 10);

    disk.fill();
    wait_until("ca-2 has taken over", Duration::from_secs(30), || {
        deployment.status()["ca"]["active"] == "ca-2"
    });
    let said = text(&deployment.bunraku(&["status"]).stdout);
    assert!(said.contains("its disk is full"), "{said}");
    assert!(last_kind(&deployment).contains(&"disk-full".to_owned()), "{said}");
    disk.make_room();
    deployment.wait_until_home();

    send(&deployment, "ca-1", rustix::process::Signal::STOP);
    wait_until("ca-2 has taken over again", Duration::from_secs(30), || {
        deployment.status()["ca"]["active"] == "ca-2"
    });
    assert!(last_kind(&deployment).contains(&"silent".to_owned()));
    send(&deployment, "ca-1", rustix::process::Signal::CONT);
    deployment.wait_until_home();

    let outcome = load.end();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
    let small = deployment.root().join("small/ca");
    let standby = deployment.standby_dir();
    for certname in &outcome.enrolled {
        for dir in [&small, &standby] {
            let certificate = dir.join("signed").join(format!("{certname}.pem"));
            wait_until("what was acknowledged is in both directories", Duration::from_secs(10), || {
                certificate.exists()
            });
        }
    }
    let errors = deployment.log("front_end_error.log");
    assert!(errors.contains("CA requests go to ca-2 in epoch"), "{errors}");
    drop(deployment);
    drop(disk);
}

#[test]
fn an_operator_switches_over_holds_a_member_back_and_is_kept_from_forcing() {
    let deployment = Deployment::start(21_140, &[]);
    deployment.wait_until_home();
    let said = deployment.bunraku_ok(&["status"]);
    assert!(said.contains("If ca-1 died now: ca-2 would take over"), "{said}");
    let refused = deployment.bunraku(&["ca", "failover", "--force", "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("ca-1 is active"), "{}", text(&refused.stderr));
    assert_eq!(deployment.bunraku(&["ca", "failover"]).status.code(), Some(1), "wants --force");

    deployment.bunraku_ok(&["ca", "hold", "ca-1"]);
    let said = deployment.bunraku_ok(&["ca", "switchover", "--to", "ca-2"]);
    assert!(said.contains("ca-2 is the active CA, in epoch") && said.contains("requests waited"), "{said}");
    let refused = deployment.bunraku(&["ca", "switchover", "--to", "ca-1", "--json"]);
    assert_eq!(refused.status.code(), Some(1));
    let why: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert!(why["error"].as_str().unwrap().contains("held back for maintenance"), "{why}");
    let said = deployment.bunraku_ok(&["status"]);
    assert!(said.contains("ca-1 is held back") && said.contains("last failover"), "{said}");
    // Offline, the standby's directory is read-only, and says who decides.
    deployment.kill("front-end");
    wait_until("it remembers", Duration::from_secs(20), || {
        let status = text(&deployment.bunraku(&["status", "--json"]).stdout);
        let status: Value = serde_json::from_str(&status).unwrap_or(Value::Null);
        status["ca"]["active"] == "ca-2" && status["ca"]["last_failover"]["kind"] == "switchover"
    });
    deployment.bunraku_ok(&["ca", "hold", "ca-1", "--release"]);
    deployment.wait_until_home();
    let page = Command::new("curl")
        .args(["--silent", &format!("http://127.0.0.1:{}/metrics", deployment.port + 1_000)])
        .output()
        .unwrap();
    let page = text(&page.stdout);
    assert!(page.contains("bunraku_ca_is_primary{member=\"ca-1\"} 1"), "{page}");
    assert!(page.contains("bunraku_ca_failovers_total{cause=\"switchover\"}"), "{page}");
}

/// A process of the test's own, ended when dropped.
struct Member(Child);

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_third_member_joins_with_one_command() {
    const THIRD: &str = "[[ca.member]]\nname = \"ca-3\"\naddress = \"127.0.0.1:31146\"\ncertname = \"bunraku-ca-3\"\ncadir = \"ssl/ca.third\"\n";
    let deployment = Deployment::start_prepared(21_140, &["--no-restart"], |root| {
        let options =
            SetupOptions { ca_name: "Puppet CA: three".into(), key: KeyKind::EcP256, ca_ttl: 86_400 * 400 };
        ca::setup(&root.join("ca"), &options, |_| {}).unwrap();
        let third = format!("{THIRD}\n[front_end]\n");
        configure(root, &[("\n[front_end]\n", &format!("\n{third}"))]);
    });
    // That host is lost, with all that was on it.
    deployment.kill("ca-3");
    std::fs::remove_dir_all(deployment.dir().join("ssl/ca.third")).unwrap();
    wait_until("it is out of the in-sync set", Duration::from_secs(20), || {
        deployment.status()["ca"]["members"][2]["in_sync"] == false
    });
    deployment.bunraku_ok(&["ca", "clean", "--certname", "bunraku-ca-3"]);
    // A new one: the configuration, the CA's certificate, the operator's. No more.
    let host = deployment.scratch("host");
    for folder in ["ssl/certs", "ssl/private_keys", "log"] {
        std::fs::create_dir_all(host.join(folder)).unwrap();
    }
    for file in [
        "bunraku.toml",
        "ssl/certs/ca.pem",
        "ssl/certs/bunraku-operator.pem",
        "ssl/private_keys/bunraku-operator.pem",
    ] {
        std::fs::copy(deployment.dir().join(file), host.join(file)).unwrap();
    }
    let log = std::fs::File::create(host.join("joining")).unwrap();
    let joining = Command::new(BUNRAKU)
        .args(["serve", "--role", "ca", "--name", "ca-3", "--join", "--config"])
        .arg(host.join("bunraku.toml"))
        .stdout(Stdio::from(log.try_clone().unwrap()))
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let _member = Member(joining);
    let said = || std::fs::read_to_string(host.join("joining")).unwrap();
    wait_until("it has joined", Duration::from_secs(30), || {
        said().contains("in the in-sync set: it can take over")
    });
    assert!(said().contains("asking the CA for a certificate for bunraku-ca-3"), "{}", said());
    assert!(host.join("ssl/ca.third/ca_key.pem").exists());
    let status = deployment.status();
    assert_eq!(status["ca"]["members"][2]["in_sync"], true, "{status}");
}
