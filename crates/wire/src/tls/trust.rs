//! The authorities that we trust, and what they have revoked.

use std::sync::Arc;

use arc_swap::ArcSwap;
use pki::crl::RevocationList;
use pki::{Certificate, Serial};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::revocation::{Issuer, RevocationIndex};

/// Why a bundle or its revocation lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustFault {
    /// The file is not PEM.
    #[error("not readable: {0}")]
    NotPem(String),
    /// There is no certificate in the bundle.
    #[error("there is no CA certificate in the bundle")]
    NoAuthority,
    /// A certificate of the bundle cannot be read.
    #[error("certificate {number} of the bundle cannot be used: {reason}")]
    BadAuthority {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// A certificate of the bundle is not one of an authority.
    #[error("certificate {number} of the bundle ({subject}) is not a CA's")]
    NotAnAuthority {
        /// Its place in the file, from 1.
        number: usize,
        /// Whose it is.
        subject: String,
    },
    /// A revocation list cannot be read.
    #[error("revocation list {number} cannot be read: {reason}")]
    BadList {
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// The bundle is of another estate: none of its authorities is trusted so far.
    #[error("it has no certificate of an authority that is trusted so far")]
    Stranger,
    /// A revocation list was signed by none of the authorities.
    #[error("revocation list {number} is not signed by a CA of the bundle")]
    ForeignList {
        /// Its place in the file, from 1.
        number: usize,
    },
}

#[derive(Debug)]
pub(super) struct Authorities {
    certificates: Vec<Certificate>,
    pub(super) anchors: RootCertStore,
}

/// The trusted authorities with their revocations. Cheap to clone; all clones share both, so that a swap reaches every
/// listener and every open connection.
#[derive(Debug, Clone)]
pub struct TrustBundle {
    authorities: Arc<ArcSwap<Authorities>>,
    revocations: Arc<ArcSwap<RevocationIndex>>,
    /// Of the lists in force.
    ends: Arc<ArcSwap<Vec<ListEnd>>>,
}

/// What there is to know of a revocation list besides its entries: until when it is good, above all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEnd {
    /// Who issued it, as RFC 2253 writes names.
    pub issuer: String,
    /// When the next one is due; Unix seconds.
    pub next_update: i64,
    /// When it was issued; Unix seconds.
    pub this_update: i64,
    /// Its number.
    pub number: Option<u64>,
    /// How many certificates it revokes.
    pub entries: usize,
}

/// Revocation lists that were found genuine and are not in force yet.
#[derive(Debug)]
pub struct VerifiedLists {
    index: RevocationIndex,
    /// Key of the signer and number of its list.
    numbers: Vec<(String, u64)>,
    ends: Vec<ListEnd>,
}

impl VerifiedLists {
    /// Number of the list that was signed with this key: see [`key_name`].
    pub fn number(&self, key: &str) -> Option<u64> {
        self.numbers.iter().find(|(signer, _)| signer == key).map(|(_, number)| *number)
    }

    /// Number of the first list: in `ca_crl.pem` that of the CA itself.
    pub fn first_number(&self) -> Option<u64> {
        self.numbers.first().map(|(_, number)| *number)
    }
}

/// An authority by its key alone: when its certificate is renewed it stays the same.
pub fn key_name(authority: &Certificate) -> String {
    pki::fingerprint::sha256(authority.spki_der())
}

impl Authorities {
    fn from_pem(bundle: &[u8]) -> Result<Self, TrustFault> {
        let blocks = pki::pem::parse_all(bundle).map_err(|fault| TrustFault::NotPem(fault.to_string()))?;
        let mut authorities = Authorities { certificates: Vec::new(), anchors: RootCertStore::empty() };
        for (at, block) in blocks.into_iter().filter(|block| block.label == "CERTIFICATE").enumerate() {
            let number = at + 1;
            let bad = |reason: String| TrustFault::BadAuthority { number, reason };
            let certificate = Certificate::from_der(&block.der).map_err(|fault| bad(fault.to_string()))?;
            if !certificate.is_ca() {
                return Err(TrustFault::NotAnAuthority { number, subject: certificate.subject_rfc2253() });
            }
            authorities
                .anchors
                .add(CertificateDer::from(block.der))
                .map_err(|error| bad(error.to_string()))?;
            authorities.certificates.push(certificate);
        }
        if authorities.certificates.is_empty() {
            return Err(TrustFault::NoAuthority);
        }
        Ok(authorities)
    }
}

