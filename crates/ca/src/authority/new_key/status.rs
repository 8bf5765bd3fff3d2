//! Where the way to a new key is, as one document: for the operator, for scripts, and for the refusals.

use super::OVERLAP;
use crate::keys;
use crate::state::{Part, Second, State};
use crate::time;
use pki::{Certificate, Serial};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How far a rollover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// One key, and nothing is planned.
    OneKey,
    /// A new key is made, and waits for its certificate from an issuer elsewhere.
    Requested,
    /// A new key is trusted, the present one signs.
    Introduced,
    /// The new key signs, the former one is still trusted.
    Active,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyPart {
    Signs,
    Next,
    Former,
    Retired,
}

/// One of the CA's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyView {
    pub part: KeyPart,
    /// Its name in file names.
    pub id: String,
    pub subject: String,
    pub not_after: String,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// Certificates of it that have neither ended nor been revoked, superseded ones too.
    pub certificates: usize,
    /// Why this member cannot sign with it; none when it can, or need not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    #[serde(skip)]
    spki: Vec<u8>,
}

/// A new key that waits for its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestView {
    /// The key's name in file names.
    pub id: String,
    pub subject: String,
    pub since: String,
    /// PKCS#10, for the issuer above.
    pub request: String,
    /// Who that is, by the present certificate.
    pub issuer: String,
    /// Why this member does not have the key; none when it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    #[serde(skip)]
    spki: Vec<u8>,
}

/// A name that has nothing but a certificate of the former key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leftover {
    pub name: String,
    pub serial: String,
    pub not_after: String,
    /// Unix seconds.
    #[serde(skip)]
    pub until: i64,
}

/// Where the way to a new key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    pub phase: Phase,
    /// The one that signs first, then the second, then those that are retired.
    pub keys: Vec<KeyView>,
    /// The one that waits for its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<RequestView>,
    /// When the newer key was introduced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introduced: Option<String>,
    /// Until when agents are given time to learn of it: from then on it is activated, and shown by front ends, without
    /// `--force`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_until: Option<String>,
    /// That time has not come yet.
    pub overlapping: bool,
    /// When it began to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activated: Option<String>,
    /// Names that still hang on the old key, by name: the former one, or (before the new one is active) the present.
    pub left: Vec<Leftover>,
    /// Certificates of the former key that are valid still, but whose names have one of the new key.
    pub superseded: usize,
    /// What to do next, for a person.
    pub next_step: String,
}

impl KeyStatus {
    /// Notes which of the keys in use this member lacks.
    pub(super) fn find_keys(&mut self, look: impl Fn(&[u8]) -> Result<(), String>) {
        for key in self.keys.iter_mut().filter(|key| key.part != KeyPart::Retired) {
            key.missing = look(&key.spki).err();
        }
        if let Some(requested) = &mut self.requested {
            requested.missing = look(&requested.spki).err();
        }
    }
}

/// The status of a state; pure.
pub(super) fn of(state: &State, now: i64) -> KeyStatus {
    let second = state.second();
    let phase = match second.map(|second| second.part) {
        None if state.awaited().is_some() => Phase::Requested,
        None => Phase::OneKey,
        Some(Part::Next) => Phase::Introduced,
        Some(Part::Former { .. }) => Phase::Active,
    };
    // Up to which number the old key counts.
    let first = match second.map(|second| second.part) {
        Some(Part::Former { first, .. }) => first,
        _ => state.next_serial(),
    };
    let count = count(state, first, now);
    let of_own = if phase == Phase::Active { count.new } else { count.old };
    let mut keys = vec![view(KeyPart::Signs, state.issuer(), of_own)];
    if let Some(second) = second {
        let (part, certificates) =
            if second.part == Part::Next { (KeyPart::Next, 0) } else { (KeyPart::Former, count.old) };
        keys.push(view(part, &second.certificate, certificates));
    }
    keys.extend(state.retired().iter().map(|one| view(KeyPart::Retired, &one.certificate, 0)));
    let left = if matches!(phase, Phase::OneKey | Phase::Requested) { Vec::new() } else { count.left };
    let requested = state.awaited().map(|awaited| RequestView {
        id: keys::id(awaited.request.spki_der()),
        subject: awaited.request.subject_display(),
        since: time::format(awaited.since),
        request: awaited.request.to_pem(),
        issuer: state.issuer().issuer_rfc2253(),
        missing: None,
        spki: awaited.request.spki_der().to_vec(),
    });
    KeyStatus {
        phase,
        keys,
        introduced: second.map(|second| time::format(second.introduced)),
        overlap_until: second.map(|second| time::format(second.introduced.saturating_add(OVERLAP))),
        overlapping: second.is_some_and(|second| now < second.introduced.saturating_add(OVERLAP)),
        activated: second.and_then(|second| match second.part {
            Part::Former { activated, .. } => Some(time::format(activated)),
            Part::Next => None,
        }),
        next_step: match &requested {
            Some(requested) => format!(
                "have {} sign the request, as a CA's (docs/CA-ROLLOVER.md has the line for openssl), then `bunraku ca \
                 rollover --new-key --certificate FILE`",
                requested.issuer
            ),
            None => next_step(second, left.len(), now),
        },
        requested,
        left,
        superseded: if phase == Phase::Active { count.superseded } else { 0 },
    }
}

