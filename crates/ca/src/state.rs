//! The authority as a deterministic state machine: what applying the log's envelopes, one after the other,
//! makes of it. No IO, no clock, no randomness; two members that applied the same entries are equal.
//!
//! The certificates themselves are not held here: applying hands them out as [`DirectoryEffect`]s, and the CA
//! directory keeps them. What is held is what decisions and lists need, in maps that are copied in constant time:
//! whoever reads gets the whole state as it was at one moment, while it goes on changing.

mod image;
mod infra;
mod issuers;
mod recent;
mod second;
mod signed;

pub use image::UnreadableImage;
pub use infra::Infra;
use issuers::IssuedList;
pub use recent::RecentRequests;
pub use second::{Awaited, Part, Retired, Second, Side};
pub use signed::{Issued, IssuedTo, Signed};

use crate::audit::{self, Audit};
use crate::command::{AutosignMark, Command, Details, Envelope};
use crate::inventory::Row;
use crate::source::Source;
use imbl::OrdMap;
use pki::crl::RevocationList;
use pki::fingerprint::Digests;
use pki::{Certificate, Serial};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A change of the CA directory that follows from applying an envelope.
#[derive(Clone, Debug)]
pub enum DirectoryEffect {
    /// Write `requests/NAME.pem`.
    SaveRequest { certname: String, der: Arc<[u8]> },
    /// Remove `requests/NAME.pem`.
    DeleteRequest { certname: String },
    /// Write `serial`.
    WriteSerial { next: Serial },
    /// Write `line` at `offset` of `inventory.txt`, which is its length before.
    AppendInventory { offset: u64, line: String },
    /// Write `signed/NAME.pem`.
    SaveCertificate { certname: String, der: Arc<[u8]> },
    /// Write `signed/NAME.pem`, unless it is this already.
    EnsureCertificate { certname: String, der: Arc<[u8]> },
    /// Remove `signed/NAME.pem`.
    DeleteCertificate { certname: String },
    /// Write `infra_inventory.txt` if it has what it had before: on the member where the operator writes it, it is theirs.
    WriteInfraInventory { former: Arc<str>, text: Arc<str> },
    /// Write `infra_serials`.
    WriteInfraSerials { text: String },
    /// Write `infra_crl.pem`: the infrastructure's list first, then those of the chain.
    WriteInfraLists(RevocationLists),
    /// Write `ca_crt.pem`.
    WriteBundle { pem: Arc<str> },
    /// Make `ca_key.pem` and `ca_pub.pem` those of this public key (DER); the key that was there is kept beside it.
    InstallKey { spki: Arc<[u8]> },
    /// Remove the file that keeps the key with this public key (DER) beside `ca_key.pem`.
    DropKey { spki: Arc<[u8]> },
    /// Make `inventory.txt` its first `offset` bytes and `text`.
    WriteInventory { offset: u64, text: String },
    /// Write `ca_crl.pem`: our own list first, then those of the chain.
    WriteRevocationLists(RevocationLists),
    /// Write lines of the audit record.
    AppendAudit(audit::Append),
}

/// What `ca_crl.pem` holds.
#[derive(Clone, Debug)]
pub struct RevocationLists {
    /// Issued by this authority.
    pub own: RevocationList,
    /// Issued by its second key, while there is one.
    pub second: Option<RevocationList>,
    /// Lists of the issuers above it, as PEM, kept as they came.
    pub chain_pem: Arc<str>,
}

impl RevocationLists {
    /// The bytes of `ca_crl.pem`.
    pub fn to_pem(&self) -> String {
        let mut pem = self.own.to_pem();
        pem.extend(self.second.iter().map(RevocationList::to_pem));
        pem.push_str(&self.chain_pem);
        pem
    }
}

/// A request that waits to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The PKCS#10 request.
    pub der: Vec<u8>,
    /// How far its autosigning has come.
    pub autosign: AutosignMark,
    /// The id of the request that brought it, to recognise that one when it is sent again.
    pub saved_by: Option<String>,
    /// Where it came from, if that is known and anybody's.
    pub source: Option<Source>,
    /// What a list shows of it.
    pub details: Details,
    /// What a list shows of it.
    pub fingerprints: Digests,
}

