//! A second key beside the one that signs: the next one, while nobody's certificate hangs on it yet, or the former one,
//! while somebody's still does (docs/CA-ROLLOVER.md).
//!
//! Serial numbers are counted once for both keys. Which key a number belongs to follows from the log alone: those that
//! were reserved before the new key was activated are the former's, whenever they are used.

use super::{DirectoryEffect, State};
use pki::crl::RevocationList;
use pki::{Certificate, Request, Serial};
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

/// A new key whose certificate has to come from an issuer elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// What that issuer is to sign.
    pub request: Request,
    /// Since when, Unix seconds.
    pub since: i64,
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

    /// The new key that waits for its certificate.
    pub fn awaited(&self) -> Option<&Awaited> {
        self.awaited.as_deref()
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
        // One that an issuer elsewhere has signed has a number of that issuer's, which says nothing among ours.
        let from_elsewhere =
            self.awaited.take_if(|awaited| awaited.request.spki_der() == certificate.spki_der()).is_some();
        // As the CA's first certificate has one.
        if let Some(name) = certificate.subject_cn().filter(|_| !from_elsewhere) {
            let (serial, not_before, not_after) =
                (certificate.serial(), certificate.not_before(), certificate.not_after());
            self.record_issue(name, serial, not_before, not_after, effects);
        }
        self.second = Some(Arc::new(Second { certificate, part: Part::Next, introduced: at }));
        self.lists.second = Some(list);
        self.infra.second = RevocationList::from_der(infra).ok();
        self.show_authorities(bundle_pem, effects);
    }

    pub(super) fn await_key(&mut self, request: &[u8], at: i64) {
        let Ok(request) = Request::from_der(request) else { return };
        self.awaited = Some(Arc::new(Awaited { request, since: at }));
    }

    pub(super) fn drop_awaited_key(&mut self, effects: &mut Vec<DirectoryEffect>) {
        let Some(awaited) = self.awaited.take() else { return };
        effects.push(DirectoryEffect::DropKey { spki: awaited.request.spki_der().into() });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Actor, Command, Envelope};
    use crate::state::{Origin, RevocationLists};
    use pki::crl::CrlDraft;
    use pki::issue::{Authority, self_signed_ca};
    use pki::{KeyKind, PrivateKey};

    const NOW: i64 = 1_795_305_600;

    fn authority(name: &str, serial: u64) -> Authority {
        let key = Arc::new(PrivateKey::generate(KeyKind::EcP256).unwrap());
        let certificate = self_signed_ca(name, &*key, serial.into(), NOW, NOW + 1_000_000).unwrap();
        Authority { certificate, signer: key }
    }

    fn list(authority: &Authority, number: u64, serials: &[u64]) -> RevocationList {
        let entries: Vec<(Serial, i64)> = serials.iter().map(|one| (Serial::from_u64(*one), NOW)).collect();
        pki::crl::issue(authority, &CrlDraft::at(NOW, number, &entries)).unwrap()
    }

    fn apply(state: &mut State, command: Command) -> Vec<DirectoryEffect> {
        state.apply(&Envelope { at: NOW, actor: Actor::default(), request: None, commands: vec![command] })
    }

    /// A CA whose next serial number is 10, with 7 revoked.
    fn state(own: &Authority) -> State {
        State::new(Origin {
            issuer: own.certificate.clone(),
            bundle_pem: own.certificate.to_pem(),
            next_serial: Serial::from_u64(10),
            pending: Default::default(),
            signed: Default::default(),
            inventory: Vec::new(),
            inventory_length: 0,
            inventory_sum: 0,
            inventory_open: false,
            lists: RevocationLists { own: list(own, 4, &[7]), second: None, chain_pem: "".into() },
        })
    }

    fn introduced(new: &Authority) -> Command {
        Command::KeyIntroduced {
            certificate_der: new.certificate.der().to_vec(),
            list_der: list(new, 0, &[]).der().to_vec(),
            infra_der: Vec::new(),
            bundle_pem: "both".into(),
        }
    }

    fn activated(new: &Authority) -> Command {
        let list_der = list(new, 5, &[]).der().to_vec();
        Command::KeyActivated { list_der, infra_der: Vec::new(), bundle_pem: "both".into() }
    }

    #[test]
    fn a_number_belongs_to_the_key_that_signed_when_it_was_reserved() {
        let (old, new) = (authority("old", 1), authority("new", 9));
        let mut state = state(&old);
        let of = |state: &State, number: u64| state.side_of(&Serial::from_u64(number));
        apply(&mut state, introduced(&new));
        assert_eq!((of(&state, 7), of(&state, 12)), (Side::Own, Side::Own));
        assert_eq!(state.issuer(), &old.certificate);
        apply(&mut state, Command::SerialsReserved { next: "000C".into() });
        let effects = apply(&mut state, activated(&new));
        assert!(
            matches!(&effects[0], DirectoryEffect::InstallKey { spki } if **spki == *new.certificate.spki_der())
        );
        assert_eq!(
            (state.issuer(), state.authority_of(Side::Second)),
            (&new.certificate, Some(&old.certificate))
        );
        assert_eq!((of(&state, 11), of(&state, 12)), (Side::Second, Side::Own));
        // What the former key may have used does not come back for the new one.
        apply(&mut state, Command::SerialsReserved { next: "0010".into() });
        apply(&mut state, Command::SerialsReturned { from: "0010".into(), to: "000A".into() });
        assert_eq!(state.next_serial(), Serial::from_u64(12));
    }

    #[test]
    fn what_is_revoked_stays_revoked_whatever_becomes_of_its_key() {
        let (old, new) = (authority("old", 1), authority("new", 9));
        let mut state = state(&old);
        let seven = Serial::from_u64(7);
        for command in [introduced(&new), activated(&new), Command::KeyRetired { bundle_pem: "new".into() }] {
            apply(&mut state, command);
            assert!(state.is_revoked(&seven));
            // A snapshot and the log agree.
            let again = State::decode(&state.encode()).unwrap();
            assert_eq!((again.second(), again.retired()), (state.second(), state.retired()));
            assert_eq!((again.lists().to_pem(), again.issuer()), (state.lists().to_pem(), state.issuer()));
            assert!(again.is_revoked(&seven));
        }
        assert_eq!((state.second(), state.retired().len()), (None, 1));
        assert_eq!(state.side_of(&seven), Side::Own);
    }

    #[test]
    fn a_step_that_does_not_fit_changes_nothing() {
        let (old, new) = (authority("old", 1), authority("new", 9));
        let mut state = state(&old);
        for command in [
            activated(&new),
            Command::KeyRetired { bundle_pem: "".into() },
            Command::KeyAbandoned { bundle_pem: "".into() },
        ] {
            let effects = apply(&mut state, command);
            assert!(
                effects.iter().all(|effect| matches!(effect, DirectoryEffect::AppendAudit(_))),
                "{effects:?}"
            );
        }
        apply(&mut state, introduced(&new));
        apply(&mut state, Command::KeyRetired { bundle_pem: "".into() });
        assert_eq!(state.second().map(|second| second.part), Some(Part::Next));
        apply(&mut state, Command::KeyAbandoned { bundle_pem: "old".into() });
        assert_eq!(
            (state.second(), state.lists().second.as_ref(), &**state.bundle_pem()),
            (None, None, "old")
        );
    }
}
