//! Functions of collections that need no lambda: `empty`, `flatten`, `join`, `keys`, `length`, `size`, `values`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::ruby;
use crate::value::Value;

static EMPTY: Table = table(
    "empty",
    &["Collection coll", "Sensitive[String] str", "String str", "Numeric num", "Binary bin", "Undef x"],
);
static FLATTEN: Table = table("flatten", &["Any args*"]);
static JOIN: Table = table("join", &["Array arg, String delimiter?"]);
static KEYS: Table = table("keys", &["Hash hsh"]);
static VALUES: Table = table("values", &["Hash hsh"]);
static LENGTH: Table = table("length", &["Collection arg", "String arg", "Binary arg"]);
static SIZE: Table = table("size", &["Variant[Collection,String,Binary] arg"]);

pub(super) fn empty(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    EMPTY.select(&call)?;
    Ok(Value::Bool(match &call.args[0] {
        Value::Array(items) => items.is_empty(),
        Value::Hash(hash) => hash.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Sensitive(inner) => inner.as_str().is_some_and(str::is_empty),
        Value::Binary(octets) => octets.is_empty(),
        Value::Undef => true,
        _ => {
            evaluator
                .warn("Calling function empty() with Numeric value is deprecated.", Some(&call.location));
            false
        }
    }))
}

pub(super) fn flatten(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    FLATTEN.select(&call)?;
    Ok(Value::array(flat(&call.args)))
}

/// The elements of lists in the list, however deep.
pub(super) fn flat(items: &[Value]) -> Vec<Value> {
    let mut result = Vec::new();
    for item in items {
        match item {
            Value::Array(inner) => result.extend(flat(inner)),
            other => result.push(other.clone()),
        }
    }
    result
}

pub(super) fn join(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    JOIN.select(&call)?;
    let items = flat(call.args[0].as_array().unwrap_or_default());
    let delimiter = call.args.get(1).and_then(Value::as_str).unwrap_or_default();
    // Ruby's `join` of its nil is the empty text.
    let texts: Vec<String> = items.iter().map(ruby::to_s).collect();
    Ok(texts.join(delimiter).into())
}

pub(super) fn keys_or_values(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let keys = &*call.name == "keys";
    (if keys { &KEYS } else { &VALUES }).select(&call)?;
    let Some(hash) = call.args[0].as_hash() else { return Ok(Value::Undef) };
    Ok(Value::array(if keys { hash.keys().cloned().collect() } else { hash.values().cloned().collect() }))
}

pub(super) fn length(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    (if &*call.name == "size" { &SIZE } else { &LENGTH }).select(&call)?;
    let count = match &call.args[0] {
        Value::Array(items) => items.len(),
        Value::Hash(hash) => hash.len(),
        Value::Binary(octets) => octets.len(),
        other => other.as_str().map_or(0, |text| text.chars().count()),
    };
    Ok(Value::Int(count as i64))
}
