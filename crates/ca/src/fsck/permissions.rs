//! Modes and owners as Puppet's: keys closed to others, nothing open for others to write, one owner for all.

use super::{Material, Repair, Report, Severity};
use crate::directory::{DIRECTORY_MODE, OWN_MODE, PRIVATE_MODE, PUBLIC_MODE};
use crate::keys::{self, OTHER_KEY_MODE};
use std::fs;
use std::os::unix::fs::MetadataExt;

const CHECK: &str = "permissions";

pub(super) fn check(material: &Material, report: &mut Report) {
    let root = material.layout.root();
    let owner = fs::metadata(root).map(|metadata| (metadata.uid(), metadata.gid())).ok();
    let single = [
        ("ca_key.pem", PRIVATE_MODE),
        ("root_key.pem", PRIVATE_MODE),
        ("inventory.txt", PRIVATE_MODE),
        ("infra_inventory.txt", PRIVATE_MODE),
        ("ca_crt.pem", PUBLIC_MODE),
        ("ca_pub.pem", PUBLIC_MODE),
        ("ca_crl.pem", PUBLIC_MODE),
        ("serial", PUBLIC_MODE),
        ("signed", DIRECTORY_MODE),
        ("requests", DIRECTORY_MODE),
        ("bunraku", OWN_MODE),
    ];
    for (file, wanted) in single {
        look(material, report, file, wanted, owner);
    }
    for file in other_keys(material) {
        look(material, report, &file, OTHER_KEY_MODE, owner);
    }
    for (name, _) in &material.signed {
        look(material, report, &format!("signed/{name}.pem"), PUBLIC_MODE, owner);
    }
    for (name, _) in &material.requests {
        look(material, report, &format!("requests/{name}.pem"), PUBLIC_MODE, owner);
    }
}

/// The keys beside `ca_key.pem`.
fn other_keys(material: &Material) -> Vec<String> {
    let entries = fs::read_dir(material.layout.root()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut keys: Vec<String> = names.filter(|name| keys::id_in(name).is_some()).collect();
    keys.sort();
    keys
}

fn look(material: &Material, report: &mut Report, file: &str, wanted: u32, owner: Option<(u32, u32)>) {
    let Ok(metadata) = fs::metadata(material.layout.root().join(file)) else { return };
    let mode = metadata.mode() & 0o777;
    // Tighter than Puppet's is fine: Puppet Server 5 to 7 wrote certificates with 0640, others with 0600.
    let beyond = mode & !wanted;
    if beyond != 0 {
        let what = format!("has mode {mode:04o}, which lets more people in than {wanted:04o}");
        // `puppetserver ca setup` lets everybody read what is no secret.
        let harmless = beyond & 0o222 == 0 && !file.ends_with("_key.pem") && file != "bunraku";
        let severity = if harmless { Severity::Notice } else { Severity::Problem };
        report.add(CHECK, severity, file.to_owned(), what).repair(Repair::SetMode(mode & wanted));
    } else if mode & 0o400 == 0 {
        let what = format!("has mode {mode:04o}: not even its owner may read it");
        report.problem(CHECK, file, what).repair(Repair::SetMode(mode | wanted));
    }
    if let Some((user, group)) = owner.filter(|owner| owner.0 != metadata.uid()) {
        let what = format!("belongs to user {}, the directory to user {user}", metadata.uid());
        report.problem(CHECK, file, what).repair(Repair::SetOwner(user, group));
    }
}
