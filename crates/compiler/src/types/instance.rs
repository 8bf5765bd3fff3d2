//! Whether a value is an instance of a type.

use super::assign::{any_matches, assignable, enum_holds, tuple_size};
use super::infer::infer;
use super::iterable::value_is_iterable;
use super::{StringBound, Type, rich_data};
use crate::value::{Key, Value};

/// Deepest nesting of types and values that is followed; what lies deeper is no instance.
const DEEPEST: usize = 500;

/// Whether the value is an instance of the type.
pub fn instance_of(expected: &Type, value: &Value) -> bool {
    holds(expected, value, 0)
}

fn holds(expected: &Type, value: &Value, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    let inner = |expected: &Type, value: &Value| holds(expected, value, depth + 1);
    match expected {
        Type::Any | Type::Unit => true,
        Type::Undef => value.is_undef(),
        Type::Default => *value == Value::Default,
        Type::Scalar => matches!(
            value,
            Value::String(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Bool(_)
                | Value::Regex(_)
                | Value::SemVer(_)
                | Value::Timespan(_)
                | Value::Timestamp(_)
        ),
        Type::ScalarData => {
            matches!(value, Value::String(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_))
        }
        Type::Numeric => matches!(value, Value::Int(_) | Value::Float(_)),
        Type::Binary => matches!(value, Value::Binary(_)),
        Type::SemVerRange => matches!(value, Value::SemVerRange(_)),
        Type::Boolean(wanted) => {
            matches!(value, Value::Bool(found) if wanted.is_none_or(|wanted| wanted == *found))
        }
        Type::Integer(range) => matches!(value, Value::Int(n) if range.contains(*n)),
        Type::Float(range) => matches!(value, Value::Float(x) if range.contains(*x)),
        Type::String(bound) => match (bound, value) {
            (StringBound::Any, Value::String(_)) => true,
            (StringBound::Size(size), Value::String(text)) => size.contains(text.chars().count() as i64),
            (StringBound::Value(wanted), Value::String(text)) => wanted == text,
            _ => false,
        },
        Type::Enum(values, ignore_case) => {
            matches!(value, Value::String(text) if enum_holds(values, *ignore_case, text))
        }
        Type::Pattern(patterns) => {
            matches!(value, Value::String(text) if patterns.0.is_empty() || any_matches(&patterns.0, text))
        }
        Type::Regexp(wanted) => {
            matches!(value, Value::Regex(found) if wanted.as_ref().is_none_or(|wanted| wanted == found))
        }
        Type::Collection(size) => {
            let found = match value {
                Value::Array(items) => items.len(),
                Value::Hash(hash) => hash.len(),
                _ => return false,
            };
            size.is_none_or(|size| size.contains(found as i64))
        }
        Type::Array(element, size) => match value {
            Value::Array(items) => {
                size.is_none_or(|size| size.contains(items.len() as i64))
                    && items.iter().all(|item| inner(element, item))
            }
            _ => false,
        },
        Type::Hash(pair, size) => match value {
            Value::Hash(hash) => {
                size.is_none_or(|size| size.contains(hash.len() as i64))
                    && hash.iter().all(|(key, value)| inner(&pair.0, key) && inner(&pair.1, value))
            }
            _ => false,
        },
        Type::Tuple(types, size) => match value {
            Value::Array(items) => {
                let fits = tuple_size(types, *size).contains(items.len() as i64);
                fits && types.last().is_none_or(|last| {
                    items.iter().enumerate().all(|(i, item)| inner(types.get(i).unwrap_or(last), item))
                })
            }
            _ => false,
        },
        Type::Struct(elements) => match value {
            Value::Hash(hash) => {
                let mut matched = 0;
                let all = elements.iter().all(|element| match hash.get(&Key(&element.name)) {
                    None => element.optional,
                    Some(found) => {
                        matched += 1;
                        inner(&element.value, found)
                    }
                });
                all && matched == hash.len()
            }
            _ => false,
        },
        Type::Variant(types) => types.0.iter().any(|one| inner(one, value)),
        Type::Optional(wanted) => {
            value.is_undef() || wanted.as_ref().is_some_and(|wanted| inner(wanted, value))
        }
        Type::NotUndef(wanted) => {
            !value.is_undef() && wanted.as_ref().is_none_or(|wanted| inner(wanted, value))
        }
        Type::Type(wanted) => match value {
            Value::Type(found) => wanted.as_ref().is_none_or(|wanted| assignable(wanted, found)),
            _ => false,
        },
        Type::Iterable(wanted) => match wanted {
            Some(wanted) if !assignable(wanted, &Type::Any) => assignable(expected, &infer(value)),
            _ => value_is_iterable(value),
        },
        Type::Sensitive(wanted) => matches!(value, Value::Sensitive(found) if inner(wanted, found)),
        Type::SemVer(ranges) => matches!(value, Value::SemVer(version)
            if ranges.is_empty() || ranges.iter().any(|range| range.contains(version))),
        Type::Timestamp(range) => matches!(value, Value::Timestamp(at) if range.contains(*at)),
        Type::Timespan(range) => matches!(value, Value::Timespan(span) if range.contains(*span)),
        Type::Init(None, _) => inner(&rich_data(), value),
        Type::Init(Some(wanted), _) => inner(wanted, value),
        Type::Alias(alias) => alias.resolved().is_some_and(|target| inner(target, value)),
        Type::Callable(_) | Type::Iterator(_) | Type::CatalogEntry | Type::Runtime(..) => {
            assignable(expected, &infer(value))
        }
        Type::Object(_) | Type::Uri | Type::TypeSet | Type::Reference(_) => false,
        // References are types of the catalog's resources; the values themselves are types.
        Type::Class(_) | Type::Resource { .. } => false,
    }
}
