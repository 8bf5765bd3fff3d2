//! The values of the Puppet language.
//!
//! Two equalities live here and must not be mixed up: [`Value`]'s `Eq`/`Hash` is the equality of hash keys
//! (`1` and `1.0` differ, strings by octet); [`Value::equals`] is the language's `==` (strings without regard
//! to case, `1 == 1.0`).

use std::fmt;
use std::hash::{Hash as StdHash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use rustc_hash::FxBuildHasher;

use crate::eval::closure::Closure;
use crate::regex::Regex;
use crate::types::Type;
pub use crate::types::semver::{SemVer, SemVerRange};

/// A Puppet hash: keeps the order of insertion.
pub type Hash = IndexMap<Value, Value, FxBuildHasher>;

/// A value. Cheap to clone: everything of size is shared.
#[derive(Clone, Debug)]
pub enum Value {
    Undef,
    Default,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(Arc<str>),
    Regex(Arc<Regex>),
    Array(Arc<Vec<Value>>),
    Hash(Arc<Hash>),
    /// A type as a value; resource references (`File['/a']`, `Class['b']`) are types too.
    Type(Arc<Type>),
    Sensitive(Arc<Value>),
    /// Nanoseconds since the Unix epoch, UTC.
    Timestamp(i128),
    /// Nanoseconds.
    Timespan(i128),
    SemVer(Arc<SemVer>),
    SemVerRange(Arc<SemVerRange>),
    Binary(Arc<[u8]>),
    /// A lambda as it is handed to a function; not a value that manifests can hold.
    Closure(Arc<Closure>),
    /// The result of `step` and `reverse_each` without a lambda, and of iterating an open range.
    Iterator(Arc<Sequence>),
}

/// A lazily enumerated sequence (Puppet's `Iterator[T]`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Sequence {
    Items(Arc<Vec<Value>>),
    /// `to` is inclusive; `None` never ends.
    Range {
        from: i64,
        to: Option<i64>,
        step: i64,
    },
}

impl Sequence {
    /// Enumerates the sequence; an open range never ends.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Value> + '_> {
        match self {
            Sequence::Items(items) => Box::new(items.iter().cloned()),
            Sequence::Range { from, to, step } => {
                let (to, step) = (*to, *step);
                let mut next = Some(*from);
                Box::new(std::iter::from_fn(move || {
                    let now = next?;
                    if to.is_some_and(|to| if step >= 0 { now > to } else { now < to }) {
                        return None;
                    }
                    next = now.checked_add(step);
                    Some(Value::Int(now))
                }))
            }
        }
    }
}

/// Looks a string key up in a [`Hash`] without making a [`Value`] first: `hash.get(&Key("name"))`.
pub struct Key<'a>(pub &'a str);

impl StdHash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(STRING_TAG);
        self.0.hash(state);
    }
}

impl Equivalent<Value> for Key<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        matches!(key, Value::String(text) if **text == *self.0)
    }
}

/// Must be what `Value::tag` gives for a string, see [`Key`].
const STRING_TAG: u8 = 5;

impl Value {
    /// A string value.
    pub fn string(text: impl Into<Arc<str>>) -> Value {
        Value::String(text.into())
    }

    /// An array value.
    pub fn array(items: Vec<Value>) -> Value {
        Value::Array(Arc::new(items))
    }

    /// A hash value from pairs, the later of two equal keys winning.
    pub fn hash(pairs: impl IntoIterator<Item = (Value, Value)>) -> Value {
        Value::Hash(Arc::new(pairs.into_iter().collect()))
    }

    /// A type value.
    pub fn of_type(value: Type) -> Value {
        Value::Type(Arc::new(value))
    }

    /// Puppet's truth: only `undef` and `false` are false (the empty string is true since Puppet 4).
    pub fn is_truthy(&self) -> bool {
        !matches!(self, Value::Undef | Value::Bool(false))
    }

