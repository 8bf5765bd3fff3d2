//! What a crash leaves between two states of the log is not somebody else's doing.

use super::found::{Content, Found};
use crate::state::{DirectoryEffect, State};
use pki::crl::RevocationList;
use pki::{Serial, pem};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the directory may show of entries that were being carried out: any of the states in between, and any part of
/// the last line of the inventory.
#[derive(Debug, Default)]
pub struct Explained {
    serials: BTreeSet<Serial>,
    lists: BTreeSet<Option<u64>>,
    bundles: BTreeSet<Arc<str>>,
    /// Length and checksum.
    inventories: Vec<(u64, u32)>,
    lines: BTreeMap<u64, String>,
    certificates: BTreeMap<String, Vec<Option<Vec<u8>>>>,
    requests: BTreeMap<String, Vec<Option<Vec<u8>>>>,
}

impl Explained {
    /// Takes in a state, and the effects that led to it.
    pub fn add(&mut self, state: &State, effects: &[DirectoryEffect]) {
        self.serials.insert(state.next_serial());
        self.lists.insert(state.lists().own.number());
        self.bundles.insert(Arc::clone(state.bundle_pem()));
        self.inventories.push((state.inventory_length(), state.inventory_sum()));
        for effect in effects {
            match effect {
                DirectoryEffect::SaveRequest { certname, der } => {
                    self.requests.entry(certname.clone()).or_default().push(Some(der.to_vec()));
                }
                DirectoryEffect::DeleteRequest { certname } => {
                    self.requests.entry(certname.clone()).or_default().push(None);
                }
                DirectoryEffect::SaveCertificate { certname, der }
                | DirectoryEffect::EnsureCertificate { certname, der } => {
                    self.certificates.entry(certname.clone()).or_default().push(Some(der.to_vec()));
                }
                DirectoryEffect::DeleteCertificate { certname } => {
                    self.certificates.entry(certname.clone()).or_default().push(None);
                }
                DirectoryEffect::AppendInventory { offset, line } => {
                    self.lines.insert(*offset, line.clone());
                }
                _ => {}
            }
        }
    }

    /// The latest bytes of a name's certificate that went by.
    pub fn certificate(&self, name: &str) -> Option<&[u8]> {
        self.certificates.get(name)?.iter().rev().flatten().next().map(Vec::as_slice)
    }

    /// Leaves of `found` only what the log does not explain.
    pub fn subtract(&self, found: &mut Found) {
        let serial = |content: &Content| content.text().and_then(|text| Serial::parse_hex(text).ok());
        found.serial.take_if(|content| serial(content).is_some_and(|one| self.serials.contains(&one)));
        found.inventory.take_if(|content| content.bytes().is_some_and(|bytes| self.is_inventory(bytes)));
        found.lists.take_if(|content| {
            let first = content.bytes().and_then(first_list);
            first.is_some_and(|list| list.number().is_some() && self.lists.contains(&list.number()))
                && self.lists.len() > 1
        });
        found.bundle.take_if(|content| content.text().is_some_and(|text| self.bundles.contains(text)));
        found.signed.retain(|name, content| {
            !self.certificates.get(name).is_some_and(|known| shows(known, content, "CERTIFICATE"))
        });
        found.requests.retain(|name, content| {
            !self.requests.get(name).is_some_and(|known| shows(known, content, "CERTIFICATE REQUEST"))
        });
    }

    fn is_inventory(&self, bytes: &[u8]) -> bool {
        self.inventories.iter().any(|(length, sum)| {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            let intact = bytes.get(..length).is_some_and(|ours| crc32c::crc32c(ours) == *sum);
            // Exactly this, or with a line that a crash cut off.
            intact
                && (bytes.len() == length
                    || self
                        .lines
                        .get(&(length as u64))
                        .is_some_and(|line| line.as_bytes().starts_with(&bytes[length..])))
        })
    }
}

fn first_list(bytes: &[u8]) -> Option<RevocationList> {
    let block = pem::parse_all(bytes).ok()?.into_iter().next()?;
    RevocationList::from_der(&block.der).ok()
}

fn shows(known: &[Option<Vec<u8>>], content: &Content, label: &str) -> bool {
    known.iter().any(|der| match (der, content) {
        (None, Content::Missing) => true,
        (Some(der), Content::Bytes(bytes)) => pem::encode(label, der).as_bytes() == bytes,
        _ => false,
    })
}