fn next_step(second: Option<&Second>, left: usize, now: i64) -> String {
    match second.map(|second| (second.part, second.introduced.saturating_add(OVERLAP))) {
        None => "nothing; `bunraku ca rollover --new-key` introduces a new key".to_owned(),
        Some((Part::Next, from)) if now < from => format!(
            "see to it that agents get the new CA certificate (docs/CA-ROLLOVER.md); from {} on `bunraku ca rollover \
             --activate`",
            time::format(from)
        ),
        Some((Part::Next, _)) => {
            "`bunraku ca rollover --activate`, once agents have the new CA certificate".to_owned()
        }
        Some((Part::Former { .. }, _)) if left > 0 => format!(
            "renew what still hangs on the former key ({left} names; `bunraku ca renew-roles` for Bunraku's own), then \
             `bunraku ca rollover --retire`"
        ),
        Some((Part::Former { .. }, _)) => "`bunraku ca rollover --retire`".to_owned(),
    }
}

fn view(part: KeyPart, certificate: &Certificate, certificates: usize) -> KeyView {
    KeyView {
        part,
        id: keys::id(certificate.spki_der()),
        subject: certificate.subject_rfc2253(),
        not_after: time::format(certificate.not_after()),
        fingerprint: pki::fingerprint::sha256(certificate.der()),
        certificates,
        missing: None,
        spki: certificate.spki_der().to_vec(),
    }
}

#[derive(Default)]
struct Count {
    /// Valid certificates below `first`.
    old: usize,
    /// From `first` on.
    new: usize,
    /// Names without one of these.
    left: Vec<Leftover>,
    superseded: usize,
}

/// Counts the certificates that have neither ended nor been revoked, on both sides of a serial number.
fn count(state: &State, first: Serial, now: i64) -> Count {
    let alive = |serial: &Serial, end: i64| end > now && !state.is_revoked(serial);
    let mut count = Count::default();
    let mut one_name = |name: &str, certificates: &BTreeMap<Serial, i64>| {
        let old: Vec<_> = certificates.iter().filter(|(serial, _)| **serial < first).collect();
        let new = certificates.len() - old.len();
        count.old += old.len();
        count.new += new;
        match old.last() {
            Some((serial, end)) if new == 0 => count.left.push(Leftover {
                name: name.to_owned(),
                serial: serial.to_string(),
                not_after: time::format(**end),
                until: **end,
            }),
            _ => count.superseded += old.len(),
        }
    };
    // The CA's own certificates have lines in the inventory, too.
    let authorities = Certificate::all_from_pem(state.bundle_pem().as_bytes()).unwrap_or_default();
    let retired = state.retired().iter().map(|one| &one.certificate);
    let authorities: BTreeSet<&str> =
        authorities.iter().chain(retired).filter_map(Certificate::subject_cn).collect();
    for (name, issued) in state.inventory().iter().filter(|(name, _)| !authorities.contains(&***name)) {
        let mut certificates: BTreeMap<Serial, i64> =
            issued.as_slice().iter().map(|one| (one.serial, one.not_after)).collect();
        certificates.extend(state.signed().get(name).map(|one| (one.serial, one.not_after)));
        certificates.retain(|serial, end| alive(serial, *end));
        one_name(name, &certificates);
    }
    // Files of others that the inventory never had.
    for (name, one) in state.signed() {
        if !state.inventory().contains_key(name) && alive(&one.serial, one.not_after) {
            one_name(name, &BTreeMap::from([(one.serial, one.not_after)]));
        }
    }
    count.left.sort_by(|one, other| one.name.cmp(&other.name));
    count
}