/// A chain of authorities is followed so far when looking for a revoked one. Puppet has two levels.
const MAX_CHAIN: usize = 8;

impl TrustBundle {
    /// Trusts all CA certificates of a PEM bundle, intermediate ones too. Nothing is revoked yet: see
    /// [`TrustBundle::load`].
    pub fn from_pem(bundle: &[u8]) -> Result<TrustBundle, TrustFault> {
        let authorities = Authorities::from_pem(bundle)?;
        Ok(TrustBundle {
            authorities: Arc::new(ArcSwap::from_pointee(authorities)),
            revocations: Arc::default(),
            ends: Arc::default(),
        })
    }

    /// Trusts the authorities of this bundle from now on, and no others: at once, for every listener and for all
    /// connections that are opened later. At least one of them must be trusted already: whoever calls has the bundle from
    /// one of those. False when nothing is new.
    ///
    /// # Errors
    /// [`TrustFault`]; then everything stays as it was.
    pub fn replace_authorities(&self, bundle: &[u8]) -> Result<bool, TrustFault> {
        let new = Authorities::from_pem(bundle)?;
        if !self.has_authority_of(bundle)? {
            return Err(TrustFault::Stranger);
        }
        if new.certificates == self.authorities.load().certificates {
            return Ok(false);
        }
        self.authorities.store(Arc::new(new));
        Ok(true)
    }

    /// Replaces all revocations by those of these lists (PEM, any number). Each list's signature is verified here,
    /// once; if one is bad, everything stays as it was. Lists of authorities that are not trusted are passed over, as
    /// long as there is one of those that are: bundle and lists change one after the other. Takes some 30 ms for 100,000
    /// entries: call it off the request path.
    pub fn load(&self, lists_pem: &[u8]) -> Result<Arc<RevocationIndex>, TrustFault> {
        self.verify(lists_pem).map(|verified| self.put_in_force(verified))
    }

    /// The first half of [`TrustBundle::load`], the long one: nothing changes yet.
    pub fn verify(&self, lists_pem: &[u8]) -> Result<VerifiedLists, TrustFault> {
        let blocks = pki::pem::parse_all(lists_pem).map_err(|fault| TrustFault::NotPem(fault.to_string()))?;
        let (mut lists, mut foreign) = (Vec::new(), None);
        for (at, block) in blocks.into_iter().filter(|block| block.label == "X509 CRL").enumerate() {
            let number = at + 1;
            let list = RevocationList::from_der(&block.der)
                .map_err(|fault| TrustFault::BadList { number, reason: fault.to_string() })?;
            match self.signer_of(&list) {
                Some(signer) => lists.push((list, signer)),
                None if self.bears_our_name(&list) => return Err(TrustFault::ForeignList { number }),
                None => foreign = foreign.or(Some(number)),
            }
        }
        if let Some(number) = foreign.filter(|_| lists.is_empty()) {
            return Err(TrustFault::ForeignList { number });
        }
        let index = RevocationIndex::new(lists.iter().map(|(list, signer)| (list, as_issuer(signer))));
        let numbers =
            lists.iter().filter_map(|(list, signer)| Some((key_name(signer), list.number()?))).collect();
        let ends = lists.iter().filter_map(|(list, _)| {
            Some(ListEnd {
                issuer: list.issuer_rfc2253(),
                next_update: list.next_update()?,
                this_update: list.this_update(),
                number: list.number(),
                entries: list.len(),
            })
        });
        Ok(VerifiedLists { index, numbers, ends: ends.collect() })
    }

