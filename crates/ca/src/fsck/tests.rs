use super::*;
use crate::setup::{SetupOptions, setup};
use crate::store::Store;
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

/// A line for it would have the revocation of one name revoke the certificate of another.
#[test]
fn what_lies_in_signed_and_is_not_ours_gets_no_line() {
    let (_root, cadir) = directory();
    let (_other_root, other) = directory();
    for name in ["a.test", "b.test"] {
        issue(&cadir, name);
    }
    issue(&other, "stranger.test");
    let file = |name: &str| cadir.join(format!("signed/{name}.pem"));
    fs::copy(other.join("signed/stranger.test.pem"), file("stranger.test")).unwrap();
    fs::rename(file("a.test"), file("c.test")).unwrap();
    let inventory = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let found = problems(&cadir);
    let signatures =
        ["c.test", "stranger.test"].map(|name| named("signatures", &format!("signed/{name}.pem")));
    assert_eq!(found, [named("log", "signed/a.test.pem"), signatures[0].clone(), signatures[1].clone()]);
    assert_eq!(mend(&cadir), signatures);
    assert_eq!(fs::read_to_string(cadir.join("inventory.txt")).unwrap(), inventory);
}

#[test]
fn what_the_log_and_the_key_know_is_written_anew() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let read = |file: &str| fs::read(cadir.join(file)).unwrap();
    let (bundle, public) = (read("ca_crt.pem"), read("ca_pub.pem"));
    for damage in [None, Some("junk")] {
        for file in ["ca_crt.pem", "ca_pub.pem"] {
            match damage {
                None => fs::remove_file(cadir.join(file)).unwrap(),
                Some(text) => fs::write(cadir.join(file), text).unwrap(),
            }
        }
        assert!(problems(&cadir).contains(&named("log", "ca_crt.pem")), "{:?}", problems(&cadir));
        // Whether the public half fits is known when the certificate is there.
        mend(&cadir);
        assert_eq!(mend(&cadir), []);
        assert!(read("ca_crt.pem") == bundle && read("ca_pub.pem") == public);
    }
}

#[test]
fn a_last_line_that_was_cut_off_in_its_name_is_completed() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let inventory = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    fs::write(cadir.join("inventory.txt"), &inventory[..inventory.len() - 4]).unwrap();
    assert!(problems(&cadir).contains(&named("inventory", "inventory.txt")));
    assert_eq!(mend(&cadir), []);
    assert_eq!(fs::read_to_string(cadir.join("inventory.txt")).unwrap(), inventory);
}

#[test]
fn requests_that_can_never_be_signed_are_set_aside() {
    let (_root, cadir) = directory();
    let key = pki::PrivateKey::generate(KeyKind::EcP256).unwrap();
    let request = pki::Request::build("one.test", &key, &pki::RequestContent::default()).unwrap();
    fs::write(cadir.join("requests/other.test.pem"), request.to_pem()).unwrap();
    assert_eq!(problems(&cadir), [named("requests", "requests/other.test.pem")]);
    assert_eq!(mend(&cadir), []);
    assert!(!cadir.join("requests/other.test.pem").exists());
}

#[test]
fn owners_are_set_by_root() {
    use std::os::unix::fs::{MetadataExt, chown};
    assert!(rustix::process::geteuid().is_root(), "only root gives files away");
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let owner = |file: &str| fs::metadata(cadir.join(file)).unwrap().uid();
    chown(cadir.join("signed/a.test.pem"), Some(65_534), None).unwrap();
    assert_eq!(problems(&cadir), [named("permissions", "signed/a.test.pem")]);
    assert_eq!(mend(&cadir), []);
    assert_eq!(owner("signed/a.test.pem"), 0);
    // All of it another user's: what root mends stays that user's.
    for file in [".", "signed", "requests"] {
        chown(cadir.join(file), Some(65_534), Some(65_534)).unwrap();
    }
    assert_eq!(mend(&cadir), []);
    for file in ["ca_key.pem", "serial", "bunraku", "bunraku/log", "bunraku/configuration", "bunraku/audit"] {
        assert_eq!(owner(file), 65_534, "{file}");
    }
}

#[test]
fn a_directory_whose_folders_are_gone_forgets_nothing() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    let signed = cadir.join("signed");
    fs::rename(&signed, cadir.join("elsewhere")).unwrap();
    assert_eq!(problems(&cadir), [named("leftovers", "signed")]);
    let before = fs::read(cadir.join("bunraku/log")).unwrap();
    let Err(fault) = Store::open(&cadir) else { panic!("it was opened") };
    assert!(fault.to_string().contains("is a file system not mounted"), "{fault}");
    assert!(!signed.exists() && fs::read(cadir.join("bunraku/log")).unwrap() == before);
    fs::rename(cadir.join("elsewhere"), &signed).unwrap();
    // Backups leave out folders that are empty.
    fs::remove_dir(cadir.join("requests")).unwrap();
    assert_eq!(problems(&cadir), [named("leftovers", "requests")]);
    Store::open(&cadir).unwrap().settle().unwrap();
    assert_eq!(problems(&cadir), []);
}

#[test]
fn a_log_that_cannot_be_used_comes_with_what_to_do() {
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 4] = [
        ("bunraku/log", &|cadir| fs::remove_file(cadir.join("bunraku/log")).unwrap()),
        ("bunraku/log", &|cadir| fs::remove_file(cadir.join("bunraku/snapshot")).unwrap()),
        ("bunraku/log", &|cadir| fs::write(cadir.join("bunraku/snapshot"), "junk").unwrap()),
        ("bunraku/configuration", &|cadir| fs::write(cadir.join("bunraku/configuration"), "junk").unwrap()),
    ];
    for (number, (file, damage)) in damages.into_iter().enumerate() {
        let (_root, cadir) = directory();
        issue(&cadir, "a.test");
        damage(&cadir);
        let found = look(&cadir).problems;
        let told = found.iter().find(|problem| problem.file == file).unwrap();
        let Err(fault) = Store::open(&cadir) else { panic!("{number} was opened") };
        for text in [told.what.clone(), fault.to_string()] {
            assert!(text.contains("move the folder bunraku/ away"), "{number}: {text}");
        }
        // As it says.
        fs::rename(cadir.join("bunraku"), cadir.parent().unwrap().join("away")).unwrap();
        drop(Store::open(&cadir).unwrap());
        assert_eq!(problems(&cadir), [], "{number}");
        assert!(cadir.join("signed/a.test.pem").exists());
    }
}

#[test]
fn a_record_whose_log_is_gone_makes_room() {
    let (_root, cadir) = directory();
    issue(&cadir, "a.test");
    for file in ["configuration", "log", "snapshot"] {
        fs::remove_file(cadir.join("bunraku").join(file)).unwrap();
    }
    issue(&cadir, "b.test");
    assert_eq!(problems(&cadir), []);
    let found = fs::read_dir(cadir.join("bunraku/found")).unwrap().next().unwrap().unwrap().path();
    let kept = fs::read_dir(found.join("audit/record")).unwrap().next().unwrap().unwrap().path();
    assert!(fs::read_to_string(kept).unwrap().contains("a.test"));
}
