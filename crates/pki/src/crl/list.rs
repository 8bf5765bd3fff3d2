//! Reading lists.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::index::EntryIndex;
use crate::algorithm::{SignatureAlgorithm, UnknownAlgorithm};
use crate::asn1::{Malformed, Reader, reader, tag, time};
use crate::certificate::{Certificate, read_authority_key_id};
use crate::distinguished_name::{self, NameAttribute};
use crate::extension::Extension;
use crate::oid::{self, Oid};
use crate::pem::{self, PemFault};
use crate::serial::Serial;
use crate::signed::Signed;
use crate::verify::VerifyFault;

/// A revocation list. Clones share the octets. Equality is equality of the octets.
#[derive(Clone)]
pub struct RevocationList(Arc<Inner>);

struct Inner {
    signed: Signed,
    issuer_der: Vec<u8>,
    issuer: Vec<NameAttribute>,
    this_update: i64,
    next_update: Option<i64>,
    number: Option<Serial>,
    authority_key_id: Option<Vec<u8>>,
    /// Where in the signed part the entries stand.
    entries: Range<usize>,
    index: EntryIndex,
}

/// Why octets or text are no revocation list that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CrlFault {
    /// The text is not well-formed PEM.
    #[error("{0}")]
    Pem(#[from] PemFault),
    /// There is no list in the text.
    #[error("there is no revocation list in the PEM text")]
    NoList,
    /// There are several lists where one belongs.
    #[error("there is more than one revocation list in the PEM text")]
    SeveralLists,
    /// The structure is broken.
    #[error("the revocation list is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// It has a critical extension that changes its meaning, for instance one that makes it a partial list.
    #[error("the revocation list has the critical extension {0}, which is not supported")]
    UnknownCriticalExtension(Oid),
}

impl RevocationList {
    /// Reads a PEM text with exactly one list; blocks of other kinds are passed over.
    ///
    /// # Errors
    /// [`CrlFault`]
    pub fn from_pem(text: &[u8]) -> Result<RevocationList, CrlFault> {
        let mut lists = Self::all_from_pem(text)?;
        match lists.len() {
            0 => Err(CrlFault::NoList),
            1 => Ok(lists.remove(0)),
            _ => Err(CrlFault::SeveralLists),
        }
    }

    /// Reads all lists of a PEM text (`ca_crl.pem` has the signing CA's first and then those of its chain).
    ///
    /// # Errors
    /// [`CrlFault`] of the first one that is broken.
    pub fn all_from_pem(text: &[u8]) -> Result<Vec<RevocationList>, CrlFault> {
        let mut lists = Vec::new();
        for block in pem::parse_all(text)? {
            if block.label == "X509 CRL" || block.label == "CRL" {
                lists.push(RevocationList::from_der(&block.der)?);
            }
        }
        Ok(lists)
    }

    /// Reads the encoded list. What follows it is ignored.
    ///
    /// # Errors
    /// [`CrlFault`]
    pub fn from_der(der: &[u8]) -> Result<RevocationList, CrlFault> {
        Ok(RevocationList(Arc::new(Inner::parse(der, None)?)))
    }

    /// As [`RevocationList::from_der`], for a list that has all entries of `former` and then more, which is looked at
    /// only where it is new. Without that beginning it is read whole.
    pub(super) fn successor_from_der(
        former: &RevocationList,
        der: &[u8],
    ) -> Result<RevocationList, CrlFault> {
        Ok(RevocationList(Arc::new(Inner::parse(der, Some(former))?)))
    }

    /// The octets.
    pub fn der(&self) -> &[u8] {
        self.0.signed.der()
    }

    /// As PEM text.
    pub fn to_pem(&self) -> String {
        pem::encode("X509 CRL", self.der())
    }

    /// The CRL number, if it has one that 64 bits can hold, as ours have.
    pub fn number(&self) -> Option<u64> {
        self.0.number.and_then(|number| number.to_u64())
    }

