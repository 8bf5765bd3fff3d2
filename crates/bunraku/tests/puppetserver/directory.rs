//! What is not the same in two CA directories.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::compare::Described;

struct Entry {
    mode: u32,
    owner: (u32, u32),
    content: Vec<u8>,
}

/// The differences that stay when both servers have written what they had to write.
pub fn settled_differences(theirs: &Path, ours: &Path) -> Vec<String> {
    for _ in 0..50 {
        if differences(theirs, ours).is_empty() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    differences(theirs, ours)
}

/// All differences, one line each, beginning with the file's path.
fn differences(theirs: &Path, ours: &Path) -> Vec<String> {
    let (theirs, ours) = (read(theirs), read(ours));
    let mut found = Vec::new();
    for (name, entry) in &theirs {
        let Some(other) = ours.get(name) else {
            found.push(format!("{name}: only Puppet Server has it"));
            continue;
        };
        if entry.mode != other.mode {
            found.push(format!("{name}: mode {:o}, here {:o}", entry.mode, other.mode));
        }
        if entry.owner != other.owner {
            found.push(format!("{name}: owner {:?}, here {:?}", entry.owner, other.owner));
        }
        if let Some(difference) = contents(name, &entry.content, &other.content) {
            found.push(format!("{name}: {difference}"));
        }
    }
    let more = ours.keys().filter(|name| !theirs.contains_key(*name));
    found.extend(more.map(|name| format!("{name}: only Bunraku has it")));
    found
}

fn contents(name: &str, theirs: &[u8], ours: &[u8]) -> Option<String> {
    if theirs == ours {
        return None;
    }
    if name == "inventory.txt" {
        return inventories(&String::from_utf8_lossy(theirs), &String::from_utf8_lossy(ours));
    }
    match (Described::of(theirs), Described::of(ours)) {
        // The same objects must be written the same way, too.
        (Some(one), Some(other)) => one.difference(&other).or_else(|| {
            let form = |bytes: &[u8]| (bytes.len(), bytes.iter().filter(|octet| **octet == b'\n').count());
            let (one, other) = (form(theirs), form(ours));
            // A signature's encoding may be an octet longer or shorter, an RSA signature never is.
            (one != other).then(|| format!("length and lines {one:?}, here {other:?}"))
        }),
        _ => Some(format!("{:?}, here {:?}", String::from_utf8_lossy(theirs), String::from_utf8_lossy(ours))),
    }
}

fn inventories(theirs: &str, ours: &str) -> Option<String> {
    let (left, right): (Vec<&str>, Vec<&str>) = (theirs.lines().collect(), ours.lines().collect());
    if left.len() != right.len() || theirs.ends_with('\n') != ours.ends_with('\n') {
        return Some(format!("{} rows, here {}\n{theirs}\n{ours}", left.len(), right.len()));
    }
    left.iter().zip(&right).find_map(|(one, other)| {
        let difference = Described::of_row(one).difference(&Described::of_row(other))?;
        Some(format!("{one:?}, here {other:?}: {difference}"))
    })
}

/// Every file and folder by its path; `bunraku/` is ours alone.
fn read(root: &Path) -> BTreeMap<String, Entry> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if name == "bunraku" {
                continue;
            }
            let metadata = std::fs::symlink_metadata(&path).unwrap();
            let content = if metadata.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
            if metadata.is_dir() {
                folders.push(path);
            }
            let mode = metadata.permissions().mode() & 0o7777;
            found.insert(name, Entry { mode, owner: (metadata.uid(), metadata.gid()), content });
        }
    }
    found
}
