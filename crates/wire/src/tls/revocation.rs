//! Which serial numbers of which authority are revoked: in memory, compact, and looked up at every request.

use pki::Serial;
use pki::crl::RevocationList;

/// The authority that a certificate or a revocation list comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issuer<'a> {
    /// Its name, DER.
    pub name: &'a [u8],
    /// Its key's identifier, from the authority key identifier. Certificates of very old CAs have none.
    pub key_id: Option<&'a [u8]>,
}

/// One authority's revoked serials.
#[derive(Debug)]
struct List {
    name: Box<[u8]>,
    key_id: Option<Box<[u8]>>,
    /// Sorted. 20 bytes each: 100,000 revocations take 2 MB.
    serials: Box<[Serial]>,
}

/// The revoked serials of all authorities, as of one set of revocation lists. Never changed, only replaced whole.
#[derive(Debug, Default)]
pub struct RevocationIndex {
    lists: Vec<List>,
}

impl RevocationIndex {
    /// Indexes lists whose signatures have been verified.
    pub(super) fn new<'a>(verified: impl IntoIterator<Item = (&'a RevocationList, Issuer<'a>)>) -> Self {
        let lists = verified.into_iter().map(|(list, issuer)| {
            let mut serials: Vec<Serial> = list.entries().map(|(serial, _)| serial).collect();
            serials.sort_unstable();
            serials.dedup();
            List {
                name: issuer.name.into(),
                key_id: issuer.key_id.map(Into::into),
                serials: serials.into_boxed_slice(),
            }
        });
        RevocationIndex { lists: lists.collect() }
    }

    /// Whether this authority has revoked this serial. An authority is recognised by its key identifier, and by name
    /// when either side has none. An authority without a list has revoked nothing.
    pub fn contains(&self, issuer: Issuer<'_>, serial: &Serial) -> bool {
        self.lists.iter().any(|list| {
            let same = match (&list.key_id, issuer.key_id) {
                (Some(mine), Some(theirs)) => **mine == *theirs,
                _ => *list.name == *issuer.name,
            };
            same && list.serials.binary_search(serial).is_ok()
        })
    }

    /// How many serials are revoked.
    pub fn len(&self) -> usize {
        self.lists.iter().map(|list| list.serials.len()).sum()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many authorities have a list.
    pub fn authorities(&self) -> usize {
        self.lists.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &[u8], key_id: Option<&[u8]>, serials: &[u64]) -> RevocationIndex {
        let serials = serials.iter().map(|serial| Serial::from_u64(*serial)).collect();
        let list = List { name: name.into(), key_id: key_id.map(Into::into), serials };
        RevocationIndex { lists: vec![list] }
    }

    #[test]
    fn an_authority_is_known_by_its_key_and_else_by_its_name() {
        let (seven, eight) = (Serial::from_u64(7), Serial::from_u64(8));
        let both = index(b"ca", Some(b"key"), &[5, 7, 9]);
        let key = |key_id| Issuer { name: b"ca", key_id };
        assert!(both.contains(key(Some(b"key")), &seven));
        assert!(!both.contains(key(Some(b"key")), &eight));
        assert!(!both.contains(key(Some(b"other")), &seven), "a CA of the same name with a new key");
        assert!(both.contains(key(None), &seven));
        assert!(!both.contains(Issuer { name: b"another", key_id: None }, &seven));
        assert!(index(b"ca", None, &[7]).contains(key(Some(b"key")), &seven));
    }
}