    /// The CRL number of any authority: it may have 20 octets (RFC 5280 section 5.2.3).
    pub fn long_number(&self) -> Option<Serial> {
        self.0.number
    }

    /// When it was made (Unix seconds).
    pub fn this_update(&self) -> i64 {
        self.0.this_update
    }

    /// Until when there will be a newer one (Unix seconds).
    pub fn next_update(&self) -> Option<i64> {
        self.0.next_update
    }

    /// The encoded name of its issuer.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_der
    }

    /// The first common name of its issuer.
    pub fn issuer_cn(&self) -> Option<&str> {
        distinguished_name::first_common_name(&self.0.issuer)
    }

    /// The issuer by RFC 2253.
    pub fn issuer_rfc2253(&self) -> String {
        distinguished_name::rfc2253(&self.0.issuer)
    }

    /// The key identifier of its issuer's key.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.authority_key_id.as_deref()
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.0.index.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.0.index.len() == 0
    }

    /// The entries in their order: serial number and when it was revoked (Unix seconds).
    pub fn entries(&self) -> impl Iterator<Item = (Serial, i64)> + '_ {
        self.entries_from(0)
    }

    /// The entries from the one at `first` on (0 is the first of all), as [`RevocationList::entries`]. Where they stand
    /// is known: nothing before them is read but a few neighbours.
    pub fn entries_from(&self, first: usize) -> impl Iterator<Item = (Serial, i64)> + '_ {
        let (offset, skipped) = self.0.index.place_before(first);
        let mut list = Reader::new(self.entries_der().get(offset..).unwrap_or_default());
        // Every entry has been read once when the list was, so this ends only where the entries do.
        std::iter::from_fn(move || read_entry(&mut list).ok()).skip(skipped)
    }

    /// The encoded entries, one after the other; empty when nothing is revoked.
    pub fn entries_der(&self) -> &[u8] {
        &self.0.signed.tbs()[self.0.entries.clone()]
    }

    /// The encoded entries but those of these serial numbers.
    pub fn entries_der_without(&self, left_out: &BTreeSet<Serial>) -> Cow<'_, [u8]> {
        let all = self.entries_der();
        if left_out.is_empty() {
            return Cow::Borrowed(all);
        }
        let mut kept = Vec::with_capacity(all.len());
        let mut list = Reader::new(all);
        while !list.is_empty() {
            let start = all.len() - list.remaining();
            // Every entry has been read once when the list was.
            let Ok((serial, _)) = read_entry(&mut list) else { break };
            if !left_out.contains(&serial) {
                kept.extend_from_slice(&all[start..all.len() - list.remaining()]);
            }
        }
        Cow::Owned(kept)
    }

    /// Whether this serial number is revoked.
    pub fn contains(&self, serial: &Serial) -> bool {
        self.0.index.contains(serial)
    }

    /// Whether it is this authority's list by name and, where both have one, by key identifier.
    pub fn is_issued_by(&self, authority: &Certificate) -> bool {
        let keys_agree = match (self.authority_key_id(), authority.subject_key_id()) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        };
        keys_agree
            && distinguished_name::parse(authority.subject_der()).is_ok_and(|name| name == self.0.issuer)
    }

    /// Checks the signature with the issuer's public key.
    ///
    /// # Errors
    /// [`VerifyFault`]
    pub fn verify(&self, spki_der: &[u8]) -> Result<(), VerifyFault> {
        self.0.signed.verify(spki_der)
    }

    /// The signed part.
    pub fn tbs_der(&self) -> &[u8] {
        self.0.signed.tbs()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8] {
        self.0.signed.signature()
    }

    /// The algorithm of the signature.
    ///
    /// # Errors
    /// An algorithm that is not supported.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, UnknownAlgorithm> {
        self.0.signed.algorithm()
    }
}

