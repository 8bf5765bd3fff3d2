//! The infrastructure's revocation list: the same issuer's, with the revocations of the estate's own nodes (`enable-infra-crl`
//! of Puppet Server). Agents get it instead of the full one, which on large estates is too long to send to each.

use super::{DirectoryEffect, IssuedList, RevocationLists, Side, State};
use pki::Serial;
use pki::crl::RevocationList;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of the infrastructure; empty where no such list is kept.
#[derive(Clone, Debug, Default)]
pub struct Infra {
    /// None before anybody has looked.
    pub(super) inventory: Option<Arc<str>>,
    pub(super) list: Option<RevocationList>,
    /// That of the second key.
    pub(super) second: Option<RevocationList>,
}

impl Infra {
    /// `infra_inventory.txt`, as the operator wrote it; none before a list was ever kept here.
    pub fn inventory(&self) -> Option<&Arc<str>> {
        self.inventory.as_ref()
    }

    /// The certnames in it.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.inventory.as_deref().unwrap_or_default().lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// Our own list.
    pub fn list(&self) -> Option<&RevocationList> {
        self.list.as_ref()
    }

    /// The list of one of our keys.
    pub fn list_of(&self, side: Side) -> Option<&RevocationList> {
        match side {
            Side::Own => self.list.as_ref(),
            Side::Second => self.second.as_ref(),
        }
    }
}

impl State {
    /// The infrastructure.
    pub fn infra(&self) -> &Infra {
        &self.infra
    }

    /// What `infra_crl.pem` holds; none where no such list is kept.
    pub fn infra_lists(&self) -> Option<RevocationLists> {
        let own = self.infra.list.clone()?;
        Some(RevocationLists {
            own,
            second: self.infra.second.clone(),
            chain_pem: self.lists.chain_pem.clone(),
        })
    }

    /// All serials ever given to the infrastructure's nodes.
    pub fn infra_serials(&self) -> BTreeSet<Serial> {
        let of_node = |name: &str| {
            let issued = self.issued_to(name).iter().map(|one| one.serial);
            issued.chain(self.signed.get(name).map(|signed| signed.serial)).collect::<Vec<_>>()
        };
        self.infra.nodes().flat_map(of_node).collect()
    }

    pub(super) fn replace_infra_inventory(&mut self, inventory: &str, effects: &mut Vec<DirectoryEffect>) {
        let text: Arc<str> = inventory.into();
        let former = self.infra.inventory.replace(text.clone()).unwrap_or_default();
        effects.push(DirectoryEffect::WriteInfraInventory { former, text });
        effects.push(DirectoryEffect::WriteInfraSerials { text: self.infra_serials_text() });
    }

    pub(super) fn adopt_infra_list(&mut self, der: &[u8], effects: &mut Vec<DirectoryEffect>) {
        // Whoever wrote the command had it read already: a fault means a foreign log, and changes nothing.
        if let Ok(list) = RevocationList::from_der(der) {
            self.infra.list = Some(list);
            self.write_infra_lists(effects);
        }
    }

    pub(super) fn issue_infra_list(
        &mut self,
        side: Side,
        issued: &IssuedList<'_>,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        let Some(issuer) = self.authority_of(side).cloned() else { return };
        let former = self.infra.list_of(side).cloned();
        let Some(list) = issued.after(former.as_ref(), &issuer) else { return };
        match side {
            Side::Own => self.infra.list = Some(list),
            Side::Second => self.infra.second = Some(list),
        }
        self.write_infra_lists(effects);
    }

    /// The lists of the chain stand in both files.
    pub(super) fn write_infra_lists(&self, effects: &mut Vec<DirectoryEffect>) {
        effects.extend(self.infra_lists().map(DirectoryEffect::WriteInfraLists));
    }

    /// A certificate of this name came or went.
    pub(super) fn follow_infra_node(&self, certname: &str, effects: &mut Vec<DirectoryEffect>) {
        if self.infra.nodes().any(|node| node == certname) {
            effects.push(DirectoryEffect::WriteInfraSerials { text: self.infra_serials_text() });
        }
    }

    /// `infra_serials` in Puppet Server's form: decimal, one a line, those whose file is there.
    fn infra_serials_text(&self) -> String {
        let signed = self.infra.nodes().filter_map(|node| self.signed.get(node));
        signed.map(|signed| format!("{}\n", signed.serial.to_decimal())).collect()
    }
}
