//! Findings become deeds: commands for the log, files set aside, files written anew.

use super::found::{Content, Found};
use super::{Finding, Remedy, Restore};
use crate::command::Command;
use crate::directory::{Directory, Layout, PUBLIC_MODE, sync_directory};
use crate::state::State;
use pki::{Serial, pem};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// Octets of commands that go into the log as one entry.
const ENTRY_OCTETS: usize = 1024 * 1024;

/// What has to be done about findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// For the log, in order; each group is an entry.
    pub entries: Vec<Vec<Command>>,
    /// For our next revocation list.
    pub revoke: Vec<(Serial, i64)>,
    /// Its number must be above this.
    pub above: u64,
    /// To be written anew: the file, and from what.
    pub restore: Vec<(String, Restore)>,
}

impl Plan {
    /// Nothing has to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the member that decides does.
pub fn plan(findings: &[Finding]) -> Plan {
    let mut plan = Plan::default();
    let mut group = Vec::new();
    let mut octets = 0;
    for finding in findings {
        match &finding.remedy {
            Remedy::Adopt(commands) => {
                let note = Command::Noted { text: format!("{} {}", finding.file, finding.what) };
                for command in std::iter::once(&note).chain(commands) {
                    octets += size(command);
                    group.push(command.clone());
                }
                if octets > ENTRY_OCTETS {
                    plan.entries.push(std::mem::take(&mut group));
                    octets = 0;
                }
            }
            Remedy::Revoke { entries, above } => {
                plan.revoke.extend(entries.iter().copied());
                plan.above = plan.above.max(*above);
            }
            Remedy::Restore(restore) => {
                let text = format!("{} {}; {}", finding.file, finding.what, finding.consequence());
                octets += text.len();
                group.push(Command::Noted { text });
                plan.restore.push((finding.file.clone(), restore.clone()));
            }
            Remedy::Leave => {}
        }
    }
    if !group.is_empty() {
        plan.entries.push(group);
    }
    plan
}

fn size(command: &Command) -> usize {
    match command {
        Command::CertificateAdopted { der, .. }
        | Command::RequestSaved { der, .. }
        | Command::RevocationListAdopted { der } => der.len() + 200,
        Command::InventoryAdopted { text, .. } | Command::Noted { text } => text.len() + 20,
        _ => 200,
    }
}

/// What a member does that follows another: nothing is taken over here, so whatever differs is written anew.
pub fn follower_plan(state: &State, findings: &[Finding]) -> Vec<(String, Restore)> {
    let mut restore = Vec::new();
    for finding in findings.iter().filter(|finding| finding.remedy != Remedy::Leave) {
        let file = finding.file.as_str();
        let what = match file {
            "serial" => Restore::Serial,
            "ca_crl.pem" => Restore::Lists,
            "inventory.txt" => Restore::Inventory,
            "ca_crt.pem" => Restore::Bundle,
            _ => match (name_in(file, "signed/"), name_in(file, "requests/")) {
                (Some(name), _) if state.signed().contains_key(name) => Restore::Certificate(name.into()),
                (_, Some(name)) if state.pending().contains_key(name) => Restore::Request(name.into()),
                (Some(_), _) | (_, Some(_)) => Restore::Nothing,
                (None, None) => continue,
            },
        };
        restore.push((finding.file.clone(), what));
    }
    restore
}

fn name_in<'a>(file: &'a str, folder: &str) -> Option<&'a str> {
    file.strip_prefix(folder)?.strip_suffix(".pem")
}

/// Tells the operator.
pub fn tell(findings: &[Finding], follower: bool) {
    for finding in findings {
        let consequence = match finding.remedy {
            Remedy::Leave => finding.consequence(),
            _ if follower => "this member follows another: set aside in bunraku/found and written anew",
            _ => finding.consequence(),
        };
        match finding.remedy {
            Remedy::Adopt(_) if !follower => {
                info!(file = finding.file, "changed by somebody else: {}; {consequence}", finding.what);
            }
            _ => warn!(file = finding.file, "changed by somebody else: {}; {consequence}", finding.what),
        }
    }
}

/// Keeps what was found, byte for byte, under `bunraku/found/TIME/`, before anything takes its place. Durable on
/// return.
///
/// # Errors
/// Any fault of the file system.
pub fn set_aside<'a>(
    layout: &Layout,
    found: &Found,
    files: impl IntoIterator<Item = &'a str>,
    now: i64,
) -> io::Result<Option<PathBuf>> {
    let mut place: Option<PathBuf> = None;
    for file in files {
        let Some(bytes) = content(found, file) else { continue };
        let place = match &place {
            Some(place) => place.clone(),
            None => place.insert(new_place(layout, now)?).clone(),
        };
        let target = place.join(file);
        if let Some(parent) = target.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&target)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        sync_directory(target.parent().unwrap_or(&place))?;
    }
    Ok(place)
}

