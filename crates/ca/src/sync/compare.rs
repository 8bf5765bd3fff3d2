//! What of two directories differs, and what that means.

use super::{Finding, Origin, Plan};
use crate::directory::Layout;
use crate::foreign::look;
use crate::fsck::{Material, Progress};
use crate::inventory::Row;
use crate::time;
use pki::crl::{CrlDraft, RevocationList};
use pki::issue::Authority;
use pki::{PrivateKey, Serial, Signer as _};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Files of a CA directory besides the two folders, in the form that they are taken over as they are.
const PLAIN: [&str; 6] =
    ["ca_crt.pem", "ca_key.pem", "ca_pub.pem", "infra_inventory.txt", "infra_serials", "infra_crl.pem"];
/// Not taken along: it belongs offline.
const ROOT_KEY: &str = "root_key.pem";
/// Bunraku's own.
const OWN: &str = "bunraku";

/// Reads a directory; what is told of progress is named after `side`.
///
/// # Errors
/// Any fault of the file system.
pub fn read(cadir: &Path, side: &str, progress: &mut Progress<'_>) -> io::Result<Material> {
    let mut told = |what: &str, done: usize, total: usize| progress(&format!("{side}: {what}"), done, total);
    Material::read(&Layout::new(cadir), time::now(), &mut told)
}

/// Works out what makes `destination` (none: it does not exist) a copy of `source`, and with `merge` what of it can be
/// kept besides.
///
/// # Errors
/// A sentence, when the source itself cannot be relied upon.
pub fn compare(source: &Material, destination: Option<&Material>, merge: bool) -> Result<Plan, String> {
    let key = sound(source)?;
    let mut plan = Plan::default();
    let empty = BTreeMap::new();
    let here = Side::of(source)?;
    let there = match destination {
        Some(material) if material.layout.bundle().exists() => Some(Side::of(material)?),
        _ => None,
    };
    if let (Some(there), Some(material)) = (&there, destination) {
        authority(source, material, &mut plan);
        repeated(&here, there, &mut plan);
    }
    let rows = there.as_ref().map_or(&empty, |there| &there.rows);
    let certificates = certificates(&here, there.as_ref(), &mut plan);
    requests(&here, there.as_ref(), &certificates, &mut plan);
    inventory(source, &here, rows, &mut plan);
    revocations(source, destination.filter(|_| there.is_some()), &here, &key, merge, &mut plan)?;
    serial(source, destination, &mut plan);
    plain(source, destination, &mut plan).map_err(|fault| fault.to_string())?;
    if let Some(destination) = destination {
        others(destination, &mut plan).map_err(|fault| fault.to_string())?;
    }
    tally(source, destination, &mut plan).map_err(|fault| fault.to_string())?;
    Ok(plan)
}

/// One directory's certificates, requests and inventory.
struct Side<'a> {
    certificates: BTreeMap<&'a str, &'a pki::Certificate>,
    requests: BTreeMap<&'a str, &'a pki::Request>,
    rows: BTreeMap<Serial, &'a Row>,
}

impl<'a> Side<'a> {
    fn of(material: &'a Material) -> Result<Self, String> {
        let place =
            |folder: &str, name: &str| material.layout.root().join(folder).join(format!("{name}.pem"));
        let mut certificates = BTreeMap::new();
        for (name, parsed) in &material.signed {
            let read =
                parsed.as_ref().map_err(|fault| format!("{}: {fault}", place("signed", name).display()))?;
            certificates.insert(name.as_str(), read);
        }
        let mut requests = BTreeMap::new();
        for (name, parsed) in &material.requests {
            let read =
                parsed.as_ref().map_err(|fault| format!("{}: {fault}", place("requests", name).display()))?;
            requests.insert(name.as_str(), read);
        }
        let mut rows = BTreeMap::new();
        for line in &material.rows {
            let inventory = || material.layout.inventory().display().to_string();
            let row = line
                .row
                .as_ref()
                .ok_or_else(|| format!("{}, line {}: cannot be read", inventory(), line.number))?;
            if let Some(other) = rows.insert(row.serial, row).filter(|other: &&Row| other.name != row.name) {
                return Err(format!(
                    "{}: serial {} was issued twice, to {} and to {}; 'bunraku ca fsck' says more",
                    inventory(),
                    row.serial,
                    other.name,
                    row.name
                ));
            }
        }
        Ok(Self { certificates, requests, rows })
    }