    /// The second half of [`TrustBundle::load`]: at once, for every listener and every open connection.
    pub fn put_in_force(&self, verified: VerifiedLists) -> Arc<RevocationIndex> {
        let index = Arc::new(verified.index);
        self.revocations.store(index.clone());
        self.ends.store(Arc::new(verified.ends));
        index
    }

    /// Adds revocations of one authority to those in force: in microseconds, however many there are. Whoever calls
    /// has it from the authority itself, over a connection that proves it; a list that is loaded later takes the
    /// place of all that was added.
    pub fn add_revocations(&self, authority: &Certificate, serials: &[Serial]) {
        self.revocations.rcu(|index| index.with(as_issuer(authority), serials));
    }

    /// The same for one that is known by its key: see [`key_name`]. False when it is none of those trusted.
    pub fn add_revocations_of(&self, key: &str, serials: &[Serial]) -> bool {
        let authority = self.certificates().into_iter().find(|authority| key_name(authority) == key);
        if let Some(authority) = &authority {
            self.add_revocations(authority, serials);
        }
        authority.is_some()
    }

    /// Whether a certificate, or an authority above it, is revoked.
    pub fn is_revoked(&self, certificate: &Certificate) -> bool {
        let revocations = self.revocations.load();
        if revocations.is_empty() {
            return false;
        }
        let authorities = self.authorities.load();
        let mut current = certificate;
        for _ in 0..MAX_CHAIN {
            let issuer = issuer_of(current);
            if revocations.contains(issuer, &current.serial()) {
                return true;
            }
            match authorities.find(issuer) {
                // A root is its own issuer, and cannot revoke itself.
                Some(authority) if authority.der() != current.der() => current = authority,
                _ => return false,
            }
        }
        false
    }

    /// Whether a bundle (PEM) is of an authority that is trusted here: at least one of its certificates has name and key
    /// of one of ours, as after a renewal.
    ///
    /// # Errors
    /// [`TrustFault::NotPem`] for a bundle that cannot be read.
    pub fn has_authority_of(&self, bundle: &[u8]) -> Result<bool, TrustFault> {
        let theirs =
            Certificate::all_from_pem(bundle).map_err(|fault| TrustFault::NotPem(fault.to_string()))?;
        let same = |one: &Certificate, other: &Certificate| {
            one.spki_der() == other.spki_der() && one.subject_der() == other.subject_der()
        };
        let ours = self.certificates();
        Ok(theirs.iter().any(|one| ours.iter().any(|ours| same(one, ours))))
    }

    /// The revocations in force.
    pub fn revocations(&self) -> Arc<RevocationIndex> {
        self.revocations.load_full()
    }

    /// Until when the lists in force are good.
    pub fn list_ends(&self) -> Arc<Vec<ListEnd>> {
        self.ends.load_full()
    }

    /// The trusted authorities, in the order of the file.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.authorities.load().certificates.clone()
    }

    pub(super) fn authorities(&self) -> Arc<Authorities> {
        self.authorities.load_full()
    }

    /// The authority whose key has signed a list. Several can bear its name: a CA whose key was renewed.
    fn signer_of(&self, list: &RevocationList) -> Option<Certificate> {
        let signed = |authority: &Certificate| {
            authority.subject_der() == list.issuer_der() && list.verify(authority.spki_der()).is_ok()
        };
        self.certificates().into_iter().find(signed)
    }

    fn bears_our_name(&self, list: &RevocationList) -> bool {
        self.certificates().iter().any(|authority| authority.subject_der() == list.issuer_der())
    }
}

impl Authorities {
    fn find(&self, issuer: Issuer<'_>) -> Option<&Certificate> {
        self.certificates.iter().find(|authority| match (issuer.key_id, authority.subject_key_id()) {
            (Some(wanted), Some(has)) => wanted == has,
            _ => authority.subject_der() == issuer.name,
        })
    }
}

fn as_issuer(authority: &Certificate) -> Issuer<'_> {
    Issuer { name: authority.subject_der(), key_id: authority.subject_key_id() }
}

fn issuer_of(certificate: &Certificate) -> Issuer<'_> {
    Issuer { name: certificate.issuer_der(), key_id: certificate.authority_key_id() }
}