/// Sets requests aside, by name and content, and takes them away.
///
/// # Errors
/// Any fault of the file system.
pub fn remove_leftovers(layout: &Layout, requests: &BTreeMap<String, Vec<u8>>, now: i64) -> io::Result<()> {
    let contents = requests.iter().map(|(name, bytes)| (name.clone(), Content::Bytes(bytes.clone())));
    let found = Found { requests: contents.collect(), ..Found::default() };
    let files: Vec<String> = found.files().collect();
    set_aside(layout, &found, files.iter().map(String::as_str), now)?;
    for name in requests.keys() {
        fs::remove_file(layout.request(name))?;
    }
    sync_directory(&layout.requests())
}

/// Keeps a single file that our own write is about to replace. Durable on return.
///
/// # Errors
/// Any fault of the file system.
pub fn keep_overtaken(layout: &Layout, path: &Path) -> io::Result<()> {
    let bytes = match fs::read(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let place = new_place(layout, crate::time::now())?;
    let name = path.file_name().unwrap_or_default();
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(place.join(name))?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    sync_directory(&place)?;
    warn!(
        file = %name.display(),
        "changed by somebody else a moment before it was due to be written: set aside in bunraku/found"
    );
    Ok(())
}

/// A directory of this moment that nobody has used.
fn new_place(layout: &Layout, now: i64) -> io::Result<PathBuf> {
    let time = crate::time::format(now).replace(':', "");
    DirBuilder::new().recursive(true).mode(0o700).create(layout.found())?;
    let mut number = 1;
    loop {
        let name = if number == 1 { time.clone() } else { format!("{time}-{number}") };
        let place = layout.found().join(name);
        match DirBuilder::new().mode(0o700).create(&place) {
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => number += 1,
            other => {
                other?;
                sync_directory(&layout.found())?;
                return Ok(place);
            }
        }
    }
}

fn content<'a>(found: &'a Found, file: &str) -> Option<&'a [u8]> {
    let content = match file {
        "serial" => found.serial.as_ref(),
        "inventory.txt" => found.inventory.as_ref(),
        "ca_crl.pem" => found.lists.as_ref(),
        "ca_crt.pem" => found.bundle.as_ref(),
        _ => match (name_in(file, "signed/"), name_in(file, "requests/")) {
            (Some(name), _) => found.signed.get(name),
            (_, Some(name)) => found.requests.get(name),
            _ => None,
        },
    };
    content.and_then(Content::bytes)
}

/// Writes a file anew from the state; `original` are the bytes of a certificate, which the state does not have. False
/// when they would be needed and are not there.
///
/// # Errors
/// Any fault of the file system.
pub fn restore(
    directory: &Directory,
    state: &State,
    file: &str,
    restore: &Restore,
    original: Option<&[u8]>,
) -> io::Result<bool> {
    let layout = directory.layout();
    match restore {
        Restore::Serial => {
            directory.write(&layout.serial(), state.next_serial().to_string().as_bytes(), PUBLIC_MODE)?;
        }
        Restore::Bundle => {
            directory.write(&layout.bundle(), state.bundle_pem().as_bytes(), PUBLIC_MODE)?;
        }
        Restore::Lists => {
            directory.write(&layout.revocation_lists(), state.lists().to_pem().as_bytes(), PUBLIC_MODE)?;
        }
        Restore::Inventory => {
            let bytes = fs::read(layout.inventory())?;
            let length = usize::try_from(state.inventory_length()).unwrap_or(usize::MAX);
            let ours = bytes.get(..length).filter(|ours| crc32c::crc32c(ours) == state.inventory_sum());
            let Some(ours) = ours else { return Ok(false) };
            directory.write(&layout.inventory(), ours, crate::directory::PRIVATE_MODE)?;
        }
        Restore::Request(name) => {
            if let Some(pending) = state.pending().get(name.as_str()) {
                let text = pem::encode("CERTIFICATE REQUEST", &pending.der);
                directory.write(&layout.request(name), text.as_bytes(), PUBLIC_MODE)?;
            }
        }
        Restore::Certificate(name) => {
            let Some(der) = original else { return Ok(false) };
            let text = pem::encode("CERTIFICATE", der);
            directory.write(&layout.certificate(name), text.as_bytes(), PUBLIC_MODE)?;
        }
        Restore::Nothing => {
            let path = layout.root().join(file);
            match fs::remove_file(&path) {
                Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
                _ => sync_directory(path.parent().unwrap_or(Path::new("/")))?,
            }
        }
    }
    Ok(true)
}
