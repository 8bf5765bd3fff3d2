//! What can be iterated, and over what.

use super::{IntRange, StringBound, Type};
use crate::value::{Sequence, Value};

/// Whether values of the type can be iterated.
pub(super) fn is_iterable(of: &Type) -> bool {
    match of {
        Type::Enum(..) | Type::Integer(_) | Type::String(_) | Type::Collection(_) | Type::Array(..) => true,
        Type::Hash(..) | Type::Struct(_) | Type::Tuple(..) | Type::Iterable(_) | Type::Iterator(_) => true,
        Type::Type(Some(inner)) => match inner.resolve() {
            Type::Enum(..) => true,
            Type::Integer(range) => range.from.is_some() && range.to.is_some(),
            _ => false,
        },
        Type::Alias(_) => match of.resolve() {
            Type::Alias(_) => false,
            resolved => is_iterable(resolved),
        },
        _ => false,
    }
}

/// The type of what comes out when values of the type are iterated; `None` when unknown or nothing does.
pub fn element_type(of: &Type) -> Option<Type> {
    let known = |inner: &Type| (*inner != Type::Any).then(|| inner.clone());
    match of.resolve() {
        Type::Enum(..) | Type::String(_) => Some(Type::String(StringBound::Size(IntRange::new(1, 1)))),
        Type::Integer(_) => Some(Type::Integer(IntRange::default())),
        Type::Array(element, _) => known(element),
        Type::Hash(pair, _) if **pair == (Type::Any, Type::Any) => Some(pair_of(Type::Unit, Type::Unit)),
        Type::Hash(pair, _) => Some(pair_of(pair.0.clone(), pair.1.clone())),
        Type::Struct(elements) if elements.is_empty() => Some(pair_of(Type::Unit, Type::Unit)),
        Type::Struct(elements) => Some(pair_of(
            Type::variant(elements.iter().map(|element| Type::string_value(element.name.clone()))),
            Type::variant(elements.iter().map(|element| element.value.clone())),
        )),
        Type::Tuple(types, _) => Some(Type::variant(types.iter().cloned())),
        Type::Iterable(Some(inner)) | Type::Iterator(Some(inner)) => Some((**inner).clone()),
        Type::Type(Some(inner)) => match inner.resolve() {
            inner @ Type::Enum(..) => Some(inner.clone()),
            inner @ Type::Integer(range) if range.from.is_some() && range.to.is_some() => Some(inner.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn pair_of(key: Type, value: Type) -> Type {
    Type::Tuple([key, value].into(), Some(IntRange::new(2, 2)))
}

/// What iterating the value gives, in order: characters, elements, `[key, value]` pairs, `0` to `n - 1`, the
/// values of an `Enum`, the numbers of an `Integer[from, to]`. `None` when it can't be iterated.
pub fn iterable_items(value: &Value) -> Option<Box<dyn Iterator<Item = Value> + '_>> {
    Some(match value {
        Value::String(text) => Box::new(text.chars().map(|c| Value::from(c.to_string()))),
        Value::Array(items) => Box::new(items.iter().cloned()),
        Value::Hash(hash) => {
            Box::new(hash.iter().map(|(key, value)| Value::array(vec![key.clone(), value.clone()])))
        }
        Value::Int(n) if *n >= 0 => Box::new((0..*n).map(Value::Int)),
        Value::Iterator(sequence) => sequence.iter(),
        Value::Type(inner) => match inner.resolve() {
            Type::Integer(IntRange { from: Some(from), to: Some(to) }) => {
                Box::new((*from..=*to).map(Value::Int))
            }
            Type::Enum(values, _) => Box::new(values.iter().map(|value| Value::String(value.clone()))),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether the value can be iterated at all, whatever comes out (`Iterable`).
pub(super) fn value_is_iterable(value: &Value) -> bool {
    match value {
        Value::Type(_) | Value::Int(_) => iterable_items(value).is_some(),
        Value::Iterator(sequence) => matches!(&**sequence, Sequence::Items(_) | Sequence::Range { .. }),
        Value::String(_) | Value::Array(_) | Value::Hash(_) => true,
        _ => false,
    }
}
