//! Reads a CA directory that Puppet Server, the Ruby CA or `puppetserver ca setup` wrote.

use crate::authority::{details_of_certificate, details_of_request};
use crate::command::AutosignMark;
use crate::directory::Layout;
use crate::inventory::Row;
use crate::state::{Origin, Pending, RevocationLists, Signed, State};
use pki::crl::RevocationList;
use pki::fingerprint::Digests;
use pki::{Certificate, KeyFault, PrivateKey, Request, Serial, Signer as _, pem};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use tracing::warn;

/// Why a directory cannot be taken over.
#[derive(Debug, Error)]
pub enum ImportFault {
    /// Some of the files that make a CA are there, others are not.
    #[error("{} is not a complete CA directory: {} missing", path.display(), missing.join(", "))]
    Partial { path: PathBuf, missing: Vec<&'static str> },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A file holds something else than it should.
    #[error("{}: {reason}", path.display())]
    Content { path: PathBuf, reason: String },
    /// The key cannot be used (an encrypted one says how to decrypt it).
    #[error("{}: {fault}", path.display())]
    Key { path: PathBuf, fault: KeyFault },
}

const NEEDED: [&str; 5] = ["ca_crt.pem", "ca_key.pem", "ca_crl.pem", "inventory.txt", "serial"];

/// Whether there is a CA in this directory: all of it, or nothing.
///
/// # Errors
/// [`ImportFault::Partial`] when only some of its files are there.
pub fn is_present(root: &Path) -> Result<bool, ImportFault> {
    let missing: Vec<&'static str> = NEEDED.into_iter().filter(|name| !root.join(name).exists()).collect();
    match missing.len() {
        0 => Ok(true),
        count if count == NEEDED.len() => Ok(false),
        _ => Err(ImportFault::Partial { path: root.to_owned(), missing }),
    }
}

/// Reads the whole directory. Single files that cannot be understood are left out with a warning, and stay where
/// they are; a CA that cannot be understood is an error.
///
/// # Errors
/// [`ImportFault`].
pub fn read(layout: &Layout) -> Result<State, ImportFault> {
    let key_pem = bytes(&layout.key())?;
    let key =
        PrivateKey::from_pem(&key_pem).map_err(|fault| ImportFault::Key { path: layout.key(), fault })?;
    let bundle_pem = text(&layout.bundle())?;
    let issuer = issuing_certificate(layout, &bundle_pem, &key)?;
    let lists = revocation_lists(layout, &issuer)?;
    let inventory_text = text(&layout.inventory())?;
    let serial_text = text(&layout.serial())?;
    let next_serial = Serial::parse_hex(&serial_text).map_err(|fault| content(&layout.serial(), &fault))?;

    let mut inventory = Vec::new();
    for (number, line) in inventory_text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match Row::parse(line) {
            Some(row) => inventory.push(row),
            None => {
                warn!(line = number + 1, "a line of inventory.txt cannot be understood and is left alone")
            }
        }
    }
    let signed = signed(layout)?;
    let pending = pending(layout)?;
    // A crash of the one who wrote this directory must not make a serial come back.
    let highest = inventory.iter().map(|row| row.serial).chain(signed.values().map(|one| one.serial)).max();
    let next_serial = match highest {
        Some(highest) if highest >= next_serial => {
            warn!(%highest, "serial was behind the certificates; going on after the highest of them");
            highest.next()
        }
        _ => next_serial,
    };
    Ok(State::new(Origin {
        issuer,
        bundle_pem,
        next_serial,
        pending,
        signed,
        inventory,
        inventory_length: inventory_text.len() as u64,
        inventory_sum: crc32c::crc32c(inventory_text.as_bytes()),
        inventory_open: !inventory_text.is_empty() && !inventory_text.ends_with('\n'),
        lists,
    }))
}

