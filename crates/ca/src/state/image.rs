//! The state as bytes: the body of a local snapshot, and the head of one that is sent to another member.
//!
//! One CBOR array, written and read as a stream: with a million certificates a second copy in memory, in whatever
//! form, would be larger than everything else together. Fields are only ever added at the end.

mod second;

use super::{Infra, IssuedTo, Names, Pending, RecentRequests, RevocationLists, Signed, State};
use crate::audit::Audit;
use crate::command::{AutosignMark, Details, Outcome};
use crate::source::Source;
use crate::state::Issued;
use minicbor::decode::{Decoder, Error};
use minicbor::encode::write::Writer;
use minicbor::{Encode, Encoder};
use pki::crl::RevocationList;
use pki::fingerprint::Digests;
use pki::{Certificate, Serial};
use std::io;
use std::sync::Arc;
use thiserror::Error;

/// How many fields this version writes.
const FIELDS: u64 = 16;
/// Those with the audit record's head.
const FIELDS_WITH_AUDIT: u64 = 15;
/// Those with the inventory's checksum.
const FIELDS_WITH_INVENTORY_SUM: u64 = 14;
/// Those with the infrastructure's list.
const FIELDS_WITH_INFRA: u64 = 13;
/// How many the first version wrote.
const FEWEST_FIELDS: u64 = 11;

/// A snapshot that cannot be used.
#[derive(Debug, Error)]
pub enum UnreadableImage {
    /// Not CBOR, or of a later version.
    #[error("snapshot cannot be read by this version: {0}")]
    Encoding(#[from] Error),
    /// One of its parts is broken.
    #[error("snapshot holds an unusable {0}")]
    Part(&'static str),
}

impl State {
    /// The whole state as CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("encoding into memory cannot fail");
        bytes
    }

    /// Writes the whole state as CBOR.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        self.put(&mut Encoder::new(Writer::new(out))).map_err(|fault| {
            // The only other kind of fault is a custom one of an encoder, and these have none.
            fault.into_write().unwrap_or_else(|| io::Error::other("the state cannot be encoded"))
        })
    }

    fn put<W: minicbor::encode::Write>(
        &self,
        out: &mut Encoder<W>,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        out.array(FIELDS)?
            .bytes(self.issuer.der())?
            .str(&self.bundle_pem)?
            .str(&self.next_serial.to_string())?;
        out.array(self.pending.len() as u64)?;
        for (name, pending) in &self.pending {
            out.array(6)?.str(name)?.bytes(&pending.der)?;
            pending.autosign.encode(out, &mut ())?;
            pending.saved_by.encode(out, &mut ())?;
            pending.details.encode(out, &mut ())?;
            pending.source.map(Source::to_address).encode(out, &mut ())?;
        }
        out.array(self.signed.len() as u64)?;
        for (name, signed) in &self.signed {
            out.array(8)?.str(name)?.str(&signed.serial.to_string())?;
            out.i64(signed.not_before)?.i64(signed.not_after)?;
            signed.details(name).encode(out, &mut ())?;
            let Digests { sha1, sha256, sha512 } = &signed.fingerprints;
            out.bytes(sha1)?.bytes(sha256)?.bytes(sha512)?;
        }
        out.array(self.inventory.len() as u64)?;
        for (name, issued) in &self.inventory {
            let issued = issued.as_slice();
            out.array(2)?.str(name)?.array(issued.len() as u64)?;
            for one in issued {
                out.array(2)?.str(&one.serial.to_string())?.i64(one.not_after)?;
            }
        }
        out.u64(self.inventory_length)?.bool(self.inventory_open)?;
        out.bytes(self.lists.own.der())?.str(&self.lists.chain_pem)?;
        out.array(self.recent.len() as u64)?;
        for (id, outcome) in self.recent.iter() {
            out.array(2)?.str(id)?;
            outcome.encode(out, &mut ())?;
        }
        match &self.infra.inventory {
            Some(inventory) => out.str(inventory)?,
            None => out.null()?,
        };
        // Nothing stands for no list.
        out.bytes(self.infra.list.as_ref().map_or(&[], |list| list.der()))?;
        out.u32(self.inventory_sum)?;
        out.bytes(&self.audit.encode())?;
        out.bytes(&second::encode(self))?;
        Ok(())
    }

    /// Reads what [`State::encode`] wrote.
    ///
    /// # Errors
    /// [`UnreadableImage`].
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableImage> {
        let input = &mut Decoder::new(bytes);
        let fields = count(input)?;
        if fields < FEWEST_FIELDS {
            return Err(UnreadableImage::Part("number of fields"));
        }
        let issuer =
            Certificate::from_der(input.bytes()?).map_err(|_| UnreadableImage::Part("CA certificate"))?;
        let bundle_pem: Arc<str> = input.str()?.into();
        let next_serial = serial(input)?;
        let mut pending = Names::new();
        for _ in 0..count(input)? {
            let (name, one) = read_pending(input)?;
            pending.insert(name, Arc::new(one));
        }
        let mut signed = Names::new();
        for _ in 0..count(input)? {
            let (name, one) = read_signed(input)?;
            signed.insert(name, Arc::new(one));
        }
        let mut inventory = Names::new();
        for _ in 0..count(input)? {
            expect(input, 2)?;
            let name = input.str()?;
            let name = signed.get_key_value(name).map_or_else(|| name.into(), |(name, _)| Arc::clone(name));
            let mut all: Option<IssuedTo> = None;
            for _ in 0..count(input)? {
                expect(input, 2)?;
                let one = Issued { serial: serial(input)?, not_after: input.i64()? };
                match &mut all {
                    Some(all) => all.push(one),
                    None => all = Some(IssuedTo::One(one)),
                }
            }
            if let Some(all) = all {
                inventory.insert(name, all);
            }
        }
        let (inventory_length, inventory_open) = (input.u64()?, input.bool()?);
        let own =
            RevocationList::from_der(input.bytes()?).map_err(|_| UnreadableImage::Part("revocation list"))?;
        let chain_pem = input.str()?.into();
        let mut recent = RecentRequests::default();
        for _ in 0..count(input)? {
            expect(input, 2)?;
            let id = input.str()?.to_owned();
            recent.remember(id, input.decode::<Outcome>()?);
        }
        let mut infra = Infra::default();
        if fields >= FIELDS_WITH_INFRA {
            infra.inventory = input.decode::<Option<String>>()?.map(Into::into);
            let der = input.bytes()?;
            if !der.is_empty() {
                let list = RevocationList::from_der(der);
                infra.list =
                    Some(list.map_err(|_| UnreadableImage::Part("infrastructure's revocation list"))?);
            }
        }
        // Without it any inventory looks as if others had written to it: it is compared line by line then.
        let inventory_sum = if fields >= FIELDS_WITH_INVENTORY_SUM { input.u32()? } else { 0 };
        let audit = match fields >= FIELDS_WITH_AUDIT {
            true => Audit::decode(input.bytes()?).ok_or(UnreadableImage::Part("audit record"))?,
            false => Audit::default(),
        };
        let keys = if fields >= FIELDS { second::decode(input.bytes()?)? } else { second::Keys::default() };
        infra.second = keys.infra;
        Ok(Self {
            issuer,
            bundle_pem,
            next_serial,
            pending,
            signed,
            inventory,
            inventory_length,
            inventory_sum,
            inventory_open,
            lists: RevocationLists { own, second: keys.list, chain_pem },
            infra,
            recent,
            audit,
            second: keys.second,
            awaited: keys.awaited,
            retired: keys.retired,
        })
    }
}

