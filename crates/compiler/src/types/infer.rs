//! From values to types.

use std::sync::Arc;

use super::{
    Callable, FloatRange, IntRange, Params, StringBound, StructElement, TimeRange, Type, Variants,
    assignable, data, rich_data,
};
use crate::eval::closure::Closure;
use crate::value::{SemVerRange, Sequence, Value};

/// The single type of a value: of a collection, the common type of its elements.
pub fn infer(value: &Value) -> Type {
    match value {
        Value::Array(items) if items.is_empty() => empty_array(),
        Value::Array(items) => {
            Type::array_of(reduce(items.iter().map(infer)), Some(IntRange::exactly(items.len())))
        }
        Value::Hash(hash) if hash.is_empty() => empty_hash(),
        Value::Hash(hash) => Type::hash_of(
            reduce(hash.keys().map(infer)),
            reduce(hash.values().map(infer)),
            Some(IntRange::exactly(hash.len())),
        ),
        Value::SemVer(_) => Type::SemVer(Arc::new([])),
        other => infer_one(other),
    }
}

/// The type of a value with the type of each element kept: arrays become tuples, hashes structs.
pub fn infer_set(value: &Value) -> Type {
    match value {
        Value::Array(items) if items.is_empty() => empty_array(),
        Value::Array(items) => Type::tuple(items.iter().map(infer_set).collect()),
        Value::Hash(hash) if hash.is_empty() => empty_hash(),
        Value::Hash(hash) => {
            let named = |key: &Value| key.as_str().is_some_and(|key| !key.is_empty());
            if hash.keys().all(named) {
                let element = |(key, value): (&Value, &Value)| StructElement {
                    name: key.as_str().unwrap_or_default().into(),
                    optional: false,
                    value: infer_set(value),
                };
                return Type::Struct(hash.iter().map(element).collect());
            }
            Type::hash_of(
                Type::variant(hash.keys().map(infer_set)),
                Type::variant(hash.values().map(infer_set)),
                Some(IntRange::exactly(hash.len())),
            )
        }
        Value::SemVer(version) => Type::SemVer(Arc::new([SemVerRange::exactly(version)])),
        other => infer_one(other),
    }
}

fn infer_one(value: &Value) -> Type {
    match value {
        Value::Undef => Type::Undef,
        Value::Default => Type::Default,
        Value::Bool(value) => Type::Boolean(Some(*value)),
        Value::Int(n) => Type::Integer(IntRange::new(*n, *n)),
        Value::Float(x) => Type::Float(FloatRange { from: *x, to: *x }),
        Value::String(text) => Type::String(StringBound::Value(text.clone())),
        Value::Regex(regex) => Type::Regexp(Some(regex.clone())),
        Value::Type(inner) => Type::Type(Some(inner.clone())),
        Value::Sensitive(inner) => Type::Sensitive(Arc::new(super::generalize(&infer(inner)))),
        Value::Timestamp(at) => Type::Timestamp(TimeRange::exactly(*at)),
        Value::Timespan(span) => Type::Timespan(TimeRange::exactly(*span)),
        Value::SemVer(_) => Type::SemVer(Arc::new([])),
        Value::SemVerRange(_) => Type::SemVerRange,
        Value::Binary(_) => Type::Binary,
        Value::Closure(closure) => callable_of(closure),
        Value::Iterator(sequence) => Type::Iterator(Some(Arc::new(match &**sequence {
            Sequence::Items(items) if items.is_empty() => Type::Unit,
            Sequence::Items(items) => Type::variant(items.iter().map(infer_set)),
            Sequence::Range { from, to, step } => Type::Integer(if *step > 0 {
                IntRange { from: Some(*from), to: *to }
            } else {
                IntRange { from: *to, to: Some(*from) }
            }),
        }))),
        Value::Array(_) | Value::Hash(_) => infer(value),
    }
}

