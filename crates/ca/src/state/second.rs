//! A second key beside the one that signs: the next one, while nobody's certificate hangs on it yet, or the former one,
//! while somebody's still does (docs/CA-ROLLOVER.md).
//!
//! Serial numbers are counted once for both keys. Which key a number belongs to follows from the log alone: those that
//! were reserved before the new key was activated are the former's, whenever they are used.

use super::{DirectoryEffect, State};
use pki::crl::RevocationList;
use pki::{Certificate, Serial};
use std::sync::Arc;

/// One of the two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that signs.
    Own,
    /// The other one.
    Second,
}

/// What the second key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It will sign once it is activated.
    Next,
    /// It signed before, and signs its own revocation list only.
    Former {
        /// The first serial number that is not its own.
        first: Serial,
        /// When the other key took over, Unix seconds.
        activated: i64,
    },
}

/// The second key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Second {
    pub certificate: Certificate,
    pub part: Part,
    /// When the newer of the two keys was introduced, Unix seconds.
    pub introduced: i64,
}

/// A former key that nobody trusts any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    pub certificate: Certificate,
    /// Its last list: what was revoked stays revoked.
    pub list: RevocationList,
    /// Unix seconds.
    pub at: i64,
}

impl State {
    /// The second key, while there is one.
    pub fn second(&self) -> Option<&Second> {
        self.second.as_deref()
    }

    /// Former keys, oldest first.
    pub fn retired(&self) -> &[Retired] {
        &self.retired
    }

    /// Whose key signs, or has signed, the certificate with this serial number.
    pub fn side_of(&self, serial: &Serial) -> Side {
        if *serial < self.first_of_own_key() { Side::Second } else { Side::Own }
    }

    /// The certificate of one of the keys; none for a second one that is not there.
    pub fn authority_of(&self, side: Side) -> Option<&Certificate> {
        match side {
            Side::Own => Some(&self.issuer),
            Side::Second => self.second.as_ref().map(|second| &second.certificate),
        }
    }

    /// The revocation list of one of the keys.
    pub fn list_of(&self, side: Side) -> Option<&RevocationList> {
        match side {
            Side::Own => Some(&self.lists.own),
            Side::Second => self.lists.second.as_ref(),
        }
    }

    /// The lowest serial number that the key that signs may have used, as long as there is a former one.
    pub(super) fn first_of_own_key(&self) -> Serial {
        match self.second.as_ref().map(|second| second.part) {
            Some(Part::Former { first, .. }) => first,
            _ => Serial::from_u64(0),
        }
    }

    /// Puts in what a directory without a log says of a second key: its lists (the full one, that of the infrastructure), and
    /// what is left of those of the chain.
    pub(crate) fn adopt_second(
        &mut self,
        second: Second,
        (list, infra): (RevocationList, Option<RevocationList>),
        chain_pem: Arc<str>,
    ) {
        self.second = Some(Arc::new(second));
        self.lists.second = Some(list);
        self.lists.chain_pem = chain_pem;
        self.infra.second = infra;
    }

    // Whoever wrote a command had everything in it read already: a fault means a foreign log, and changes nothing.

    pub(super) fn introduce_key(
        &mut self,
        certificate: &[u8],
        (list, infra): (&[u8], &[u8]),
        bundle_pem: &str,
        at: i64,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        let (Ok(certificate), Ok(list)) =
            (Certificate::from_der(certificate), RevocationList::from_der(list))
        else {
            return;
        };
        // As the CA's first certificate has one.
        if let Some(name) = certificate.subject_cn() {
            let (serial, not_before, not_after) =
                (certificate.serial(), certificate.not_before(), certificate.not_after());
            self.record_issue(name, serial, not_before, not_after, effects);
        }
        self.second = Some(Arc::new(Second { certificate, part: Part::Next, introduced: at }));
        self.lists.second = Some(list);
        self.infra.second = RevocationList::from_der(infra).ok();
        self.show_authorities(bundle_pem, effects);
    }

    pub(super) fn activate_key(
        &mut self,
        list: &[u8],
        infra: &[u8],
        bundle_pem: &str,
        at: i64,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        let Ok(list) = RevocationList::from_der(list) else { return };
        let Some(next) = self.second.take_if(|second| second.part == Part::Next) else { return };
        let former = std::mem::replace(&mut self.issuer, next.certificate.clone());
        let part = Part::Former { first: self.next_serial, activated: at };
        self.second = Some(Arc::new(Second { certificate: former, part, introduced: next.introduced }));
        self.lists.second = Some(std::mem::replace(&mut self.lists.own, list));
        self.infra.second = self.infra.list.take();
        self.infra.list = RevocationList::from_der(infra).ok();
        effects.push(DirectoryEffect::InstallKey { spki: self.issuer.spki_der().into() });
        self.show_authorities(bundle_pem, effects);
    }

    pub(super) fn retire_key(&mut self, bundle_pem: &str, at: i64, effects: &mut Vec<DirectoryEffect>) {
        let Some(former) = self.second.take_if(|second| second.part != Part::Next) else { return };
        if let Some(list) = self.lists.second.take() {
            self.retired.push(Retired { certificate: former.certificate.clone(), list, at });
        }
        self.infra.second = None;
        self.show_authorities(bundle_pem, effects);
        // It is in ca_key.pem.
        effects.push(DirectoryEffect::DropKey { spki: self.issuer.spki_der().into() });
    }

    pub(super) fn abandon_key(&mut self, bundle_pem: &str, effects: &mut Vec<DirectoryEffect>) {
        let Some(next) = self.second.take_if(|second| second.part == Part::Next) else { return };
        self.lists.second = None;
        self.infra.second = None;
        self.show_authorities(bundle_pem, effects);
        effects.push(DirectoryEffect::DropKey { spki: next.certificate.spki_der().into() });
    }

    fn show_authorities(&mut self, bundle_pem: &str, effects: &mut Vec<DirectoryEffect>) {
        self.bundle_pem = bundle_pem.into();
        effects.push(DirectoryEffect::WriteBundle { pem: self.bundle_pem.clone() });
        effects.push(DirectoryEffect::WriteRevocationLists(self.lists.clone()));
        self.write_infra_lists(effects);
    }
}