/// Something for each certname. A name is one piece of memory, however many maps have it.
pub type Names<T> = OrdMap<Arc<str>, T>;

/// What Puppet calls the state of a certname.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Requested,
    Signed,
    Revoked,
}

impl Standing {
    /// Puppet's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Signed => "signed",
            Self::Revoked => "revoked",
        }
    }
}

/// All that decisions and lists need; see the module.
#[derive(Clone, Debug)]
pub struct State {
    issuer: Certificate,
    bundle_pem: Arc<str>,
    next_serial: Serial,
    pending: Names<Arc<Pending>>,
    signed: Names<Arc<Signed>>,
    inventory: Names<IssuedTo>,
    inventory_length: u64,
    /// CRC-32C of the inventory: tells whether somebody else has written to it.
    inventory_sum: u32,
    /// The inventory's last line came without its line feed (another tool wrote it).
    inventory_open: bool,
    lists: RevocationLists,
    infra: Infra,
    recent: RecentRequests,
    audit: Audit,
    second: Option<Arc<Second>>,
    awaited: Option<Arc<Awaited>>,
    retired: Vec<Retired>,
}

/// What a state begins with, as found in a CA directory.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The certificate that belongs to the CA's key.
    pub issuer: Certificate,
    /// `ca_crt.pem`, as it is.
    pub bundle_pem: String,
    pub next_serial: Serial,
    pub pending: BTreeMap<String, Pending>,
    pub signed: BTreeMap<String, Signed>,
    pub inventory: Vec<Row>,
    /// Bytes in `inventory.txt`.
    pub inventory_length: u64,
    /// CRC-32C of these bytes.
    pub inventory_sum: u32,
    /// Its last line has no line feed.
    pub inventory_open: bool,
    pub lists: RevocationLists,
}

impl State {
    /// The state a CA directory stands for.
    pub fn new(origin: Origin) -> Self {
        let signed = origin.signed.into_iter().map(|(name, one)| (Arc::from(name), Arc::new(one))).collect();
        let pending =
            origin.pending.into_iter().map(|(name, one)| (Arc::from(name), Arc::new(one))).collect();
        let mut state = Self {
            issuer: origin.issuer,
            bundle_pem: origin.bundle_pem.into(),
            next_serial: origin.next_serial,
            pending,
            signed,
            inventory: Names::new(),
            inventory_length: origin.inventory_length,
            inventory_sum: origin.inventory_sum,
            inventory_open: origin.inventory_open,
            lists: origin.lists,
            infra: Infra::default(),
            recent: RecentRequests::default(),
            audit: Audit::default(),
            second: None,
            awaited: None,
            retired: Vec::new(),
        };
        for row in origin.inventory {
            state.remember_issue(&row.name, Issued { serial: row.serial, not_after: row.not_after });
        }
        state
    }

    /// Carries out one envelope and says what has to change in the directory, in order.
    pub fn apply(&mut self, envelope: &Envelope) -> Vec<DirectoryEffect> {
        let mut effects = Vec::new();
        let mut context = audit::Context::new(envelope);
        for command in &envelope.commands {
            if let Command::AuditBegun { format } = command {
                if self.audit.is_begun() {
                    continue;
                }
                self.audit.begin(*format);
            }
            if !self.audit.is_begun() {
                self.apply_command(command, envelope, &mut effects);
                continue;
            }
            let before = audit::Before::of(self, command);
            self.apply_command(command, envelope, &mut effects);
            let lines = context.lines(command, before, self);
            self.add_to_record(lines, &mut effects);
        }
        self.add_to_record(context.unsaid(), &mut effects);
        if let Some(request) = &envelope.request
            && let Some(outcome) = &request.outcome
        {
            self.recent.remember(request.id.clone(), outcome.clone());
        }
        effects
    }

