//! `==`, `<`, `in` and the matching of `case` and `?`.

use std::cmp::Ordering;

use crate::eval::Evaluator;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::value::{SemVer, Value};

impl Evaluator<'_> {
    /// Whether a value matches an option of `case` or `?`. Matches of regular expressions set `$0`, … in `scope`.
    pub(crate) fn matches(
        &mut self,
        subject: &Value,
        pattern: &Value,
        scope: Option<ScopeId>,
    ) -> Result<bool, Failure> {
        Ok(match (pattern, subject) {
            (Value::Regex(regex), Value::String(text)) => {
                let found = regex.captures(text).map_err(Failure::raised)?;
                let matched = found.is_some();
                if let Some(scope) = scope {
                    self.set_match(scope, found);
                }
                matched
            }
            (Value::Regex(_), _) => false,
            (Value::Type(expected), _) => crate::types::instance_of(expected, subject),
            (Value::Array(patterns), Value::Array(items)) => {
                if patterns.len() != items.len() {
                    return Ok(false);
                }
                for (pattern, item) in patterns.iter().zip(items.iter()) {
                    if !self.matches(item, pattern, scope)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Hash(patterns), Value::Hash(hash)) => {
                for (key, pattern) in patterns.iter() {
                    let value = hash.get(key).unwrap_or(&Value::Undef);
                    if !self.matches(value, pattern, scope)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Default, _) => true,
            (Value::SemVer(version), Value::String(text)) => {
                SemVer::parse(text).is_ok_and(|other| other == **version)
            }
            (Value::SemVerRange(range), _) => range_includes(range, subject),
            _ => subject.equals(pattern),
        })
    }

    /// `needle in haystack`
    pub(crate) fn contains(
        &mut self,
        haystack: &Value,
        needle: &Value,
        scope: ScopeId,
    ) -> Result<bool, Failure> {
        match haystack {
            Value::String(text) => Ok(match needle {
                Value::String(part) => text.to_lowercase().contains(&part.to_lowercase()),
                Value::Regex(_) => return self.matches(haystack, needle, Some(scope)),
                _ => false,
            }),
            Value::Array(items) => self.any_item(items, needle, scope),
            Value::Hash(hash) => {
                let keys: Vec<Value> = hash.keys().cloned().collect();
                self.any_item(&keys, needle, scope)
            }
            Value::Binary(octets) => Ok(match needle {
                Value::Binary(part) => part.is_empty() || octets.windows(part.len()).any(|w| *w == **part),
                Value::Int(octet) => octets.iter().any(|own| i64::from(*own) == *octet),
                _ => false,
            }),
            Value::SemVerRange(range) => Ok(range_includes(range, needle)),
            _ => Ok(false),
        }
    }

    fn any_item(&mut self, items: &[Value], needle: &Value, scope: ScopeId) -> Result<bool, Failure> {
        for item in items {
            let found = match needle {
                Value::Regex(_) => self.matches(item, needle, Some(scope))?,
                // An array may hold patterns to match a string against.
                Value::String(_) | Value::SemVer(_) => self.matches(needle, item, Some(scope))?,
                Value::Type(expected) => crate::types::instance_of(expected, item),
                _ => item.equals(needle),
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

pub(crate) fn range_includes(range: &crate::value::SemVerRange, version: &Value) -> bool {
    match version {
        Value::SemVer(version) => range.contains(version),
        Value::String(text) => SemVer::parse(text).is_ok_and(|version| range.contains(&version)),
        _ => false,
    }
}

/// Orders two values as `<` does.
///
/// # Errors
/// Puppet's reason why they can't be compared.
pub(crate) fn order(left: &Value, right: &Value) -> Result<Ordering, &'static str> {
    const NANOSECONDS: f64 = 1e9;
    match (left, right) {
        (Value::String(a), Value::String(b)) => Ok(order_ignoring_case(a, b)),
        (Value::String(_), _) => Err("A String is not comparable to a non String"),
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            float(left).partial_cmp(&float(right)).ok_or("A Numeric is not comparable to non Numeric")
        }
        (Value::Timespan(a), Value::Timespan(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => Ok(a.cmp(b)),
        (Value::Timespan(a) | Value::Timestamp(a), Value::Int(b)) => {
            Ok(a.cmp(&(i128::from(*b) * 1_000_000_000)))
        }
        (Value::Timespan(a) | Value::Timestamp(a), Value::Float(b)) => {
            (*a as f64).partial_cmp(&(b * NANOSECONDS)).ok_or("A Numeric is not comparable to non Numeric")
        }
        (Value::Int(_) | Value::Float(_), Value::Timespan(_) | Value::Timestamp(_)) => {
            order(right, left).map(Ordering::reverse)
        }
        (Value::Int(_) | Value::Float(_), _) => Err("A Numeric is not comparable to non Numeric"),
        (Value::Timespan(_), _) => Err("Timespans are only comparable to Timespans, Integers, and Floats"),
        (Value::Timestamp(_), _) => Err("Timestamps are only comparable to Timestamps, Integers, and Floats"),
        (Value::SemVer(a), Value::SemVer(b)) => Ok(a.precedence(b)),
        (Value::SemVer(_), _) => Err("Versions not comparable to non Versions"),
        (Value::Default, Value::Default) => Ok(Ordering::Equal),
        (Value::Default, _) => Err("Symbol not comparable to non Symbol"),
        _ => Err("Only Strings, Numbers, Timespans, Timestamps, and Versions are comparable"),
    }
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => f64::NAN,
    }
}

/// Ruby's `casecmp`: octet by octet with ASCII letters folded to small ones.
pub(crate) fn order_ignoring_case(a: &str, b: &str) -> Ordering {
    let fold = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>();
    fold(a).cmp(&fold(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_compare_without_case_and_only_with_strings() {
        assert_eq!(order(&"a".into(), &"B".into()), Ok(Ordering::Less));
        assert_eq!(order(&"a".into(), &"A".into()), Ok(Ordering::Equal));
        assert!(order(&"a".into(), &Value::Int(1)).is_err());
        assert_eq!(order(&Value::Int(1), &Value::Float(1.5)), Ok(Ordering::Less));
    }
}