    /// Whether this is `undef`.
    pub fn is_undef(&self) -> bool {
        matches!(self, Value::Undef)
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of an array value.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The hash of a hash value.
    pub fn as_hash(&self) -> Option<&Hash> {
        match self {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    /// The language's `==`: strings without regard to case, numbers across integer and float.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::String(a), Value::String(b)) => equal_ignoring_case(a, b),
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b))
            }
            // Keys are compared as hash keys, in any order; values with `==`.
            (Value::Hash(a), Value::Hash(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| b.get(key).unwrap_or(&Value::Undef).equals(value))
            }
            (Value::Sensitive(a), Value::Sensitive(b)) => a.equals(b),
            _ => self == other,
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Value::Undef => 0,
            Value::Default => 1,
            Value::Bool(_) => 2,
            Value::Int(_) => 3,
            Value::Float(_) => 4,
            Value::String(_) => STRING_TAG,
            Value::Regex(_) => 6,
            Value::Array(_) => 7,
            Value::Hash(_) => 8,
            Value::Type(_) => 9,
            Value::Sensitive(_) => 10,
            Value::Timestamp(_) => 11,
            Value::Timespan(_) => 12,
            Value::SemVer(_) => 13,
            Value::SemVerRange(_) => 14,
            Value::Binary(_) => 15,
            Value::Closure(_) => 16,
            Value::Iterator(_) => 17,
        }
    }
}

/// Equality of strings in the language. Only the case of ASCII letters is disregarded: that's what Ruby's
/// `casecmp` does.
pub fn equal_ignoring_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Undef, Value::Undef) | (Value::Default, Value::Default) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Regex(a), Value::Regex(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Hash(a), Value::Hash(b)) => a == b,
            (Value::Type(a), Value::Type(b)) => a == b,
            (Value::Sensitive(a), Value::Sensitive(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Timespan(a), Value::Timespan(b)) => a == b,
            (Value::SemVer(a), Value::SemVer(b)) => a == b,
            (Value::SemVerRange(a), Value::SemVerRange(b)) => a == b,
            (Value::Binary(a), Value::Binary(b)) => a == b,
            (Value::Closure(a), Value::Closure(b)) => Arc::ptr_eq(a, b),
            (Value::Iterator(a), Value::Iterator(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl StdHash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.tag());
        match self {
            Value::Undef | Value::Default => {}
            Value::Bool(value) => value.hash(state),
            Value::Int(value) => value.hash(state),
            Value::Float(value) => value.to_bits().hash(state),
            Value::String(text) => text.hash(state),
            Value::Regex(regex) => regex.hash(state),
            Value::Array(items) => items.hash(state),
            // Order plays no part in the equality of hashes, so not in their hash either.
            Value::Hash(hash) => hash.len().hash(state),
            Value::Type(value) => value.hash(state),
            Value::Sensitive(value) => value.hash(state),
            Value::Timestamp(value) | Value::Timespan(value) => value.hash(state),
            Value::SemVer(value) => value.hash(state),
            Value::SemVerRange(value) => value.hash(state),
            Value::Binary(octets) => octets.hash(state),
            Value::Closure(closure) => Arc::as_ptr(closure).hash(state),
            Value::Iterator(sequence) => sequence.hash(state),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::array(items)
    }
}

impl fmt::Display for Value {
    /// As string interpolation prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::format::display(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_equalities_differ() {
        assert!(Value::from("Ab").equals(&"aB".into()));
        assert_ne!(Value::from("Ab"), "aB".into());
        assert!(Value::Int(1).equals(&Value::Float(1.0)));
        assert_ne!(Value::Int(1), Value::Float(1.0));
        assert!(!Value::Undef.equals(&"".into()));
    }

    #[test]
    fn string_keys_are_found_without_a_value() {
        let hash = Value::hash([("a".into(), Value::Int(1))]);
        assert_eq!(hash.as_hash().and_then(|hash| hash.get(&Key("a"))), Some(&Value::Int(1)));
        assert_eq!(hash.as_hash().and_then(|hash| hash.get(&Key("b"))), None);
    }
}