fn read_pending(input: &mut Decoder<'_>) -> Result<(Arc<str>, Pending), UnreadableImage> {
    // The sixth came later.
    let fields = count(input)?;
    if !(5..=6).contains(&fields) {
        return Err(UnreadableImage::Part("record"));
    }
    let name = input.str()?.into();
    let der = input.bytes()?.to_vec();
    let autosign: AutosignMark = input.decode()?;
    let saved_by: Option<String> = input.decode()?;
    let details: Details = input.decode()?;
    let address: Option<String> = if fields > 5 { input.decode()? } else { None };
    let source = address.as_deref().and_then(Source::parse);
    let fingerprints = Digests::of(&der);
    Ok((name, Pending { der, autosign, saved_by, source, details, fingerprints }))
}

fn read_signed(input: &mut Decoder<'_>) -> Result<(Arc<str>, Signed), UnreadableImage> {
    expect(input, 8)?;
    let name = input.str()?;
    let serial = serial(input)?;
    let life = (input.i64()?, input.i64()?);
    let details: Details = input.decode()?;
    let fingerprints = Digests { sha1: digest(input)?, sha256: digest(input)?, sha512: digest(input)? };
    Ok((name.into(), Signed::new(name, serial, life, &details, fingerprints)))
}

fn digest<const LENGTH: usize>(input: &mut Decoder<'_>) -> Result<[u8; LENGTH], UnreadableImage> {
    input.bytes()?.try_into().map_err(|_| UnreadableImage::Part("fingerprint"))
}

fn serial(input: &mut Decoder<'_>) -> Result<Serial, UnreadableImage> {
    Serial::parse_hex(input.str()?).map_err(|_| UnreadableImage::Part("serial number"))
}

fn count(input: &mut Decoder<'_>) -> Result<u64, UnreadableImage> {
    input.array()?.ok_or(UnreadableImage::Part("array"))
}

/// An array of at least so many items; what a later version has added to it cannot be passed over.
fn expect(input: &mut Decoder<'_>, items: u64) -> Result<(), UnreadableImage> {
    if count(input)? == items { Ok(()) } else { Err(UnreadableImage::Part("record")) }
}
