//! Many effects, merged: what one round of file operations has to leave behind.

use crate::audit;
use crate::state::{DirectoryEffect, RevocationLists};
use pki::Serial;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Certname → the DER its file must hold, or none when the file must go.
pub(super) type Files = BTreeMap<String, Option<Arc<[u8]>>>;

/// One write to `inventory.txt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InventoryWrite {
    /// These lines come at this offset.
    Append(u64, String),
    /// This is all there is from this offset on.
    Exactly(u64, String),
}

/// The net result of a sequence of effects. A request that came and was signed within one batch is never
/// written; of many serials and revocation lists only the last is.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) serial: Option<Serial>,
    pub(super) inventory: Vec<InventoryWrite>,
    pub(super) certificates: Files,
    /// Certificates that may be there already: another program wrote them.
    pub(super) ensured: BTreeSet<String>,
    pub(super) requests: Files,
    pub(super) bundle: Option<Arc<str>>,
    /// Public half of the key that has to be in `ca_key.pem`.
    pub(super) key: Option<Arc<[u8]>>,
    /// Those of the keys that are not to be kept beside it.
    pub(super) dropped_keys: BTreeSet<Arc<[u8]>>,
    pub(super) lists: Option<RevocationLists>,
    /// What it must have had, and what it is to have.
    pub(super) infra_inventory: Option<(Arc<str>, Arc<str>)>,
    pub(super) infra_serials: Option<String>,
    pub(super) infra_lists: Option<RevocationLists>,
    /// Lines of the audit record.
    pub(super) audit: Vec<audit::Append>,
}

impl Batch {
    /// Adds an effect if it is a line of the audit record.
    pub(crate) fn add_line(&mut self, effect: DirectoryEffect) {
        if matches!(effect, DirectoryEffect::AppendAudit(_)) {
            self.add(effect);
        }
    }

    /// Nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.serial.is_none()
            && self.inventory.is_empty()
            && self.certificates.is_empty()
            && self.requests.is_empty()
            && self.lists.is_none()
            && self.bundle.is_none()
            && self.audit.is_empty()
            && self.key.is_none()
            && self.dropped_keys.is_empty()
    }

    /// Adds an effect that follows all those added before.
    pub fn add(&mut self, effect: DirectoryEffect) {
        match effect {
            DirectoryEffect::SaveRequest { certname, der } => {
                self.requests.insert(certname, Some(der));
            }
            DirectoryEffect::DeleteRequest { certname } => {
                self.requests.insert(certname, None);
            }
            DirectoryEffect::WriteSerial { next } => self.serial = Some(next),
            DirectoryEffect::AppendInventory { offset, line } => match self.inventory.last_mut() {
                // One write for neighbouring lines.
                Some(InventoryWrite::Append(start, lines)) if *start + lines.len() as u64 == offset => {
                    lines.push_str(&line);
                }
                _ => self.inventory.push(InventoryWrite::Append(offset, line)),
            },
            DirectoryEffect::WriteInventory { offset, text } => {
                self.inventory.push(InventoryWrite::Exactly(offset, text));
            }
            DirectoryEffect::EnsureCertificate { certname, der } => {
                self.ensured.insert(certname.clone());
                self.certificates.insert(certname, Some(der));
            }
            DirectoryEffect::SaveCertificate { certname, der } => {
                self.certificates.insert(certname, Some(der));
            }
            DirectoryEffect::DeleteCertificate { certname } => {
                self.certificates.insert(certname, None);
            }
            DirectoryEffect::WriteInfraInventory { former, text } => {
                let first = self.infra_inventory.take().map_or(former, |(first, _)| first);
                self.infra_inventory = Some((first, text));
            }
            DirectoryEffect::WriteInfraSerials { text } => self.infra_serials = Some(text),
            DirectoryEffect::WriteInfraLists(lists) => self.infra_lists = Some(lists),
            DirectoryEffect::WriteBundle { pem } => self.bundle = Some(pem),
            DirectoryEffect::InstallKey { spki } => self.key = Some(spki),
            DirectoryEffect::DropKey { spki } => {
                self.dropped_keys.insert(spki);
            }
            DirectoryEffect::WriteRevocationLists(lists) => self.lists = Some(lists),
            DirectoryEffect::AppendAudit(more) => match self.audit.last_mut() {
                Some(last)
                    if last.segment == more.segment
                        && last.offset + last.text.len() as u64 == more.offset =>
                {
                    last.text.push_str(&more.text);
                }
                _ => self.audit.push(more),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_signed_in_the_same_batch_is_not_written() {
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::SaveRequest { certname: "a".into(), der: [1].into() });
        batch.add(DirectoryEffect::DeleteRequest { certname: "a".into() });
        assert_eq!(batch.requests["a"], None);
    }

    #[test]
    fn neighbouring_inventory_lines_become_one_write() {
        let mut batch = Batch::default();
        batch.add(DirectoryEffect::AppendInventory { offset: 10, line: "ab\n".into() });
        batch.add(DirectoryEffect::AppendInventory { offset: 13, line: "cd\n".into() });
        batch.add(DirectoryEffect::AppendInventory { offset: 99, line: "ef\n".into() });
        let expected =
            [InventoryWrite::Append(10, "ab\ncd\n".into()), InventoryWrite::Append(99, "ef\n".into())];
        assert_eq!(batch.inventory, expected);
    }
}
