use super::*;
use crate::setup::{SetupOptions, setup};
use pki::KeyKind;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let cadir = root.path().join("ca");
    let options = SetupOptions { ca_name: "Puppet CA: x".into(), key: KeyKind::EcP256, ca_ttl: 400 * 86_400 };
    setup(&cadir, &options, |_| {}).unwrap();
    (root, cadir)
}

fn issue(cadir: &Path, certname: &str) {
    let request = crate::RoleRequest {
        certname: pki::Certname::parse(certname).unwrap(),
        key: KeyKind::EcP256,
        alt_names: Vec::new(),
        cli_auth: false,
        ttl: 86_400,
    };
    crate::issue_role_certificate(cadir, "ca-1", &request).unwrap();
}

fn look(cadir: &Path) -> Report {
    check(cadir, &mut |_, _, _| {}).unwrap()
}

/// Check and file of each problem.
fn problems(cadir: &Path) -> Vec<(&'static str, String)> {
    let report = look(cadir);
    let problems = report.problems.into_iter().filter(|problem| problem.severity == Severity::Problem);
    let mut all: Vec<_> = problems.map(|problem| (problem.check, problem.file)).collect();
    all.sort();
    all
}

/// Mends, and says what is left.
fn mend(cadir: &Path) -> Vec<(&'static str, String)> {
    repair(cadir, "ca-1", &look(cadir)).unwrap();
    problems(cadir)
}

fn named(check: &'static str, file: &str) -> (&'static str, String) {
    (check, file.to_owned())
}

#[test]
fn a_directory_of_ours_is_clean() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let report = look(&cadir);
    assert_eq!(report.problems, Vec::new());
    assert_eq!((report.certificates, report.inventory_lines, report.running), (1, 2, false));
    let _lock = crate::lock_directory(&cadir).unwrap();
    assert!(look(&cadir).running);
}

#[test]
fn modes_that_let_others_in_are_closed() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let chmod = |file: &str, mode| {
        fs::set_permissions(cadir.join(file), fs::Permissions::from_mode(mode)).unwrap();
    };
    chmod("ca_key.pem", 0o644);
    chmod("signed/a.test.pem", 0o664);
    chmod("signed", 0o755);
    // Tighter is fine.
    chmod("ca_crt.pem", 0o600);
    // That others may read what is no secret is worth a word, no more: `puppetserver ca setup` leaves it so.
    let expected = ["ca_key.pem", "signed/a.test.pem"].map(|file| named("permissions", file));
    assert_eq!(problems(&cadir), expected);
    assert_eq!(mend(&cadir), []);
    assert_eq!(fs::metadata(cadir.join("ca_key.pem")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::metadata(cadir.join("signed")).unwrap().permissions().mode() & 0o777, 0o750);
}

#[test]
fn a_serial_that_would_come_again_is_raised() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    fs::write(cadir.join("serial"), "0002").unwrap();
    assert_eq!(problems(&cadir), [named("log", "serial"), named("serials", "serial")]);
    assert_eq!(mend(&cadir), []);
    assert_eq!(fs::read_to_string(cadir.join("serial")).unwrap(), "0003");
}

#[test]
fn lines_missing_in_the_inventory_come_back() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    issue(&cadir, "b.test");
    let inventory = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let kept: Vec<&str> = inventory.lines().filter(|line| !line.ends_with("/CN=a.test")).collect();
    fs::write(cadir.join("inventory.txt"), kept.join("\n")).unwrap();
    let found = problems(&cadir);
    assert!(found.contains(&named("inventory", "inventory.txt")), "{found:?}");
    assert_eq!(mend(&cadir), []);
    let mended = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&mended), sorted(&inventory));
}

#[test]
fn a_directory_of_puppets_is_checked_without_a_log_and_mended_with_one() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    // As Puppet Server would leave it, killed in the middle of a signature.
    fs::remove_dir_all(cadir.join("bunraku")).unwrap();
    let inventory = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let first = inventory.lines().next().unwrap();
    fs::write(cadir.join("inventory.txt"), format!("{first}\n0x0002 2026-11-2")).unwrap();
    fs::write(cadir.join("signed/b.test.pem123456tmp"), "half").unwrap();
    let inventory_problems = [named("inventory", "inventory.txt"), named("inventory", "inventory.txt")];
    let mut expected = inventory_problems.to_vec();
    expected.push(named("leftovers", "signed/b.test.pem123456tmp"));
    assert_eq!(problems(&cadir), expected);
    assert!(!cadir.join("bunraku").exists(), "a check leaves nothing behind");
    assert_eq!(mend(&cadir), []);
    let mended = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    // The certificate tells how the line was to go on.
    assert_eq!(mended, inventory);
    assert!(!cadir.join("signed/b.test.pem123456tmp").exists());
}

#[test]
fn what_belongs_elsewhere_is_named() {
    let (_root, cadir) = directory();
    let (_other_root, other) = directory();
    issue(&other, "stranger.test");
    fs::copy(other.join("signed/stranger.test.pem"), cadir.join("signed/stranger.test.pem")).unwrap();
    fs::write(cadir.join("requests/x.test.pem"), "hello").unwrap();
    fs::copy(other.join("ca_pub.pem"), cadir.join("ca_pub.pem")).unwrap();
    fs::copy(other.join("ca_crl.pem"), cadir.join("ca_crl.pem")).unwrap();
    let found = problems(&cadir);
    for expected in [
        named("signatures", "signed/stranger.test.pem"),
        named("requests", "requests/x.test.pem"),
        named("key", "ca_pub.pem"),
        named("revocation_list", "ca_crl.pem"),
    ] {
        assert!(found.contains(&expected), "{expected:?} not in {found:?}");
    }
    let number = |cadir: &Path| {
        pki::crl::RevocationList::from_pem(&fs::read(cadir.join("ca_crl.pem")).unwrap()).unwrap()
    };
    assert_ne!(number(&cadir).signature(), b"");
    let left = mend(&cadir);
    assert!(!left.contains(&named("revocation_list", "ca_crl.pem")), "{left:?}");
    assert!(left.contains(&named("signatures", "signed/stranger.test.pem")), "{left:?}");
}

#[test]
fn a_key_that_openvox_ca_keeps_elsewhere_is_pointed_at() {
    let (_root, cadir) = directory();
    fs::create_dir(cadir.join("private")).unwrap();
    fs::rename(cadir.join("ca_key.pem"), cadir.join("private/ca_key.pem")).unwrap();
    let report = look(&cadir);
    let key = report.problems.iter().find(|problem| problem.check == "key").unwrap();
    assert!(key.what.contains("openvox-ca"), "{}", key.what);
}

#[test]
fn a_damaged_log_is_a_problem() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    fs::write(cadir.join("bunraku/log"), "garbage").unwrap();
    assert_eq!(problems(&cadir), [named("log", "bunraku/log")]);
}