    fn apply_command(&mut self, command: &Command, envelope: &Envelope, effects: &mut Vec<DirectoryEffect>) {
        match command {
            Command::RequestSaved { certname, der, autosign, details } => {
                let pending = Pending {
                    der: der.clone(),
                    autosign: *autosign,
                    saved_by: envelope.request.as_ref().map(|request| request.id.clone()),
                    source: envelope.actor.address.as_deref().and_then(Source::parse),
                    details: details.clone(),
                    fingerprints: Digests::of(der),
                };
                self.pending.insert(self.shared_name(certname), Arc::new(pending));
                effects.push(DirectoryEffect::SaveRequest {
                    certname: certname.clone(),
                    der: der.as_slice().into(),
                });
            }
            Command::RequestDeleted { certname } => {
                self.pending.remove(certname.as_str());
                effects.push(DirectoryEffect::DeleteRequest { certname: certname.clone() });
            }
            Command::AutosignDeclined { certname } => {
                if let Some(pending) = self.pending.get_mut(certname.as_str()) {
                    Arc::make_mut(pending).autosign = AutosignMark::Manual;
                }
            }
            Command::SerialsReserved { next } => {
                // Reservations may commit in another order than they were counted: the highest counts.
                if let Some(next) = serial(next).filter(|next| *next > self.next_serial) {
                    self.next_serial = next;
                    effects.push(DirectoryEffect::WriteSerial { next });
                }
            }
            Command::SerialsReturned { from, to } => {
                // What the former key may have used is not given to another key.
                let first = self.first_of_own_key();
                if let (Some(from), Some(to)) = (serial(from), serial(to).map(|to| to.max(first)))
                    && self.next_serial == from
                    && to < from
                {
                    self.next_serial = to;
                    effects.push(DirectoryEffect::WriteSerial { next: to });
                }
            }
            Command::CertificateIssued {
                certname,
                der,
                serial: hex,
                not_before,
                not_after,
                details,
                renewal,
            } => {
                let Some(serial) = serial(hex) else { return };
                self.record_issue(certname, serial, *not_before, *not_after, effects);
                let signed =
                    Signed::new(certname, serial, (*not_before, *not_after), details, Digests::of(der));
                self.signed.insert(self.shared_name(certname), Arc::new(signed));
                effects.push(DirectoryEffect::SaveCertificate {
                    certname: certname.clone(),
                    der: der.as_slice().into(),
                });
                self.follow_infra_node(certname, effects);
                if *renewal != Some(true) && self.pending.remove(certname.as_str()).is_some() {
                    effects.push(DirectoryEffect::DeleteRequest { certname: certname.clone() });
                }
            }
            Command::CertificateRemoved { certname } => {
                self.signed.remove(certname.as_str());
                effects.push(DirectoryEffect::DeleteCertificate { certname: certname.clone() });
                self.follow_infra_node(certname, effects);
            }
            Command::RevocationListIssued { number, this_update, next_update, added, dropped, signature } => {
                let times = (*number, *this_update, *next_update);
                self.issue_list(Side::Own, &IssuedList { times, added, dropped, signature }, effects);
            }
            Command::SecondListIssued { number, this_update, next_update, added, dropped, signature } => {
                let times = (*number, *this_update, *next_update);
                self.issue_list(Side::Second, &IssuedList { times, added, dropped, signature }, effects);
            }
            Command::InfraNodesChanged { inventory } => self.replace_infra_inventory(inventory, effects),
            Command::InfraListAdopted { der } => self.adopt_infra_list(der, effects),
            Command::InfraListIssued { number, this_update, next_update, added, dropped, signature } => {
                let times = (*number, *this_update, *next_update);
                self.issue_infra_list(Side::Own, &IssuedList { times, added, dropped, signature }, effects);
            }
            Command::SecondInfraListIssued {
                number,
                this_update,
                next_update,
                added,
                dropped,
                signature,
            } => {
                let times = (*number, *this_update, *next_update);
                self.issue_infra_list(
                    Side::Second,
                    &IssuedList { times, added, dropped, signature },
                    effects,
                );
            }
            Command::KeyIntroduced { certificate_der, list_der, infra_der, bundle_pem } => {
                let lists = (list_der.as_slice(), infra_der.as_slice());
                self.introduce_key(certificate_der, lists, bundle_pem, envelope.at, effects);
            }
            Command::KeyActivated { list_der, infra_der, bundle_pem } => {
                self.activate_key(list_der, infra_der, bundle_pem, envelope.at, effects);
            }
            Command::KeyRequested { request_der } => self.await_key(request_der, envelope.at),
            Command::KeyRequestDropped => self.drop_awaited_key(effects),
            Command::KeyRetired { bundle_pem } => self.retire_key(bundle_pem, envelope.at, effects),
            Command::KeyAbandoned { bundle_pem } => self.abandon_key(bundle_pem, effects),
            Command::AuthorityRenewed { issuer_der, bundle_pem } => {
                self.replace_authority(issuer_der, bundle_pem, effects);
            }
            Command::RevocationListAdopted { der } => {
                // It was read before it entered the log.
                if let Ok(list) = RevocationList::from_der(der) {
                    self.lists.own = list;
                    effects.push(DirectoryEffect::WriteRevocationLists(self.lists.clone()));
                }
            }
            Command::CertificateAdopted {
                certname,
                der,
                serial: hex,
                not_before,
                not_after,
                details,
                row,
            } => {
                let Some(serial) = serial(hex) else { return };
                if *row {
                    self.record_issue(certname, serial, *not_before, *not_after, effects);
                }
                let signed =
                    Signed::new(certname, serial, (*not_before, *not_after), details, Digests::of(der));
                self.signed.insert(self.shared_name(certname), Arc::new(signed));
                effects.push(DirectoryEffect::EnsureCertificate {
                    certname: certname.clone(),
                    der: der.as_slice().into(),
                });
            }
            // What the audit record says of them is all that they change.
            Command::Noted { .. }
            | Command::Because { .. }
            | Command::AuditBegun { .. }
            | Command::Refused { .. } => {}
            Command::InventoryAdopted { offset, text } => self.adopt_inventory(*offset, text, effects),
            Command::ChainListsReplaced { lists_pem } => {
                self.lists.chain_pem = lists_pem.as_str().into();
                effects.push(DirectoryEffect::WriteRevocationLists(self.lists.clone()));
                self.write_infra_lists(effects);
            }
        }
    }

