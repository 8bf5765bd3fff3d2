//! Arrays and hashes from each other.

use std::sync::Arc;

use super::unconvertible;
use crate::failure::Failure;
use crate::function::dispatch::{Table, table, table_with};
use crate::types::{generalize, infer, iterable_items};
use crate::value::{Hash, Value};

static ARRAY: Table = table(
    "new_array",
    &["Variant[Array,Hash,Binary,Iterable] from, Boolean[false] wrap?", "Any from, Boolean[true] wrap"],
);
static HASH: Table = table_with(
    "new_hash",
    &[
        ("KeyValueArray", "Array[Tuple[Any,Any],1]"),
        ("TreeArray", "Array[Tuple[Array,Any],1]"),
        ("NewHashOption", "Enum[tree, hash_tree]"),
    ],
    &["TreeArray from, NewHashOption build_option?", "KeyValueArray from", "Any from"],
);

fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::Binary(octets) => octets.iter().map(|octet| Value::Int(i64::from(*octet))).collect(),
        other => iterable_items(other).map(Iterator::collect).unwrap_or_default(),
    }
}

pub(super) fn array(args: &[Value]) -> Result<Value, Failure> {
    match (ARRAY.position(args), args) {
        (Some(0), args) => Ok(match &args[0] {
            array @ Value::Array(_) => array.clone(),
            other => Value::array(items(other)),
        }),
        (Some(_), args) => Ok(match &args[0] {
            array @ Value::Array(_) => array.clone(),
            other => Value::array(vec![other.clone()]),
        }),
        (None, [first]) | (None, [first, Value::Bool(_)]) => {
            Err(unconvertible_value("new_array", first, "Array"))
        }
        (None, args) => ARRAY.choose(args).map(|_| Value::Undef),
    }
}

/// Texts are named by their type here too.
fn unconvertible_value(function: &str, value: &Value, name: &str) -> Failure {
    match value {
        Value::String(_) => {
            let of = generalize(&infer(value));
            Failure::raised(format!("'{function}' Value of type {of} cannot be converted to {name}"))
        }
        other => unconvertible(function, other, name),
    }
}

pub(super) fn hash(args: &[Value]) -> Result<Value, Failure> {
    let signature = HASH.choose(args)?;
    let Value::Array(list) = &args[0] else {
        return match &args[0] {
            hash @ Value::Hash(_) => Ok(hash.clone()),
            other if iterable_items(other).is_some() => from_flat(&items(other)),
            other => {
                let of = generalize(&infer(other));
                Err(Failure::raised(format!("Value of type {of} cannot be converted to Hash")))
            }
        };
    };
    match (signature, args.get(1).and_then(Value::as_str)) {
        (0, Some(option)) => from_tree(list, option == "hash_tree"),
        (0 | 1, _) => {
            let pairs = list.iter().filter_map(Value::as_array);
            Ok(Value::hash(pairs.map(|pair| (pair[0].clone(), pair[1].clone()))))
        }
        _ => from_flat(list),
    }
}

fn from_flat(list: &[Value]) -> Result<Value, Failure> {
    if !list.len().is_multiple_of(2) {
        return Err(Failure::raised("odd number of arguments for Hash"));
    }
    Ok(Value::hash(list.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()))))
}

/// Arrays as hashes from position to item, all the way down.
fn as_hash(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            Value::hash(items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), as_hash(item))))
        }
        other => other.clone(),
    }
}

/// From `[[path, value], …]`, as `tree_each` gives it.
fn from_tree(list: &[Value], all_hashes: bool) -> Result<Value, Failure> {
    let mut root = Value::Hash(Arc::new(Hash::default()));
    for entry in list.iter().filter_map(Value::as_array) {
        let path = entry[0].as_array().unwrap_or_default();
        let Some((last, before)) = path.split_last() else {
            let added: Vec<(Value, Value)> = match &entry[1] {
                Value::Array(items) => {
                    items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), item.clone())).collect()
                }
                Value::Hash(hash) => hash.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                other => {
                    let class = crate::types::ruby_class(other);
                    return Err(Failure::raised(format!("no implicit conversion of {class} into Hash")));
                }
            };
            if let Value::Hash(hash) = &mut root {
                Arc::make_mut(hash).extend(added);
            }
            continue;
        };
        let value = if all_hashes { as_hash(&entry[1]) } else { entry[1].clone() };
        put(&mut root, before, last, value)?;
    }
    Ok(root)
}

fn put(at: &mut Value, before: &[Value], last: &Value, value: Value) -> Result<(), Failure> {
    let step = before.first().unwrap_or(last);
    let slot = match at {
        Value::Hash(hash) => {
            Arc::make_mut(hash).entry(step.clone()).or_insert_with(|| Value::Hash(Arc::new(Hash::default())))
        }
        Value::Array(items) => {
            let Value::Int(n) = step else {
                return Err(Failure::raised("no implicit conversion of String into Integer"));
            };
            let position = usize::try_from(*n).map_err(|_| Failure::raised("index out of range"))?;
            let items = Arc::make_mut(items);
            if position >= items.len() {
                items.resize(position + 1, Value::Undef);
            }
            &mut items[position]
        }
        _ => return Err(Failure::raised("undefined method `[]=': a path of the tree leads into a value")),
    };
    match before.split_first() {
        Some((_, rest)) => put(slot, rest, last, value),
        None => {
            *slot = value;
            Ok(())
        }
    }
}
