//! `index`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::iterable_items;
use crate::value::Value;

static INDEX: Table = table(
    "index",
    &[
        "Hash[Any,Any] hash, &Callable[2,2] block",
        "Hash[Any,Any] hash, &Callable[1,1] block",
        "Iterable enumerable, &Callable[2,2] block",
        "Iterable enumerable, &Callable[1,1] block",
        "String str, Variant[String,Regexp] match",
        "Iterable enumerable, Any match",
    ],
);

/// Key or position of the first item that fits.
pub(super) fn index(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = INDEX.select(&call)?;
    if signature == 4 {
        return in_text(&call.args[0], &call.args[1]);
    }
    let is_hash = matches!(call.args[0], Value::Hash(_));
    for (index, item) in iterable_items(&call.args[0]).into_iter().flatten().enumerate() {
        let (key, value) = match &item {
            Value::Array(pair) if is_hash => (pair[0].clone(), pair[1].clone()),
            item => (Value::Int(index as i64), item.clone()),
        };
        let found = match signature {
            0 | 2 => call.yield_to(evaluator, vec![key.clone(), value])?.is_truthy(),
            1 | 3 => call.yield_to(evaluator, vec![value])?.is_truthy(),
            _ => same(&value, &call.args[1]),
        };
        if found {
            return Ok(key);
        }
    }
    Ok(Value::Undef)
}

/// Ruby's `==`: letter case matters, `1 == 1.0`.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Hash(a), Value::Hash(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a.equals(b),
    }
}

fn in_text(text: &Value, wanted: &Value) -> Result<Value, Failure> {
    let text = text.as_str().unwrap_or_default();
    let found = match wanted {
        Value::Regex(regex) => {
            let spans = regex.find_at(text, 0).map_err(Failure::raised)?;
            spans.and_then(|spans| spans[0]).map(|(from, _)| from)
        }
        wanted => text.find(wanted.as_str().unwrap_or_default()),
    };
    Ok(found.map_or(Value::Undef, |at| Value::Int(text[..at].chars().count() as i64)))
}