/// The type of a lambda.
pub fn callable_of(closure: &Closure) -> Type {
    let most = closure.limit();
    let required = closure.required_count() as i64;
    let count = closure.parameter_count();
    let size = IntRange { from: Some(required), to: most.map(|most| most as i64) };
    let exact = required > 0 && size.to == size.from;
    Type::Callable(Arc::new(Callable {
        params: Some(Params {
            types: std::iter::repeat_n(Type::Any, count).collect(),
            size: (!exact).then_some(size),
        }),
        block: None,
        returns: None,
    }))
}

fn empty_array() -> Type {
    Type::Array(Arc::new(Type::Unit), Some(IntRange::new(0, 0)))
}

fn empty_hash() -> Type {
    Type::Hash(Arc::new((Type::Unit, Type::Unit)), Some(IntRange::new(0, 0)))
}

fn reduce(types: impl Iterator<Item = Type>) -> Type {
    types.reduce(|a, b| common_type(&a, &b)).unwrap_or(Type::Any)
}

/// A type that both are assignable to, as narrow as Puppet finds it.
pub fn common_type(a: &Type, b: &Type) -> Type {
    match (a, b) {
        (Type::Undef | Type::Unit, other) | (other, Type::Undef | Type::Unit) => return other.clone(),
        _ => {}
    }
    if assignable(a, b) {
        return a.clone();
    }
    if assignable(b, a) {
        return b.clone();
    }
    match (a, b) {
        (Type::Array(x, _), Type::Array(y, _)) => return Type::array_of(common_type(x, y), None),
        (Type::Hash(x, _), Type::Hash(y, _)) => {
            return Type::hash_of(common_type(&x.0, &y.0), common_type(&x.1, &y.1), None);
        }
        (Type::Class(_), Type::Class(_)) => return Type::Class(None),
        (Type::Resource { name: x, .. }, Type::Resource { name: y, .. }) => {
            return Type::Resource { name: x.clone().filter(|_| x == y), title: None };
        }
        (Type::Integer(x), Type::Integer(y)) => return Type::Integer(x.span(*y)),
        (Type::Float(x), Type::Float(y)) => return Type::Float(x.span(*y)),
        (Type::String(x), Type::Enum(values, _)) | (Type::Enum(values, _), Type::String(x)) => {
            return match x {
                StringBound::Value(value) => {
                    Type::enumeration(values.iter().cloned().chain([value.clone()]), false)
                }
                _ => Type::Enum(Arc::new([]), false),
            };
        }
        (Type::String(x), Type::String(y)) => {
            return match (x, y) {
                (StringBound::Value(x), StringBound::Value(y)) => {
                    Type::enumeration([x.clone(), y.clone()], false)
                }
                (StringBound::Size(x), StringBound::Size(y)) => Type::String(StringBound::Size(x.span(*y))),
                _ => Type::any_string(),
            };
        }
        (Type::Pattern(x), Type::Pattern(y)) => return Type::pattern(x.0.iter().chain(y.0.iter()).cloned()),
        (Type::Enum(x, _), Type::Enum(y, _)) => {
            return Type::enumeration(x.iter().chain(y.iter()).cloned(), false);
        }
        (Type::Variant(Variants(x)), Type::Variant(Variants(y))) => {
            return Type::variant(x.iter().chain(y.iter()).cloned());
        }
        (Type::Regexp(_), Type::Regexp(_)) => return Type::Regexp(None),
        (Type::Callable(_), Type::Callable(_)) => return Type::Callable(Arc::new(Callable::default())),
        _ => {}
    }
    let both = |wide: &Type| assignable(wide, a) && assignable(wide, b);
    for wide in [Type::Numeric, Type::ScalarData, Type::Scalar, data()] {
        if both(&wide) {
            return wide;
        }
    }
    if let (Type::Type(x), Type::Type(y)) = (a, b) {
        let any = Arc::new(Type::Any);
        let (x, y) = (x.as_ref().unwrap_or(&any), y.as_ref().unwrap_or(&any));
        return Type::Type(Some(Arc::new(common_type(x, y))));
    }
    if both(&rich_data()) {
        return rich_data();
    }
    Type::Any
}
