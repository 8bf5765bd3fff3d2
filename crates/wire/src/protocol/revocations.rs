//! `GET /bunraku/v1/ca/revocations`, on CA members, for front ends: what has been revoked since the asker last heard.
//! The answer waits until there is something to say, so that a revocation is known within a round trip, and holds new
//! serial numbers only, so that it costs the same however long the list is.
//!
//! No member keeps a history for it: the entries of a list are in the order in which they came, so whoever has the
//! first `n` of them, of which the last is `s`, lacks those from `n` on, as long as the `n`-th is `s`.

use http::{HeaderName, HeaderValue};
use pki::Serial;
use serde::{Deserialize, Serialize};

use super::query;

/// Its path.
pub const PATH: &str = "/bunraku/v1/ca/revocations";

/// On a CA member's answer to a front end's write: the number of the revocation list that is in force with it. The
/// front end passes the answer on when it has that list, too.
pub const X_BUNRAKU_REVOCATIONS: HeaderName = HeaderName::from_static("x-bunraku-revocations");

/// What the asker knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The state that it was last told, in the member's words. None: it wants an answer at once.
    pub version: Option<String>,
    /// How many entries of the list it has.
    pub entries: usize,
    /// The last of them.
    pub last: Option<Serial>,
    /// How many entries of the list of the authority's second key it has, and the last of them.
    pub second: (usize, Option<Serial>),
}

impl Known {
    /// Path and query.
    pub fn to_target(&self) -> String {
        let entries = self.entries.to_string();
        let last = self.last.map(|serial| serial.to_string());
        let of_second = (self.second.0 > 0).then(|| self.second.0.to_string());
        let last_of_second = self.second.1.map(|serial| serial.to_string());
        let pairs = [
            ("version", self.version.as_deref()),
            ("entries", Some(entries.as_str())),
            ("last", last.as_deref()),
            ("second-entries", of_second.as_deref()),
            ("second-last", last_of_second.as_deref()),
        ];
        let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        format!("{PATH}?{}", query::encode(pairs))
    }

    /// Reads a query; what cannot be read is not known.
    pub fn from_query(text: &str) -> Known {
        let pairs = query::parse(text);
        let first = |name| query::first(&pairs, name);
        let number = |name| first(name).and_then(|entries| entries.parse().ok()).unwrap_or(0);
        let serial = |name| first(name).and_then(|serial| Serial::parse_hex(serial).ok());
        Known {
            version: first("version").map(str::to_owned),
            entries: number("entries"),
            last: serial("last"),
            second: (number("second-entries"), serial("second-last")),
        }
    }

    /// How many entries at the beginning of a list are known; `at` tells the serial number of one of its entries.
    pub fn prefix_of(&self, at: impl Fn(usize) -> Option<Serial>) -> usize {
        let last = self.entries.checked_sub(1).and_then(at);
        if last == self.last { self.entries } else { 0 }
    }

    /// The same for the list of the second key.
    pub fn prefix_of_second(&self, at: impl Fn(usize) -> Option<Serial>) -> usize {
        let of_second = Known { entries: self.second.0, last: self.second.1, ..Known::default() };
        of_second.prefix_of(at)
    }

