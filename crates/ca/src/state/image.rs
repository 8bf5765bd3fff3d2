//! The state as bytes: the body of a local snapshot, and the head of one that is sent to another member.

use super::{Fingerprints, Issued, Pending, RecentRequests, RevocationLists, Signed, State};
use crate::command::{AutosignMark, Details, Outcome};
use minicbor::{Decode, Encode};
use pki::crl::RevocationList;
use pki::{Certificate, Serial, SignatureAlgorithm};
use thiserror::Error;

/// A snapshot that cannot be used.
#[derive(Debug, Error)]
pub enum UnreadableImage {
    /// Not CBOR, or of a later version.
    #[error("snapshot cannot be read by this version: {0}")]
    Encoding(#[from] minicbor::decode::Error),
    /// One of its parts is broken.
    #[error("snapshot holds an unusable {0}")]
    Part(&'static str),
}

#[derive(Encode, Decode)]
struct Image {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    issuer_der: Vec<u8>,
    #[n(1)]
    bundle_pem: String,
    #[n(2)]
    next_serial: String,
    #[n(3)]
    pending: Vec<PendingImage>,
    #[n(4)]
    signed: Vec<SignedImage>,
    #[n(5)]
    inventory: Vec<InventoryImage>,
    #[n(6)]
    inventory_length: u64,
    #[n(7)]
    inventory_open: bool,
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    own_list_der: Vec<u8>,
    #[n(9)]
    chain_lists_pem: String,
    #[n(10)]
    recent: Vec<RecentImage>,
}

#[derive(Encode, Decode)]
struct PendingImage {
    #[n(0)]
    certname: String,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    der: Vec<u8>,
    #[n(2)]
    autosign: AutosignMark,
    #[n(3)]
    saved_by: Option<String>,
    #[n(4)]
    details: Details,
}

#[derive(Encode, Decode)]
struct SignedImage {
    #[n(0)]
    certname: String,
    #[n(1)]
    serial: String,
    #[n(2)]
    not_before: i64,
    #[n(3)]
    not_after: i64,
    #[n(4)]
    details: Details,
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    sha1: [u8; 20],
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    sha256: [u8; 32],
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    sha512: [u8; 64],
}

#[derive(Encode, Decode)]
struct InventoryImage {
    #[n(0)]
    name: String,
    #[n(1)]
    issued: Vec<(String, i64)>,
}

#[derive(Encode, Decode)]
struct RecentImage {
    #[n(0)]
    id: String,
    #[n(1)]
    outcome: Outcome,
}

impl State {
    /// The whole state as CBOR.
    pub fn encode(&self) -> Vec<u8> {
        let image = Image {
            issuer_der: self.issuer.der().to_vec(),
            bundle_pem: self.bundle_pem.to_string(),
            next_serial: self.next_serial.to_string(),
            pending: self
                .pending
                .iter()
                .map(|(certname, pending)| PendingImage {
                    certname: certname.clone(),
                    der: pending.der.clone(),
                    autosign: pending.autosign,
                    saved_by: pending.saved_by.clone(),
                    details: pending.details.clone(),
                })
                .collect(),
            signed: self
                .signed
                .iter()
                .map(|(certname, signed)| SignedImage {
                    certname: certname.clone(),
                    serial: signed.serial.to_string(),
                    not_before: signed.not_before,
                    not_after: signed.not_after,
                    details: signed.details.clone(),
                    sha1: signed.fingerprints.sha1,
                    sha256: signed.fingerprints.sha256,
                    sha512: signed.fingerprints.sha512,
                })
                .collect(),
            inventory: self
                .inventory
                .iter()
                .map(|(name, issued)| InventoryImage {
                    name: name.clone(),
                    issued: issued.iter().map(|one| (one.serial.to_string(), one.not_after)).collect(),
                })
                .collect(),
            inventory_length: self.inventory_length,
            inventory_open: self.inventory_open,
            own_list_der: self.lists.own.der().to_vec(),
            chain_lists_pem: self.lists.chain_pem.to_string(),
            recent: self
                .recent
                .iter()
                .map(|(id, outcome)| RecentImage { id: id.clone(), outcome: outcome.clone() })
                .collect(),
        };
        minicbor::to_vec(&image).expect("encoding into memory cannot fail")
    }

    /// Reads what [`State::encode`] wrote.
    ///
    /// # Errors
    /// [`UnreadableImage`].
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableImage> {
        let image: Image = minicbor::decode(bytes)?;
        let issuer =
            Certificate::from_der(&image.issuer_der).map_err(|_| UnreadableImage::Part("CA certificate"))?;
        let own = RevocationList::from_der(&image.own_list_der)
            .map_err(|_| UnreadableImage::Part("revocation list"))?;
        let revocations: Vec<(Serial, i64)> = own.entries().collect();
        let mut recent = RecentRequests::default();
        for entry in image.recent {
            recent.remember(entry.id, entry.outcome);
        }
        let mut state = Self {
            algorithm: SignatureAlgorithm::for_public_key(issuer.spki_der()).ok(),
            issuer,
            bundle_pem: image.bundle_pem.into(),
            next_serial: serial(&image.next_serial)?,
            pending: image.pending.into_iter().map(pending).collect(),
            signed: Default::default(),
            inventory: Default::default(),
            inventory_length: image.inventory_length,
            inventory_open: image.inventory_open,
            revoked: revocations.iter().copied().collect(),
            revocations,
            lists: RevocationLists { own, chain_pem: image.chain_lists_pem.into() },
            recent,
        };
        for entry in image.signed {
            let (certname, signed) = signed(entry)?;
            state.signed.insert(certname, signed);
        }
        for entry in image.inventory {
            let issued = entry
                .issued
                .iter()
                .map(|(hex, not_after)| Ok(Issued { serial: serial(hex)?, not_after: *not_after }))
                .collect::<Result<Vec<_>, UnreadableImage>>()?;
            state.inventory.insert(entry.name, issued);
        }
        Ok(state)
    }
}

fn pending(image: PendingImage) -> (String, Pending) {
    let fingerprints = Fingerprints::of(&image.der);
    let PendingImage { certname, der, autosign, saved_by, details } = image;
    (certname, Pending { der, autosign, saved_by, details, fingerprints })
}

fn signed(image: SignedImage) -> Result<(String, Signed), UnreadableImage> {
    let fingerprints = Fingerprints { sha1: image.sha1, sha256: image.sha256, sha512: image.sha512 };
    let signed = Signed {
        serial: serial(&image.serial)?,
        not_before: image.not_before,
        not_after: image.not_after,
        details: image.details,
        fingerprints,
    };
    Ok((image.certname, signed))
}

fn serial(hex: &str) -> Result<Serial, UnreadableImage> {
    Serial::parse_hex(hex).map_err(|_| UnreadableImage::Part("serial number"))
}
