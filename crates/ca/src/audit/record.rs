//! What a line says, and which lines follow from a command.

use crate::command::{Actor, Command, Envelope, Revocation};
use crate::state::State;
use crate::time;
use pki::{Certificate, Serial, fingerprint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

use super::hex;

/// Serial numbers in one line; there are more lines when there are more of them.
const SERIALS_PER_LINE: usize = 500;
/// Longest reason, octets: it may quote what a stranger sent.
const LONGEST_REASON: usize = 600;

/// One line. The names and their order are the format (docs/AUDIT.md); new members come before `previous`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counted from 1.
    pub number: u64,
    /// RFC 3339, UTC: when it was decided, by the clock of the member that did.
    pub time: String,
    /// What was done.
    pub event: String,
    /// To whose certificate or request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certname: Option<String>,
    /// Upper-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The certname that was authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Where the request came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// It came from the CA's own machine: its socket, or a command on its directory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// Why, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// RFC 3339: the end of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// SHA-256 of the certificate's or request's DER, lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The number of a revocation list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl_number: Option<u64>,
    /// Serial numbers of many certificates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub serials: Vec<String>,
    /// SHA-256 of the line before with its line feed, lower-case hexadecimal; zeros in the first.
    pub previous: String,
}

impl Record {
    /// With its line feed.
    pub fn to_line(&self) -> String {
        // Strings and numbers: nothing that JSON could not say.
        let mut line = serde_json::to_string(self).expect("encoding into memory cannot fail");
        line.push('\n');
        line
    }

    /// Reads a line, with or without its line feed.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line.strip_suffix(b"\n").unwrap_or(line)).ok()
    }
}

/// What has to be known of the state before a command is applied to it.
pub(crate) enum Before {
    Nothing,
    /// The serial of the certificate that is removed.
    Removed(Option<Serial>),
    /// A request takes the place of another: see [`Context::requested`].
    Replaced(bool),
    /// The second of the CA's keys.
    Key(Option<Certificate>),
    /// What a new list adds, and what it leaves out.
    Listed {
        added: BTreeSet<Serial>,
        dropped: Vec<String>,
    },
}

impl Before {
    pub(crate) fn of(state: &State, command: &Command) -> Self {
        match command {
            Command::CertificateRemoved { certname } => {
                Self::Removed(state.signed().get(certname.as_str()).map(|signed| signed.serial))
            }
            Command::RequestSaved { certname, .. } => {
                Self::Replaced(state.pending().contains_key(certname.as_str()))
            }
            Command::KeyActivated { .. } | Command::KeyRetired { .. } | Command::KeyAbandoned { .. } => {
                Self::Key(state.second().map(|second| second.certificate.clone()))
            }
            Command::RevocationListIssued { added, dropped, .. }
            | Command::SecondListIssued { added, dropped, .. } => {
                let serials = |all: &[String]| -> BTreeSet<Serial> {
                    all.iter().filter_map(|hex| Serial::parse_hex(hex).ok()).collect()
                };
                let named = added.iter().filter_map(|one| Serial::parse_hex(&one.serial).ok());
                let kept: BTreeSet<Serial> = named.clone().collect();
                let dropped = serials(dropped).into_iter().filter(|one| !kept.contains(one));
                Self::Listed {
                    added: named.filter(|serial| !state.is_revoked(serial)).collect(),
                    dropped: dropped
                        .filter(|serial| state.is_revoked(serial))
                        .map(|serial| serial.to_string())
                        .collect(),
                }
            }
            Command::RevocationListAdopted { der } => {
                let Ok(list) = pki::crl::RevocationList::from_der(der) else { return Self::Nothing };
                let here: BTreeSet<Serial> = state.lists().own.entries().map(|(serial, _)| serial).collect();
                let there: BTreeSet<Serial> = list.entries().map(|(serial, _)| serial).collect();
                let dropped = here.difference(&there).map(Serial::to_string).collect();
                Self::Listed { added: there.difference(&here).copied().collect(), dropped }
            }
            _ => Self::Nothing,
        }
    }
}

