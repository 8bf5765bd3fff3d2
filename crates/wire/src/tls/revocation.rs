//! Which serial numbers of which authority are revoked: in memory, compact, and looked up at every request.

use std::sync::Arc;

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

/// One authority's revoked serials. Cheap to clone, so that a new revocation costs the same however many there are.
#[derive(Debug, Clone)]
struct List {
    name: Arc<[u8]>,
    key_id: Option<Arc<[u8]>>,
    /// Sorted. 20 bytes each: 100,000 revocations take 2 MB.
    serials: Arc<[Serial]>,
    /// Those that came since, sorted, and few: see [`MOST_ADDED`].
    added: Vec<Serial>,
}

/// So many additions wait until they are merged into the long list.
const MOST_ADDED: usize = 4096;

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
                serials: serials.into(),
                added: Vec::new(),
            }
        });
        RevocationIndex { lists: lists.collect() }
    }

    /// The same with more serials of one authority.
    pub(super) fn with(&self, issuer: Issuer<'_>, serials: &[Serial]) -> Self {
        let mut lists = self.lists.clone();
        let at = lists.iter().position(|list| list.is_of(issuer)).unwrap_or_else(|| {
            lists.push(List {
                name: issuer.name.into(),
                key_id: issuer.key_id.map(Into::into),
                serials: Arc::default(),
                added: Vec::new(),
            });
            lists.len() - 1
        });
        lists[at].add(serials);
        RevocationIndex { lists }
    }

    /// Whether this authority has revoked this serial. An authority is recognised by its key identifier, and by name
    /// when either side has none. An authority without a list has revoked nothing.
    pub fn contains(&self, issuer: Issuer<'_>, serial: &Serial) -> bool {
        self.lists.iter().any(|list| list.is_of(issuer) && list.contains(serial))
    }

    /// How many serials are revoked.
    pub fn len(&self) -> usize {
        self.lists.iter().map(|list| list.serials.len() + list.added.len()).sum()
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

impl List {
    fn is_of(&self, issuer: Issuer<'_>) -> bool {
        match (&self.key_id, issuer.key_id) {
            (Some(mine), Some(theirs)) => **mine == *theirs,
            _ => *self.name == *issuer.name,
        }
    }

    fn contains(&self, serial: &Serial) -> bool {
        self.serials.binary_search(serial).is_ok() || self.added.binary_search(serial).is_ok()
    }

    fn add(&mut self, serials: &[Serial]) {
        let new: Vec<Serial> = serials.iter().filter(|serial| !self.contains(serial)).copied().collect();
        self.added.extend(new);
        self.added.sort_unstable();
        self.added.dedup();
        if self.added.len() > MOST_ADDED {
            let mut all = self.serials.to_vec();
            all.append(&mut self.added);
            // Both halves are sorted, which this sort makes use of.
            all.sort();
            self.serials = all.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &[u8], key_id: Option<&[u8]>, serials: &[u64]) -> RevocationIndex {
        let serials = serials.iter().map(|serial| Serial::from_u64(*serial)).collect();
        let list = List { name: name.into(), key_id: key_id.map(Into::into), serials, added: Vec::new() };
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

    #[test]
    fn additions_are_found_before_and_after_they_are_merged() {
        let issuer = Issuer { name: b"ca", key_id: Some(b"key") };
        let other = Issuer { name: b"ca", key_id: Some(b"other") };
        let mut all = index(b"ca", Some(b"key"), &[5, 7, 9]);
        for step in 0..3 {
            let serials: Vec<Serial> =
                (0..3000).map(|n| Serial::from_u64(10 + (3000 * step + n) * 7919 % 9001)).collect();
            let before = all.len();
            let more = all.with(issuer, &serials).with(issuer, &serials[..10]);
            assert!(more.len() > before && more.len() <= before + 3000);
            assert!(serials.iter().all(|serial| more.contains(issuer, serial)), "step {step}");
            assert!(
                more.contains(issuer, &Serial::from_u64(7)) && !more.contains(issuer, &Serial::from_u64(6))
            );
            assert!(!more.contains(other, &serials[0]));
            all = more;
        }
        assert!(all.lists[0].added.len() <= MOST_ADDED);
        let both = all.with(other, &[Serial::from_u64(6)]);
        assert_eq!(both.authorities(), 2);
        assert!(both.contains(other, &Serial::from_u64(6)) && !both.contains(issuer, &Serial::from_u64(6)));
    }
}