    /// What this directory shows to have been issued: to whom under each number, and until when it is valid (Unix seconds).
    fn issued(&self) -> BTreeMap<Serial, (&str, i64)> {
        let certificates =
            self.certificates.iter().map(|(name, one)| (one.serial(), (*name, one.not_after())));
        let rows = self.rows.values().map(|row| (row.serial, (row.name.as_str(), row.not_after)));
        certificates.chain(rows).collect()
    }

    /// Whether this directory has ever issued this certificate.
    fn knows(&self, certificate: &pki::Certificate) -> bool {
        self.rows.get(&certificate.serial()).is_some_and(|row| {
            certificate.subject_cn() == Some(row.name.as_str()) && row.not_after == certificate.not_after()
        })
    }
}

/// What the source must be for anything to be made of it.
fn sound(source: &Material) -> Result<Authority, String> {
    let root = source.layout.root().display();
    let bad = |file: &str, fault: &str| {
        format!("{root}/{file}: {fault}; 'bunraku ca fsck --cadir {root}' says more")
    };
    source.bundle.as_ref().map_err(|fault| bad("ca_crt.pem", fault))?;
    source.lists.as_ref().map_err(|fault| bad("ca_crl.pem", fault))?;
    let key = source.key.bytes().ok_or_else(|| bad("ca_key.pem", "is missing"))?;
    let key = PrivateKey::from_pem(key).map_err(|fault| bad("ca_key.pem", &fault.to_string()))?;
    let issuer = source.issuer.clone().ok_or_else(|| bad("ca_crt.pem", "has no certificate"))?;
    if issuer.spki_der() != key.spki_der() {
        return Err(bad("ca_key.pem", "is not the key of any certificate in ca_crt.pem"));
    }
    let list = source.own_list.as_ref().ok_or_else(|| bad("ca_crl.pem", "has no list of this CA"))?;
    list.verify(issuer.spki_der()).map_err(|fault| bad("ca_crl.pem", &fault.to_string()))?;
    Ok(Authority { certificate: issuer, signer: Arc::new(key) })
}

fn find(plan: &mut Plan, kind: &'static str, name: &str, what: String, merge: Option<&'static str>) {
    plan.findings.push(Finding { kind, name: name.to_owned(), what, merge });
}

fn authority(source: &Material, destination: &Material, plan: &mut Plan) {
    let (Some(ours), Some(theirs)) = (&source.issuer, &destination.issuer) else {
        return find(plan, "authority", "ca_crt.pem", "cannot be read in the destination".into(), None);
    };
    if ours.spki_der() != theirs.spki_der() {
        let what = format!("the destination is another CA ({})", theirs.subject_display());
        find(plan, "authority", "ca_crt.pem", what, None);
    } else if theirs.not_after() > ours.not_after() {
        let what = "the destination's CA certificate was renewed, and the source's was not".into();
        find(plan, "authority", "ca_crt.pem", what, None);
    }
}

/// Serial numbers that the two have given to different certificates. `puppetserver ca generate --ca-client` writes no
/// row, so the certificates themselves are asked as well.
fn repeated(here: &Side<'_>, there: &Side<'_>, plan: &mut Plan) {
    let ours = here.issued();
    for (serial, theirs) in there.issued() {
        let Some(ours) = ours.get(&serial).filter(|ours| **ours != theirs) else { continue };
        let what = format!(
            "serial {serial} was issued twice: to {} in the source, to {} in the destination; revoking one revokes \
             both, so have one of the two nodes make a new key and request",
            ours.0, theirs.0
        );
        find(plan, "repeated-serial", &serial.to_string(), what, None);
    }
}

/// Gives the names of the certificates that the result has.
fn certificates<'a>(here: &Side<'a>, there: Option<&Side<'a>>, plan: &mut Plan) -> BTreeSet<&'a str> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for name in here.certificates.keys() {
        plan.result.insert(format!("signed/{name}.pem"), Origin::Source);
        names.insert(name);
    }
    for (name, theirs) in there.iter().flat_map(|there| &there.certificates) {
        let file = format!("signed/{name}.pem");
        let knows_ours = |ours| there.is_some_and(|there| there.knows(ours));
        match here.certificates.get(name) {
            Some(ours) if ours.der() == theirs.der() => {}
            // Replaced, or cleaned, by the source.
            Some(_) if here.knows(theirs) => {}
            None if here.knows(theirs) => {}
            Some(ours) if knows_ours(ours) => {
                let what = format!("was replaced in the destination (serial {})", theirs.serial());
                find(plan, "certificate", name, what, Some("the newer certificate is kept"));
                plan.result.insert(file, Origin::Destination);
            }
            Some(ours) => {
                let what = format!(
                    "was issued on both sides since they were equal: serial {} in the source, {} in the destination; \
                     clean the one that the node does not use",
                    ours.serial(),
                    theirs.serial()
                );
                find(plan, "certificate", name, what, None);
            }
            None => {
                let what = format!("is signed in the destination only (serial {})", theirs.serial());
                find(plan, "certificate", name, what, Some("the certificate is kept"));
                plan.result.insert(file, Origin::Destination);
                names.insert(name);
            }
        }
    }
    plan.certificates = names.len();
    names
}