/// An envelope on its way through the state.
pub(crate) struct Context<'a> {
    envelope: &'a Envelope,
    /// Why the commands that come now are there.
    reason: Option<&'a str>,
    /// A line has it.
    told: bool,
    /// A certificate was issued: serial numbers that are reserved with it are for those who come next.
    issued: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(envelope: &'a Envelope) -> Self {
        Self { envelope, reason: None, told: true, issued: false }
    }

    /// The lines of a command that has been applied.
    pub(crate) fn lines(&mut self, command: &'a Command, before: Before, state: &State) -> Vec<Record> {
        // No arm for all others: whoever adds a command decides what the record says of it.
        let records = match command {
            Command::Noted { text } => {
                let unsaid = self.unsaid();
                (self.reason, self.told) = (Some(text.as_str()), false);
                return unsaid;
            }
            Command::Because { text } => {
                let unsaid = self.unsaid();
                self.reason = Some(text.as_str());
                return unsaid;
            }
            Command::AuditBegun { .. } => {
                let mut line = self.line("begun");
                line.reason = Some(format!(
                    "{} certificates and {} requests were there before; {} entries on the revocation list, the next serial number is {}",
                    state.signed().len(),
                    state.pending().len(),
                    state.lists().own.len(),
                    state.next_serial(),
                ));
                // A reason is another command's.
                return vec![line];
            }
            Command::RequestSaved { certname, .. } => {
                self.requested(certname, &before, state).into_iter().collect()
            }
            Command::RequestDeleted { certname } => vec![self.of("request_deleted", certname)],
            // Without a reason, of a request that has no line either.
            Command::AutosignDeclined { .. } if self.reason.is_none() => return Vec::new(),
            Command::AutosignDeclined { certname } => vec![self.of("autosign_declined", certname)],
            Command::SerialsReserved { next } => {
                // As a rule they belong to what the next lines say.
                if self.reason.is_none() || self.issued {
                    return Vec::new();
                }
                vec![Record { serial: Some(next.clone()), ..self.line("serial_raised") }]
            }
            Command::SerialsReturned { .. } => return Vec::new(),
            Command::CertificateIssued { certname, serial, not_after, renewal, .. } => {
                let event = if *renewal == Some(true) { "renewed" } else { "signed" };
                self.issued = true;
                vec![Record {
                    serial: Some(serial.clone()),
                    not_after: Some(time::rfc3339(*not_after)),
                    fingerprint: fingerprint_of(state, certname),
                    ..self.of(event, certname)
                }]
            }
            Command::CertificateAdopted { certname, serial, not_after, .. } => {
                vec![Record {
                    serial: Some(serial.clone()),
                    not_after: Some(time::rfc3339(*not_after)),
                    fingerprint: fingerprint_of(state, certname),
                    ..self.of("certificate_adopted", certname)
                }]
            }
            Command::CertificateRemoved { certname } => {
                let serial = match before {
                    Before::Removed(serial) => serial.map(|serial| serial.to_string()),
                    _ => None,
                };
                vec![Record { serial, ..self.of("deleted", certname) }]
            }
            Command::RevocationListIssued { number, next_update, added, .. } => {
                self.list_issued("crl_issued", (*number, *next_update), added, before)
            }
            Command::SecondListIssued { number, next_update, added, .. } => {
                self.list_issued("second_crl_issued", (*number, *next_update), added, before)
            }
            Command::RevocationListAdopted { .. } => {
                let Before::Listed { added, dropped } = before else { return Vec::new() };
                let added: Vec<String> = added.iter().map(Serial::to_string).collect();
                let mut lines = self.many("entries_added", &added);
                lines.extend(self.many("entries_dropped", &dropped));
                lines.push(Record { crl_number: state.lists().own.number(), ..self.line("crl_adopted") });
                lines
            }
            Command::InventoryAdopted { .. } => vec![self.line("inventory_adopted")],
            Command::ChainListsReplaced { .. } => vec![self.line("chain_crls_replaced")],
            Command::InfraNodesChanged { .. } => vec![self.line("infra_nodes_changed")],
            Command::InfraListAdopted { .. } => vec![self.line("infra_crl_adopted")],
            Command::InfraListIssued { number, next_update, .. }
            | Command::SecondInfraListIssued { number, next_update, .. } => vec![Record {
                crl_number: Some(*number),
                not_after: Some(time::rfc3339(*next_update)),
                ..self.line("infra_crl_issued")
            }],
            Command::AuthorityRenewed { issuer_der, .. } => {
                let issuer = Certificate::from_der(issuer_der).ok();
                vec![Record {
                    serial: issuer.as_ref().map(|one| one.serial().to_string()),
                    not_after: issuer.as_ref().map(|one| time::rfc3339(one.not_after())),
                    fingerprint: Some(hex(&fingerprint::sha256_octets(issuer_der))),
                    ..self.line("ca_renewed")
                }]
            }
            Command::KeyIntroduced { certificate_der, .. } => {
                let introduced = Certificate::from_der(certificate_der).ok();
                self.key("ca_key_introduced", Before::Key(introduced))
            }
            Command::KeyRequested { request_der } => {
                let subject = pki::Request::from_der(request_der).ok();
                vec![Record {
                    certname: subject.and_then(|request| request.subject_cn().map(str::to_owned)),
                    fingerprint: Some(hex(&fingerprint::sha256_octets(request_der))),
                    ..self.line("ca_key_requested")
                }]
            }
            Command::KeyRequestDropped => vec![self.line("ca_key_abandoned")],
            Command::KeyActivated { .. } => self.key("ca_key_activated", before),
            Command::KeyRetired { .. } => self.key("ca_key_retired", before),
            Command::KeyAbandoned { .. } => self.key("ca_key_abandoned", before),
            Command::Refused { certname, what, reason } => {
                vec![Record { reason: Some(short(reason)), ..self.of(&format!("{what}_refused"), certname) }]
            }
        };
        self.told = true;
        records
    }

    /// What is left to be said at the end: a reason that no line has.
    pub(crate) fn unsaid(&mut self) -> Vec<Record> {
        let left = !std::mem::replace(&mut self.told, true);
        if left { vec![self.line("noted")] } else { Vec::new() }
    }

    fn line(&self, event: &str) -> Record {
        let Actor { certname, address, local } = &self.envelope.actor;
        Record {
            time: time::rfc3339(self.envelope.at),
            event: event.to_owned(),
            actor: certname.clone(),
            address: address.clone(),
            local: *local,
            reason: self.reason.map(short),
            ..Record::default()
        }
    }

    /// A step on the way to a new key; the serial number and the rest are those of that key's certificate.
    fn key(&self, event: &str, key: Before) -> Vec<Record> {
        let Before::Key(Some(certificate)) = key else { return Vec::new() };
        vec![Record {
            certname: certificate.subject_cn().map(str::to_owned),
            serial: Some(certificate.serial().to_string()),
            not_after: Some(time::rfc3339(certificate.not_after())),
            fingerprint: Some(hex(&fingerprint::sha256_octets(certificate.der()))),
            ..self.line(event)
        }]
    }

    fn of(&self, event: &str, certname: &str) -> Record {
        Record { certname: Some(certname.to_owned()), ..self.line(event) }
    }

    /// Anybody may send requests that take the place of one another, as many as he likes where duplicates are allowed:
    /// only the first that waits gets a line, so that nobody can fill the disk with them.
    fn requested(&self, certname: &str, before: &Before, state: &State) -> Option<Record> {
        if matches!(before, Before::Replaced(true)) && !self.envelope.actor.local {
            return None;
        }
        let pending = state.pending().get(certname);
        let fingerprint = pending.map(|pending| hex(&pending.fingerprints.sha256));
        Some(Record { fingerprint, ..self.of("requested", certname) })
    }

    fn list_issued(
        &self,
        event: &str,
        (number, next_update): (u64, i64),
        added: &[Revocation],
        before: Before,
    ) -> Vec<Record> {
        let Before::Listed { added: mut new, dropped } = before else { return Vec::new() };
        let mut lines = Vec::new();
        for Revocation { serial, certname, actor, reason, .. } in added {
            // Each once, and only what was not on the list.
            if !Serial::parse_hex(serial).is_ok_and(|serial| new.remove(&serial)) {
                continue;
            }
            let mut line = self.line("revoked");
            if let Some(Actor { certname, address, local }) = actor {
                (line.actor, line.address, line.local) = (certname.clone(), address.clone(), *local);
            }
            line.reason = reason.as_deref().map(short).or(line.reason);
            line.certname = certname.clone().filter(|name| !name.is_empty());
            line.serial = Some(serial.clone());
            line.crl_number = Some(number);
            lines.push(line);
        }
        lines.extend(self.many("entries_dropped", &dropped));
        lines.push(Record {
            crl_number: Some(number),
            not_after: Some(time::rfc3339(next_update)),
            ..self.line(event)
        });
        lines
    }

    fn many(&self, event: &str, serials: &[String]) -> Vec<Record> {
        let line = |part: &[String]| Record { serials: part.to_vec(), ..self.line(event) };
        serials.chunks(SERIALS_PER_LINE).map(line).collect()
    }
}

fn fingerprint_of(state: &State, certname: &str) -> Option<String> {
    state.signed().get(certname).map(|signed| hex(&signed.fingerprints.sha256))
}

/// At most so long; what is left out shows.
fn short(text: &str) -> String {
    if text.len() <= LONGEST_REASON {
        return text.to_owned();
    }
    let end = (0..=LONGEST_REASON).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}