    fn add_to_record(&mut self, lines: Vec<audit::Record>, effects: &mut Vec<DirectoryEffect>) {
        effects.extend(lines.into_iter().map(|line| DirectoryEffect::AppendAudit(self.audit.add(line))));
    }

    /// Takes in the inventory from `offset` on as another program wrote it.
    fn adopt_inventory(&mut self, offset: u64, text: &str, effects: &mut Vec<DirectoryEffect>) {
        let sum = if offset == 0 { 0 } else { self.inventory_sum };
        self.inventory_sum = crc32c::crc32c_append(sum, text.as_bytes());
        self.inventory_length = offset + text.len() as u64;
        self.inventory_open = !text.is_empty() && !text.ends_with('\n');
        for row in text.lines().filter_map(Row::parse) {
            if self.issued_to(&row.name).iter().all(|one| one.serial != row.serial) {
                self.remember_issue(&row.name, Issued { serial: row.serial, not_after: row.not_after });
            }
        }
        effects.push(DirectoryEffect::WriteInventory { offset, text: text.to_owned() });
    }

    fn record_issue(
        &mut self,
        certname: &str,
        serial: Serial,
        not_before: i64,
        not_after: i64,
        effects: &mut Vec<DirectoryEffect>,
    ) {
        let row = Row { serial, not_before, not_after, name: certname.to_owned() };
        let mut line = row.to_line();
        if std::mem::take(&mut self.inventory_open) {
            line.insert(0, '\n');
        }
        let offset = self.inventory_length;
        self.inventory_length += line.len() as u64;
        self.inventory_sum = crc32c::crc32c_append(self.inventory_sum, line.as_bytes());
        self.remember_issue(certname, Issued { serial, not_after });
        effects.push(DirectoryEffect::AppendInventory { offset, line });
    }

    fn remember_issue(&mut self, certname: &str, issued: Issued) {
        match self.inventory.get_mut(certname) {
            Some(all) => all.push(issued),
            None => {
                self.inventory.insert(self.shared_name(certname), IssuedTo::One(issued));
            }
        }
    }

    /// The name as one of the maps has it already.
    fn shared_name(&self, certname: &str) -> Arc<str> {
        let known = self.inventory.get_key_value(certname).map(|(name, _)| name);
        let known = known.or_else(|| self.signed.get_key_value(certname).map(|(name, _)| name));
        known.map_or_else(|| Arc::from(certname), Arc::clone)
    }