fn requests(here: &Side<'_>, there: Option<&Side<'_>>, signed: &BTreeSet<&str>, plan: &mut Plan) {
    for name in here.requests.keys() {
        plan.result.insert(format!("requests/{name}.pem"), Origin::Source);
    }
    for (name, theirs) in there.iter().flat_map(|there| &there.requests) {
        match here.requests.get(name) {
            Some(ours) if ours.spki_der() == theirs.spki_der() => {}
            Some(_) => {
                let what = "another request of the same name waits in the destination; clean the one that is not the \
                            node's";
                find(plan, "request", name, what.into(), None);
            }
            // It was signed meanwhile.
            None if signed.contains(name) => {}
            None => {
                let what = "waits in the destination only";
                find(plan, "request", name, what.into(), Some("the request is kept"));
                plan.result.insert(format!("requests/{name}.pem"), Origin::Destination);
            }
        }
    }
}

fn inventory(source: &Material, here: &Side<'_>, theirs: &BTreeMap<Serial, &Row>, plan: &mut Plan) {
    let extra: Vec<&Row> =
        theirs.values().copied().filter(|row| !here.rows.contains_key(&row.serial)).collect();
    if extra.is_empty() {
        plan.result.insert("inventory.txt".into(), Origin::Source);
        return;
    }
    for row in &extra {
        let what = format!("serial {} was issued to it by the destination only", row.serial);
        find(plan, "inventory", &row.name, what, Some("the line is added"));
    }
    let mut text = source.inventory.bytes().unwrap_or_default().to_vec();
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    extra.iter().for_each(|row| text.extend_from_slice(row.to_line().as_bytes()));
    plan.result.insert("inventory.txt".into(), Origin::Made(text));
}

fn revocations(
    source: &Material,
    destination: Option<&Material>,
    here: &Side<'_>,
    key: &Authority,
    merge: bool,
    plan: &mut Plan,
) -> Result<(), String> {
    let file = "ca_crl.pem";
    plan.result.insert(file.into(), Origin::Source);
    let Some(ours) = &source.own_list else { return Ok(()) };
    plan.revoked = ours.entries().map(|(serial, _)| serial).collect();
    let Some(theirs) = destination.and_then(|material| material.own_list.as_ref()) else { return Ok(()) };
    let known: BTreeSet<Serial> = plan.revoked.iter().copied().collect();
    // The source may have pruned what has expired.
    let expired = |serial: &Serial| here.rows.get(serial).is_some_and(|row| row.not_after < source.now);
    let extra: Vec<(Serial, i64)> =
        theirs.entries().filter(|(serial, _)| !known.contains(serial) && !expired(serial)).collect();
    for (serial, _) in &extra {
        let what = format!("serial {serial} is revoked in the destination only");
        find(plan, "revocation", &serial.to_string(), what, Some("the revocation is kept"));
    }
    let (our_number, their_number) = (ours.number().unwrap_or(0), theirs.number().unwrap_or(0));
    let forked = our_number == their_number && ours.der() != theirs.der();
    if forked {
        let what = format!("both sides have made a list number {our_number}, and the two differ");
        find(plan, "revocation-list", file, what, Some("a list with a higher number takes their place"));
    } else if their_number > our_number {
        let what = format!("the destination's list has number {their_number}, the source's {our_number}");
        find(plan, "revocation-list", file, what, Some("a list with a higher number takes their place"));
    }
    if !merge || (extra.is_empty() && !forked && their_number <= our_number) {
        return Ok(());
    }
    let mut entries: Vec<(Serial, i64)> = ours.entries().collect();
    entries.extend_from_slice(&extra);
    plan.revoked.extend(extra.iter().map(|(serial, _)| *serial));
    let draft = CrlDraft::at(source.now, our_number.max(their_number) + 1, &entries);
    let list =
        pki::crl::issue(key, &draft).map_err(|fault| format!("no revocation list can be issued: {fault}"))?;
    let others = source.lists.iter().flatten().filter(|list| !list.is_issued_by(&key.certificate));
    let text: String = std::iter::once(list.to_pem()).chain(others.map(RevocationList::to_pem)).collect();
    plan.result.insert(file.into(), Origin::Made(text.into_bytes()));
    Ok(())
}