    /// What is known after `told`.
    #[must_use]
    pub fn after(&self, told: &Revocations, serials: &[Serial]) -> Known {
        Known {
            version: Some(told.version.clone()),
            entries: told.first + serials.len(),
            last: serials.last().copied().or(self.last.filter(|_| told.first > 0)),
            second: told.second.as_ref().map_or((0, None), |second| {
                let new = second.parsed().unwrap_or_default();
                let last = new.last().copied().or(self.second.1.filter(|_| second.first > 0));
                (second.first + new.len(), last)
            }),
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    /// Names this state of the lists, opaque.
    pub version: String,
    /// The part of it that is about the lists of the other authorities of the chain, opaque.
    pub chain: String,
    /// Number of the authority's own list.
    pub number: u64,
    /// Whose list that is: [`crate::tls::key_name`].
    pub issuer: String,
    /// How many entries come before [`Revocations::serials`], and are known to the asker.
    pub first: usize,
    /// The rest of the entries, hexadecimal, in their order, with a blank between.
    pub serials: String,
    /// The list of the authority's second key, while it has one. Whenever that changes, the number of the authority's own
    /// list grows, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<SecondList>,
    /// The authority's certificates, opaque: another value says that there are others now. Empty: not told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bundle: String,
}

/// What is new on the list of an authority's second key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondList {
    /// Whose list that is: [`crate::tls::key_name`].
    pub issuer: String,
    /// How many entries come before [`SecondList::serials`], and are known to the asker.
    pub first: usize,
    /// As [`Revocations::serials`].
    pub serials: String,
}

impl SecondList {
    /// The serial numbers; none when one of them is none.
    pub fn parsed(&self) -> Option<Vec<Serial>> {
        parse(&self.serials)
    }
}

fn parse(serials: &str) -> Option<Vec<Serial>> {
    serials.split_ascii_whitespace().map(|serial| Serial::parse_hex(serial).ok()).collect()
}

impl Revocations {
    /// Writes serial numbers for [`Revocations::serials`].
    pub fn write(serials: impl IntoIterator<Item = Serial>) -> String {
        let mut text = String::new();
        for serial in serials {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&serial.to_string());
        }
        text
    }

    /// The serial numbers; none when one of them is none.
    pub fn parsed(&self) -> Option<Vec<Serial>> {
        parse(&self.serials)
    }
}

/// Reads [`X_BUNRAKU_REVOCATIONS`].
pub fn parse_number(header: &HeaderValue) -> Option<u64> {
    header.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serials(numbers: &[u64]) -> Vec<Serial> {
        numbers.iter().map(|number| Serial::from_u64(*number)).collect()
    }

    #[test]
    fn what_is_known_survives_the_query() {
        for known in [
            Known::default(),
            Known {
                version: Some("7-00ff".into()),
                entries: 3,
                last: Some(Serial::from_u64(0xABC)),
                second: (2, Some(Serial::from_u64(0xDEF))),
            },
        ] {
            let target = known.to_target();
            assert_eq!(Known::from_query(target.strip_prefix(PATH).unwrap().trim_start_matches('?')), known);
        }
    }

    #[test]
    fn only_what_is_new_is_told_and_everything_after_entries_were_dropped() {
        let ask = |known: &Known, list: &[Serial]| {
            let first = known.prefix_of(|at| list.get(at).copied());
            let told = Revocations {
                version: list.len().to_string(),
                chain: String::new(),
                number: 1,
                issuer: String::new(),
                first,
                serials: Revocations::write(list[first..].iter().copied()),
                // The other list goes the same way.
                second: Some(SecondList {
                    issuer: String::new(),
                    first: known.prefix_of_second(|at| list.get(at).copied()),
                    serials: Revocations::write(
                        list[known.prefix_of_second(|at| list.get(at).copied())..].iter().copied(),
                    ),
                }),
                bundle: String::new(),
            };
            assert_eq!(told.second.as_ref().unwrap().serials, told.serials);
            assert_eq!(known.second, (known.entries, known.last));
            let new = told.parsed().unwrap();
            (new.clone(), known.after(&told, &new))
        };
        let (new, known) = ask(&Known::default(), &serials(&[]));
        assert_eq!((new.len(), known.entries, known.last), (0, 0, None));
        let (new, known) = ask(&known, &serials(&[5, 3]));
        assert_eq!((new.len(), known.entries), (2, 2));
        let (new, known) = ask(&known, &serials(&[5, 3, 9]));
        assert_eq!((new, known.entries, known.last), (serials(&[9]), 3, Some(Serial::from_u64(9))));
        let (new, same) = ask(&known, &serials(&[5, 3, 9]));
        assert_eq!((new.len(), same.entries, same.last), (0, 3, known.last));
        // 5 has expired, 7 is new: as many as before.
        let (new, known) = ask(&known, &serials(&[3, 9, 7]));
        assert_eq!((new, known.entries), (serials(&[3, 9, 7]), 3));
        let (new, known) = ask(&known, &serials(&[]));
        assert_eq!((new.len(), known.entries, known.last), (0, 0, None));
    }
}
