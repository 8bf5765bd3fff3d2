//! What is kept of each certificate. There may be a million of them, so it is kept small.

use crate::command::Details;
use pki::Serial;
use pki::fingerprint::Digests;
use std::borrow::Cow;
use std::sync::Arc;

/// A certificate whose file is in `signed/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub serial: Serial,
    pub not_before: i64,
    pub not_after: i64,
    pub fingerprints: Digests,
    /// None for what most have: the certname as the only alternative name, and no authorization extension.
    details: Option<Box<Details>>,
}

impl Signed {
    /// What is kept of the certificate of `certname`; `life` is its first and last second.
    pub fn new(
        certname: &str,
        serial: Serial,
        life: (i64, i64),
        details: &Details,
        fingerprints: Digests,
    ) -> Self {
        let details = (!is_plain(details, certname)).then(|| Box::new(details.clone()));
        Self { serial, not_before: life.0, not_after: life.1, fingerprints, details }
    }

    /// What a list shows of the certificate of `certname`.
    pub fn details(&self, certname: &str) -> Cow<'_, Details> {
        match &self.details {
            Some(details) => Cow::Borrowed(&**details),
            None => Cow::Owned(plain(certname)),
        }
    }
}

fn plain(certname: &str) -> Details {
    Details { alt_names: vec![format!("DNS:{certname}")], authorization_extensions: Vec::new() }
}

fn is_plain(details: &Details, certname: &str) -> bool {
    details.authorization_extensions.is_empty()
        && matches!(&details.alt_names[..], [only] if only.strip_prefix("DNS:") == Some(certname))
}

/// A certificate that was issued once, as revoking needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issued {
    pub serial: Serial,
    pub not_after: i64,
}

/// Every certificate ever issued to one name, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuedTo {
    /// The usual case, without a piece of memory of its own.
    One(Issued),
    Many(Arc<[Issued]>),
}

impl IssuedTo {
    /// All of them.
    pub fn as_slice(&self) -> &[Issued] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(all) => all,
        }
    }

    pub(super) fn push(&mut self, issued: Issued) {
        *self = Self::Many(self.as_slice().iter().copied().chain([issued]).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_details_take_no_memory_and_come_back() {
        let signed =
            |details: &Details| Signed::new("a.test", Serial::from_u64(1), (0, 1), details, Digests::of(b""));
        assert!(signed(&plain("a.test")).details.is_none());
        for other in [
            Details::default(),
            plain("b.test"),
            Details { authorization_extensions: vec![("pp_role".into(), "x".into())], ..plain("a.test") },
        ] {
            assert_eq!(*signed(&other).details("a.test"), other);
        }
        assert_eq!(*signed(&plain("a.test")).details("a.test"), plain("a.test"));
    }

    #[test]
    fn issues_stay_in_their_order() {
        let one = |number| Issued { serial: Serial::from_u64(number), not_after: 0 };
        let mut all = IssuedTo::One(one(3));
        all.push(one(1));
        all.push(one(2));
        assert_eq!(all.as_slice(), [one(3), one(1), one(2)]);
    }
}