    // === What decisions ask ===

    /// The certificate that issues.
    pub fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// `ca_crt.pem`.
    pub fn bundle_pem(&self) -> &Arc<str> {
        &self.bundle_pem
    }

    /// The lowest serial number that has never been reserved.
    pub fn next_serial(&self) -> Serial {
        self.next_serial
    }

    /// The requests that wait, by certname.
    pub fn pending(&self) -> &Names<Arc<Pending>> {
        &self.pending
    }

    /// The certificates with a file in `signed/`, by certname.
    pub fn signed(&self) -> &Names<Arc<Signed>> {
        &self.signed
    }

    /// How many names it knows.
    pub fn names(&self) -> usize {
        self.inventory.len() + self.pending.len()
    }

    /// Bytes that `inventory.txt` must have.
    pub fn inventory_length(&self) -> u64 {
        self.inventory_length
    }

    /// Whether its last line has no line feed.
    pub fn inventory_is_open(&self) -> bool {
        self.inventory_open
    }

    /// CRC-32C of these bytes.
    pub fn inventory_sum(&self) -> u32 {
        self.inventory_sum
    }

    /// Every certificate ever issued, by certname.
    pub fn inventory(&self) -> &Names<IssuedTo> {
        &self.inventory
    }

    /// Every certificate ever issued to `certname`, oldest first.
    pub fn issued_to(&self, certname: &str) -> &[Issued] {
        self.inventory.get(certname).map_or(&[], IssuedTo::as_slice)
    }

    /// The current revocation lists.
    pub fn lists(&self) -> &RevocationLists {
        &self.lists
    }

    /// Whether a serial is on one of our lists, that of a key that is retired by now among them.
    pub fn is_revoked(&self, serial: &Serial) -> bool {
        self.lists.own.contains(serial)
            || self.lists.second.as_ref().is_some_and(|list| list.contains(serial))
            || self.retired.iter().any(|one| one.list.contains(serial))
    }

    /// The entries of our own list that the next one may go without: those whose certificate had expired when the
    /// current one was made (RFC 5280, 3.3: an entry stays until it has been on a list made after that). One whose
    /// certificate is not in the inventory stays for good: nobody knows when it expires.
    pub fn outlived_revocations(&self, side: Side) -> BTreeSet<Serial> {
        let Some(list) = self.list_of(side) else { return BTreeSet::new() };
        let mut outlived = self.revocations_expired_before(list.this_update());
        outlived.retain(|serial| list.contains(serial));
        outlived
    }

    /// The entries of our own list whose certificates end before `time` (Unix seconds), as far as the inventory knows.
    pub fn revocations_expired_before(&self, time: i64) -> BTreeSet<Serial> {
        let mut outlived = BTreeSet::new();
        let mut alive = BTreeSet::new();
        for one in
            self.inventory.values().flat_map(IssuedTo::as_slice).filter(|one| self.is_revoked(&one.serial))
        {
            if one.not_after < time {
                outlived.insert(one.serial);
            } else {
                // Inventories that went through a restored backup have a serial twice.
                alive.insert(one.serial);
            }
        }
        &outlived - &alive
    }

    /// What a list shows as state; a certificate outranks a request.
    pub fn standing(&self, certname: &str) -> Option<Standing> {
        if let Some(signed) = self.signed.get(certname) {
            let revoked = self.is_revoked(&signed.serial);
            return Some(if revoked { Standing::Revoked } else { Standing::Signed });
        }
        self.pending.contains_key(certname).then_some(Standing::Requested)
    }

    /// The audit record, as far as the state knows it.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// On a member that was fed by a snapshot: see [`Audit`]. `held` is what it knew of the record before.
    pub(crate) fn resume_record(&mut self, held: Option<&Audit>) {
        self.audit.resume_after_snapshot(held);
    }

    /// The answers of the latest writes, by request id.
    pub fn recent(&self) -> &RecentRequests {
        &self.recent
    }
}

/// A serial from a command. Commands carry what [`Serial`] printed, so a fault means a foreign log; such a
/// command changes nothing rather than something wrong.
fn serial(hex: &str) -> Option<Serial> {
    Serial::parse_hex(hex).ok()
}