/// The next serial number is above everything that either side has given out.
fn serial(source: &Material, destination: Option<&Material>, plan: &mut Plan) {
    let file = "serial";
    let next = |material: &Material| {
        let text = material.serial.bytes().map(|text| String::from_utf8_lossy(text).into_owned())?;
        Serial::parse_hex(&text).ok()
    };
    let (ours, theirs) = (next(source), destination.and_then(next));
    if source.serial.bytes().is_some() {
        plan.result.insert(file.into(), Origin::Source);
    }
    if theirs > ours
        && let Some(theirs) = theirs
    {
        let ours = ours.map_or_else(|| "missing".to_owned(), |serial| serial.to_string());
        let what =
            format!("the destination has given out more numbers: its next is {theirs}, the source's {ours}");
        find(plan, "serial", file, what, Some("the higher number is kept"));
        plan.result.insert(file.into(), Origin::Destination);
    }
}

fn plain(source: &Material, destination: Option<&Material>, plan: &mut Plan) -> io::Result<()> {
    let root = source.layout.root();
    for name in PLAIN {
        if root.join(name).exists() {
            plan.result.insert(name.into(), Origin::Source);
        }
    }
    let lines = |material: &Material| -> io::Result<BTreeSet<String>> {
        let content = look::read(&material.layout.infra_inventory())?;
        let text = String::from_utf8_lossy(content.bytes().unwrap_or_default()).into_owned();
        Ok(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
    };
    if let Some(destination) = destination {
        let ours = lines(source)?;
        for line in lines(destination)?.difference(&ours) {
            let what = "is named in the destination only; add the name in the source";
            find(plan, "file", &format!("infra_inventory.txt: {line}"), what.into(), None);
        }
    }
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let known = plan.result.contains_key(&name) || [OWN, "signed", "requests"].contains(&name.as_str());
        if !known || name == ROOT_KEY {
            plan.ignored.push(name);
        }
    }
    plan.ignored.extend(source.strange.iter().cloned());
    plan.ignored.sort();
    Ok(())
}

/// Files of the destination that are no part of a CA, or that the source does not have: nothing disappears unsaid.
fn others(destination: &Material, plan: &mut Plan) -> io::Result<()> {
    let root = destination.layout.root();
    let mut names: Vec<String> = destination.strange.clone();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if ![OWN, "signed", "requests"].contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.retain(|name| !plan.result.contains_key(name));
    names.sort();
    for name in names {
        let about = std::fs::symlink_metadata(root.join(&name))?;
        let merge = about.is_file().then_some("the file is kept");
        if name != ROOT_KEY {
            find(plan, "file", &name, "is in the destination only".into(), merge);
        }
        if about.is_file() {
            plan.result.insert(name, Origin::Destination);
        }
    }
    Ok(())
}

/// What changes in the destination.
fn tally(source: &Material, destination: Option<&Material>, plan: &mut Plan) -> io::Result<()> {
    let at = |material: &Material, name: &str| look::read(&material.layout.root().join(name));
    for (name, origin) in &plan.result {
        let before = destination.map(|destination| at(destination, name)).transpose()?;
        let before = before.as_ref().and_then(|content| content.bytes());
        let from_source;
        let after = match origin {
            Origin::Destination => before,
            Origin::Made(bytes) => Some(bytes.as_slice()),
            Origin::Source => {
                from_source = at(source, name)?;
                from_source.bytes()
            }
        };
        match before {
            None => plan.new.push(name.clone()),
            Some(before) if Some(before) == after => plan.unchanged += 1,
            Some(_) => plan.changed.push(name.clone()),
        }
    }
    let Some(destination) = destination else { return Ok(()) };
    let theirs = [
        ("signed", destination.signed.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        ("requests", destination.requests.iter().map(|(name, _)| name).collect()),
    ];
    for (folder, names) in theirs {
        let gone = names.into_iter().map(|name| format!("{folder}/{name}.pem"));
        plan.dropped.extend(gone.filter(|name| !plan.result.contains_key(name)));
    }
    Ok(())
}
