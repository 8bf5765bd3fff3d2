//! Temporary files that a crash of ours or of Puppet Server left behind, and what else nobody put there on purpose.

use super::{Material, Repair, Report};
use std::fs;

const CHECK: &str = "leftovers";

pub(super) fn check(material: &Material, report: &mut Report) {
    for file in &material.strange {
        if is_temporary(file) {
            // One of a Puppet Server that is at work now would be gone in a moment.
            report.problem(CHECK, file, "is a leftover of an interrupted write").repair(Repair::SetAside);
        } else {
            report.notice(CHECK, file, "is not a file that a CA has here");
        }
    }
    if let Ok(entries) = fs::read_dir(material.layout.root()) {
        for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
            if is_temporary(&name) {
                report.problem(CHECK, name, "is a leftover of an interrupted write").repair(Repair::SetAside);
            }
        }
    }
    if material.layout.configuration().exists() {
        for (folder, path) in [("signed", material.layout.signed()), ("requests", material.layout.requests())]
        {
            if !path.exists() {
                let what = "is missing: is a file system not mounted, or a backup incomplete? Put it back";
                report.problem(CHECK, folder, what);
            }
        }
    }
    let temporary = fs::read_dir(material.layout.temporary()).map_or(0, Iterator::count);
    if temporary > 0 && !material.running {
        let what =
            format!("holds {temporary} temporary files of an interrupted write; the next start drops them");
        report.notice(CHECK, "bunraku/tmp", what);
    }
}

/// Puppet Server writes `NAME.pem<digits>tmp` and renames; so did its tools, with dates.
fn is_temporary(name: &str) -> bool {
    let Some(stem) = name.strip_suffix("tmp") else { return false };
    let trimmed = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    trimmed.len() < stem.len() || stem.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::is_temporary;

    #[test]
    fn temporary_files_of_puppet_server_are_known() {
        for name in ["signed/a.test.pem4711tmp", "serial123tmp", "inventory.txt99-1tmp", "ca_crl.pem.tmp"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["serial", "tmp", "a.pem", "signed/readme.txt"] {
            assert!(!is_temporary(name), "{name}");
        }
    }
}