impl Inner {
    fn parse(bytes: &[u8], former: Option<&RevocationList>) -> Result<Inner, CrlFault> {
        let signed = Signed::parse(bytes)?;
        let tbs = signed.tbs();
        let mut fields = Reader::new(tbs).sequence()?;
        if let Some(version) = fields.optional(tag::INTEGER)?
            && reader::small_number(version)? > 1
        {
            return Err(Malformed::Version.into());
        }
        if fields.element(tag::SEQUENCE)?.raw != signed.algorithm_der() {
            return Err(Malformed::AlgorithmMismatch.into());
        }
        let issuer_der = fields.element(tag::SEQUENCE)?.raw.to_vec();
        let this_update = read_time(&mut fields)?;
        let next_update = match fields.peek() {
            Some(tag::UTC_TIME | tag::GENERALIZED_TIME) => Some(read_time(&mut fields)?),
            _ => None,
        };
        let mut entries = 0..0;
        let mut index = EntryIndex::default();
        if let Some(content) = fields.optional(tag::SEQUENCE)? {
            let end = tbs.len() - fields.remaining();
            entries = end - content.len()..end;
            let known = former.map(|former| (former.entries_der(), &former.0.index));
            let mut start = 0;
            if let Some((known, of_known)) = known.filter(|(known, _)| content.starts_with(known)) {
                (start, index) = (known.len(), of_known.clone());
            }
            let mut list = Reader::new(&content[start..]);
            let mut new = Vec::new();
            while !list.is_empty() {
                let offset = content.len() - list.remaining();
                new.push((read_entry(&mut list)?.0, offset));
            }
            index.extend(&new);
        }
        let extensions = match fields.optional(tag::context_constructed(0))? {
            Some(list) => Extension::read_all(Reader::new(list).content(tag::SEQUENCE)?)?,
            None => Vec::new(),
        };
        fields.end()?;
        let known = [oid::CRL_NUMBER, oid::AUTHORITY_KEY_IDENTIFIER];
        if let Some(unknown) =
            extensions.iter().find(|extension| extension.critical && !known.contains(&extension.oid))
        {
            return Err(CrlFault::UnknownCriticalExtension(unknown.oid.clone()));
        }
        let value = |oid: &Oid| {
            extensions.iter().find(|extension| extension.oid == *oid).map(|found| &found.value[..])
        };
        let number = value(&oid::CRL_NUMBER).map(read_number).transpose()?;
        let authority_key_id =
            value(&oid::AUTHORITY_KEY_IDENTIFIER).and_then(read_authority_key_id).map(<[u8]>::to_vec);
        let issuer = distinguished_name::parse(&issuer_der)?;
        Ok(Inner {
            issuer_der,
            issuer,
            this_update,
            next_update,
            number,
            authority_key_id,
            entries,
            index,
            signed,
        })
    }
}

fn read_time(fields: &mut Reader<'_>) -> Result<i64, Malformed> {
    let element = fields.any()?;
    time::parse(element.tag, element.content)
}

fn read_entry(list: &mut Reader<'_>) -> Result<(Serial, i64), Malformed> {
    let mut entry = list.sequence()?;
    let serial = Serial::from_der_content(entry.content(tag::INTEGER)?)?;
    let at = read_time(&mut entry)?;
    entry.optional(tag::SEQUENCE)?;
    entry.end()?;
    Ok((serial, at))
}

fn read_number(value: &[u8]) -> Result<Serial, Malformed> {
    match Reader::new(value).content(tag::INTEGER)? {
        [] | [0x80..=0xff, ..] => Err(Malformed::Number),
        octets => Serial::from_octets(octets).ok_or(Malformed::Number),
    }
}

impl PartialEq for RevocationList {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for RevocationList {}

impl fmt::Debug for RevocationList {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "RevocationList({} number {:?}, {} entries)",
            self.issuer_rfc2253(),
            self.number(),
            self.len()
        )
    }
}
