//! What must be true at the end of every story, whatever has happened in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use super::estate::{Estate, wait_until_seen};
use super::load::Told;

/// Number of the revocation list in a CA directory, as `openssl` reads it.
pub fn list_number(cadir: &Path) -> u64 {
    let printed = openssl(
        Command::new("openssl").args(["crl", "-noout", "-crlnumber", "-in"]).arg(cadir.join("ca_crl.pem")),
    );
    let hex = printed.trim().rsplit("0x").next().unwrap().rsplit('=').next().unwrap().to_owned();
    u64::from_str_radix(&hex, 16).unwrap_or_else(|fault| panic!("{printed}: {fault}"))
}

/// Waits for peace, then checks all promises on both directories. `number`: the revocation list's before the story.
pub fn hold(estate: &Estate, told: &Told, number: u64) {
    estate.wait_until_home();
    let directories = [estate.cadir("ca-1"), estate.cadir("ca-2")];
    // The log has everything; a directory follows within moments.
    wait_until_seen("both CA directories are equal", || {
        let [one, two] = directories.each_ref().map(|cadir| files(cadir));
        let names = one.keys().chain(two.keys()).collect::<BTreeSet<_>>();
        let differing: Vec<_> =
            names.into_iter().filter(|name| one.get(*name) != two.get(*name)).take(5).collect();
        if differing.is_empty() { Ok(()) } else { Err(format!("{differing:?} differ")) }
    });
    for cadir in &directories {
        check_directory(cadir, told, number);
    }
    // What was handed out can be fetched again.
    if let Some(name) = told.certificates.keys().find(|name| !told.cleaned.contains(name)) {
        let url = format!("https://10.77.0.1:8140/puppet-ca/v1/certificate/{name}");
        let output = estate.network.command("client", "curl").args(["--silent", "--insecure", &url]).output();
        assert_eq!(String::from_utf8_lossy(&output.unwrap().stdout), told.certificates[name]);
    }
}

/// The same for one directory at rest.
pub fn check_directory(cadir: &Path, told: &Told, number: u64) {
    let at = cadir.display();
    // No serial was given twice: not in the inventory, nor among what agents have in hand.
    let inventory = std::fs::read_to_string(cadir.join("inventory.txt")).unwrap();
    let mut rows = BTreeSet::new();
    for row in inventory.lines() {
        let serial = row.split(' ').next().unwrap();
        assert!(
            rows.insert(serial.trim_start_matches("0x").to_owned()),
            "{at}: {serial} twice in the inventory"
        );
    }
    let mut holders: BTreeMap<String, &str> = BTreeMap::new();
    for (name, pem) in &told.certificates {
        let serial = serial_of(pem);
        if let Some(other) = holders.insert(serial.clone(), name) {
            panic!("{at}: {name} and {other} both have {serial}");
        }
        assert!(rows.contains(&serial), "{at}: {name} ({serial}) is not in the inventory");
        // Nothing that was told is lost.
        let file = cadir.join(format!("signed/{name}.pem"));
        let content = std::fs::read_to_string(&file).ok();
        if told.cleaned.contains(name) {
            // The first copy of a request may be carried out after all that was done with the second: its bytes lay in
            // the kernel of a host whose front end was killed (docs/FAILOVER.md). That is another certificate.
            let late = told.sent_again.contains(name) && content.as_ref() != Some(pem);
            let back = content.as_deref().map(serial_of);
            assert!(back.is_none() || late, "{at}: {name} ({serial}) was cleaned, and there is {back:?}");
            if let Some(back) = back {
                eprintln!(
                    "{at}: {name} ({serial}) was cleaned; the first copy of its request came after: {back}"
                );
            }
        } else if !told.unsure.contains(name) {
            assert_eq!(content.as_ref(), Some(pem), "{at}: {name} was handed out and is lost, or another");
        }
    }
    // What was revoked stays revoked, under a number that has grown.
    let list = std::fs::read(cadir.join("ca_crl.pem")).unwrap();
    let list = pki::crl::RevocationList::from_pem(&list).unwrap();
    for name in &told.revoked {
        let serial = pki::Certificate::from_pem(told.certificates[name].as_bytes()).unwrap().serial();
        assert!(list.contains(&serial), "{at}: the revocation of {name} ({serial}) is lost");
    }
    let now = list_number(cadir);
    assert!(now > number || told.revoked.is_empty(), "{at}: the list's number went from {number} to {now}");
    verify(cadir, told);
}

/// `openssl verify` of every certificate that was handed out, with the list.
fn verify(cadir: &Path, told: &Told) {
    let copies = tempfile::tempdir().unwrap();
    let mut answers = BTreeMap::new();
    for (name, pem) in &told.certificates {
        std::fs::write(copies.path().join(name), pem).unwrap();
    }
    let names: Vec<&String> = told.certificates.keys().collect();
    for names in names.chunks(500) {
        let output = Command::new("openssl")
            .args(["verify", "-crl_check", "-CAfile"])
            .arg(cadir.join("ca_crt.pem"))
            .arg("-CRLfile")
            .arg(cadir.join("ca_crl.pem"))
            .args(names)
            .current_dir(copies.path())
            .output()
            .unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        for line in said.lines() {
            if let Some(name) = line.strip_suffix(": OK") {
                answers.insert(name.to_owned(), "OK".to_owned());
            } else if let Some(rest) = line.strip_prefix("error ") {
                let (name, why) = rest.split_once(": verification failed").unwrap_or((rest, ""));
                answers.entry(name.to_owned()).or_insert(why.to_owned());
            }
        }
        // The reason comes on a line of its own, before the verdict.
        assert!(!said.contains("unable to"), "{said}");
    }
    for name in told.certificates.keys().filter(|name| !told.unsure.contains(name)) {
        let good = answers.get(name).is_some_and(|answer| answer == "OK");
        assert_eq!(good, !told.revoked.contains(name), "openssl verify {name}: {:?}", answers.get(name));
    }
}

pub fn serial_of(pem: &str) -> String {
    pki::Certificate::from_pem(pem.as_bytes()).unwrap().serial().to_string()
}

/// Every file of a CA directory with its content, but for the member's own log, lock and socket.
fn files(cadir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["", "signed", "requests"] {
        for entry in std::fs::read_dir(cadir.join(folder)).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_file() && entry.file_name() != super::disks::FILLER {
                let name = path.strip_prefix(cadir).unwrap().display().to_string();
                files.insert(name, std::fs::read(path).unwrap_or_default());
            }
        }
    }
    files
}

fn openssl(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
