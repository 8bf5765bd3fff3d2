//! Changes of the CA's own certificates and lists.

use super::{DirectoryEffect, Side, State, serial};
use crate::command::Revocation;
use pki::crl::{CrlSuccessor, RevocationList};
use pki::{Certificate, Serial, SignatureAlgorithm};
use std::collections::BTreeSet;

/// A list that has been issued: what its command says of it.
pub(super) struct IssuedList<'a> {
    /// Its number, when it was made, and when there will be another.
    pub times: (u64, i64, i64),
    pub added: &'a [Revocation],
    pub dropped: &'a [String],
    pub signature: &'a [u8],
}

impl IssuedList<'_> {
    /// The list that follows `former`. None for a command of a foreign log: the same function of the same input made what
    /// was signed.
    pub fn after(&self, former: Option<&RevocationList>, issuer: &Certificate) -> Option<RevocationList> {
        let dropped: BTreeSet<Serial> = self.dropped.iter().filter_map(|hex| serial(hex)).collect();
        let listed = |serial: &Serial| former.is_some_and(|list| list.contains(serial));
        let mut new = BTreeSet::new();
        let added: Vec<(Serial, i64)> = self
            .added
            .iter()
            .filter_map(|Revocation { serial: hex, date, .. }| Some((serial(hex)?, *date)))
            .filter(|(serial, _)| {
                let kept = listed(serial) && !dropped.contains(serial);
                !kept && new.insert(*serial)
            })
            .collect();
        let (number, this_update, next_update) = self.times;
        let kept = former.map(|list| list.entries_der_without(&dropped)).unwrap_or_default();
        let successor = CrlSuccessor { number, this_update, next_update, kept: &kept, added: &added };
        let algorithm = SignatureAlgorithm::for_public_key(issuer.spki_der()).ok()?;
        let tbs = pki::crl::successor_tbs_der(issuer, &successor).ok()?;
        match former {
            Some(former) => pki::crl::assemble_successor(former, &tbs, algorithm, self.signature).ok(),
            None => pki::crl::assemble(&tbs, algorithm, self.signature).ok(),
        }
    }
}

impl State {
    /// The CA's certificate, and what stands above it, are others from now on.
    pub(super) fn replace_authority(
        &mut self,
        issuer_der: &[u8],
        bundle_pem: &str,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        // Whoever wrote the command had it read already: a fault means a foreign log, and changes nothing.
        let Ok(issuer) = Certificate::from_der(issuer_der) else { return };
        self.issuer = issuer;
        self.bundle_pem = bundle_pem.into();
        effects.push(DirectoryEffect::WriteBundle { pem: self.bundle_pem.clone() });
    }

    pub(super) fn issue_list(
        &mut self,
        side: Side,
        issued: &IssuedList<'_>,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        let Some(issuer) = self.authority_of(side).cloned() else { return };
        let Some(list) = issued.after(self.list_of(side), &issuer) else { return };
        match side {
            Side::Own => self.lists.own = list,
            Side::Second => self.lists.second = Some(list),
        }
        effects.push(DirectoryEffect::WriteRevocationLists(self.lists.clone()));
    }
}