/// The certificate of the bundle that belongs to the key: the first one in well-kept directories.
fn issuing_certificate(layout: &Layout, bundle: &str, key: &PrivateKey) -> Result<Certificate, ImportFault> {
    let path = layout.bundle();
    let blocks = pem::parse_all(bundle.as_bytes()).map_err(|fault| content(&path, &fault))?;
    for block in blocks.iter().filter(|block| block.label == "CERTIFICATE") {
        let certificate = Certificate::from_der(&block.der).map_err(|fault| content(&path, &fault))?;
        if certificate.spki_der() == key.spki_der() {
            return Ok(certificate);
        }
    }
    Err(content(&path, &"no certificate belongs to the key in ca_key.pem"))
}

fn revocation_lists(layout: &Layout, issuer: &Certificate) -> Result<RevocationLists, ImportFault> {
    let path = layout.revocation_lists();
    let blocks = pem::parse_all(&bytes(&path)?).map_err(|fault| content(&path, &fault))?;
    let mut own = None;
    let mut chain_pem = String::new();
    for block in blocks.iter().filter(|block| block.label == "X509 CRL") {
        let list = RevocationList::from_der(&block.der).map_err(|fault| content(&path, &fault))?;
        if own.is_none() && list.verify(issuer.spki_der()).is_ok() {
            own = Some(list);
        } else {
            chain_pem.push_str(&pem::encode(&block.label, &block.der));
        }
    }
    let own = own.ok_or_else(|| content(&path, &"no revocation list is signed by the key in ca_key.pem"))?;
    Ok(RevocationLists { own, chain_pem: chain_pem.into() })
}

fn signed(layout: &Layout) -> Result<BTreeMap<String, Signed>, ImportFault> {
    let mut signed = BTreeMap::new();
    for (certname, path) in objects(&layout.signed())? {
        match Certificate::from_pem(&bytes(&path)?) {
            Ok(certificate) => {
                let entry = Signed::new(
                    &certname,
                    certificate.serial(),
                    (certificate.not_before(), certificate.not_after()),
                    &details_of_certificate(&certificate),
                    Digests::of(certificate.der()),
                );
                signed.insert(certname, entry);
            }
            Err(fault) => warn!(path = %path.display(), %fault, "not a certificate; left alone"),
        }
    }
    Ok(signed)
}

fn pending(layout: &Layout) -> Result<BTreeMap<String, Pending>, ImportFault> {
    let mut pending = BTreeMap::new();
    for (certname, path) in objects(&layout.requests())? {
        match Request::from_pem(&bytes(&path)?) {
            Ok(request) => {
                let entry = Pending {
                    der: request.der().to_vec(),
                    autosign: AutosignMark::Manual,
                    saved_by: None,
                    source: None,
                    details: details_of_request(&request),
                    fingerprints: Digests::of(request.der()),
                };
                pending.insert(certname, entry);
            }
            Err(fault) => warn!(path = %path.display(), %fault, "not a certificate request; left alone"),
        }
    }
    Ok(pending)
}

/// `NAME.pem` files of a directory, by name; a directory that is not there has none.
fn objects(directory: &Path) -> Result<Vec<(String, PathBuf)>, ImportFault> {
    let fault = |source| ImportFault::Io { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(fault)?,
    };
    let mut objects = Vec::new();
    for entry in entries {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|extension| extension == "pem")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            objects.push((name.to_owned(), path));
        }
    }
    objects.sort();
    Ok(objects)
}

fn bytes(path: &Path) -> Result<Vec<u8>, ImportFault> {
    fs::read(path).map_err(|source| ImportFault::Io { path: path.to_owned(), source })
}

fn text(path: &Path) -> Result<String, ImportFault> {
    String::from_utf8(bytes(path)?).map_err(|_| content(path, &"not text"))
}

fn content(path: &Path, reason: &dyn std::fmt::Display) -> ImportFault {
    ImportFault::Content { path: path.to_owned(), reason: reason.to_string() }
}
