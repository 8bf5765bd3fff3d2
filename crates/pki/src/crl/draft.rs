//! Writing lists. The signed part depends on nothing but the CA's certificate and the draft, so that a log needs to
//! carry only what changed and the signature; every replica arrives at the same octets.

use super::{CrlFault, RevocationList};
use crate::algorithm::{SignatureAlgorithm, UnknownAlgorithm};
use crate::asn1::{tag, time, writer};
use crate::certificate::Certificate;
use crate::extension::Extension;
use crate::issue::{Authority, IssueFault, authority_key_id};
use crate::oid;
use crate::serial::Serial;
use crate::signed::Signed;

/// What a list is to say.
#[derive(Debug, Clone, Copy)]
pub struct CrlDraft<'a> {
    /// The CRL number: one more than the last.
    pub number: u64,
    /// When the list was made (Unix seconds).
    pub this_update: i64,
    /// Until when there will be a newer one (Unix seconds).
    pub next_update: i64,
    /// The revoked serial numbers and when (Unix seconds), in the order in which they will stand.
    pub entries: &'a [(Serial, i64)],
}

impl<'a> CrlDraft<'a> {
    /// A list made at `now` (Unix seconds) with the times Puppet Server gives it when it revokes or renews: from one
    /// second ago until the same date in five years.
    pub fn at(now: i64, number: u64, entries: &'a [(Serial, i64)]) -> CrlDraft<'a> {
        CrlDraft { number, this_update: now - 1, next_update: time::plus_years(now, 5), entries }
    }
}

/// What a list that follows another one is to say: the entries of the former as they stand there (with their reasons,
/// whoever wrote them), then new ones. Costs a copy, not an encoding of each entry.
#[derive(Debug, Clone, Copy)]
pub struct CrlSuccessor<'a> {
    /// The CRL number: one more than the last.
    pub number: u64,
    /// When the list was made (Unix seconds).
    pub this_update: i64,
    /// Until when there will be a newer one (Unix seconds).
    pub next_update: i64,
    /// Encoded entries, as [`RevocationList::entries_der`] and [`RevocationList::entries_der_without`] give them.
    pub kept: &'a [u8],
    /// The serial numbers newly revoked and when (Unix seconds), in the order in which they will stand.
    pub added: &'a [(Serial, i64)],
}

/// `crlEntryExtensions` of every entry: reasonCode keyCompromise, which is what Puppet Server writes whatever the
/// reason was.
const KEY_COMPROMISE: &[u8] = b"\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x01";

/// Octets an entry takes at most: two lengths, 20+1 octets of serial number, a GeneralizedTime, the extension.
const ENTRY_OCTETS: usize = 2 + 23 + 17 + KEY_COMPROMISE.len();

/// The signed part of a list as Puppet Server writes it: CRL number, then authority key identifier.
///
/// # Errors
/// The CA's key is of a kind that does not sign here.
pub fn tbs_der(authority: &Certificate, draft: &CrlDraft<'_>) -> Result<Vec<u8>, UnknownAlgorithm> {
    write(authority, draft, [number(draft.number), authority_key_id(authority.key_identifier())])
}

/// The signed part of a list that follows another one, otherwise as [`tbs_der`].
///
/// # Errors
/// The CA's key is of a kind that does not sign here.
pub fn successor_tbs_der(
    authority: &Certificate,
    successor: &CrlSuccessor<'_>,
) -> Result<Vec<u8>, UnknownAlgorithm> {
    let extensions = [number(successor.number), authority_key_id(authority.key_identifier())];
    let times = (successor.this_update, successor.next_update);
    assemble_tbs(authority, times, &[successor.kept, &encode_entries(successor.added)], extensions)
}

/// The signed part of a list as `puppetserver ca setup` writes it: authority key identifier, then CRL number.
///
/// # Errors
/// The CA's key is of a kind that does not sign here.
pub fn setup_tbs_der(authority: &Certificate, draft: &CrlDraft<'_>) -> Result<Vec<u8>, UnknownAlgorithm> {
    write(authority, draft, [authority_key_id(authority.key_identifier()), number(draft.number)])
}

/// Puts a list together from the signed part and a signature made over it. The signature is not checked here.
///
/// # Errors
/// The signed part is not one.
pub fn assemble(
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> Result<RevocationList, CrlFault> {
    RevocationList::from_der(&Signed::assemble(tbs, algorithm, signature))
}

/// As [`assemble`], for a list that goes on where `former` ended: only what is new in it is read.
///
/// # Errors
/// The signed part is not one.
pub fn assemble_successor(
    former: &RevocationList,
    tbs: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
) -> Result<RevocationList, CrlFault> {
    RevocationList::successor_from_der(former, &Signed::assemble(tbs, algorithm, signature))
}

/// Writes and signs a list as Puppet Server does.
///
/// # Errors
/// [`IssueFault`]
pub fn issue(authority: &Authority, draft: &CrlDraft<'_>) -> Result<RevocationList, IssueFault> {
    let tbs = tbs_der(&authority.certificate, draft)?;
    let signature = authority.sign(&tbs)?;
    Ok(assemble(&tbs, authority.signer.algorithm(), &signature)?)
}

fn number(number: u64) -> Extension {
    Extension { oid: oid::CRL_NUMBER, critical: false, value: writer::unsigned(&number.to_be_bytes()) }
}

fn write(
    authority: &Certificate,
    draft: &CrlDraft<'_>,
    extensions: [Extension; 2],
) -> Result<Vec<u8>, UnknownAlgorithm> {
    let times = (draft.this_update, draft.next_update);
    assemble_tbs(authority, times, &[&encode_entries(draft.entries)], extensions)
}

fn encode_entries(entries: &[(Serial, i64)]) -> Vec<u8> {
    let mut content = Vec::with_capacity(entries.len() * ENTRY_OCTETS);
    let mut entry = Vec::with_capacity(ENTRY_OCTETS);
    for (serial, at) in entries {
        entry.clear();
        serial.push_der(&mut entry);
        time::push_time(&mut entry, *at);
        entry.extend_from_slice(KEY_COMPROMISE);
        writer::header(&mut content, tag::SEQUENCE, entry.len());
        content.extend_from_slice(&entry);
    }
    content
}

/// `entries` are runs of encoded entries; none at all leaves the whole field out, as RFC 5280 wants it.
fn assemble_tbs(
    authority: &Certificate,
    (this_update, next_update): (i64, i64),
    entries: &[&[u8]],
    extensions: [Extension; 2],
) -> Result<Vec<u8>, UnknownAlgorithm> {
    let algorithm = SignatureAlgorithm::for_public_key(authority.spki_der())?;
    let mut times = Vec::new();
    time::push_time(&mut times, this_update);
    time::push_time(&mut times, next_update);
    let extensions = writer::nested(tag::context_constructed(0), &[&Extension::write_all(&extensions)]);
    let length: usize = entries.iter().map(|run| run.len()).sum();
    let mut list_header = Vec::new();
    if length > 0 {
        writer::header(&mut list_header, tag::SEQUENCE, length);
    }
    let mut parts: Vec<&[u8]> =
        vec![&[tag::INTEGER, 1, 1], algorithm.der(), authority.subject_der(), &times, &list_header];
    parts.extend_from_slice(entries);
    parts.push(&extensions);
    Ok(writer::sequence(&parts))
}
