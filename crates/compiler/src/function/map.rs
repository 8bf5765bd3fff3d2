//! `map` and `filter`.

use super::Call;
use super::dispatch::{Table, table, unless_broken};
use super::each::lambda_arguments;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::iterable_items;
use crate::value::{Hash, Value};

const SIGNATURES: &[&str] = &[
    "Hash[Any,Any] hash, &Callable[2,2] block",
    "Hash[Any,Any] hash, &Callable[1,1] block",
    "Iterable enumerable, &Callable[2,2] block",
    "Iterable enumerable, &Callable[1,1] block",
];
static MAP: Table = table("map", SIGNATURES);
static FILTER: Table = table("filter", SIGNATURES);

pub(super) fn map(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = MAP.select(&call)?;
    let mut mapped = Vec::new();
    for (index, item) in iterable_items(&call.args[0]).into_iter().flatten().enumerate() {
        let result = call.yield_to(evaluator, lambda_arguments(signature, index, item));
        match unless_broken(result)? {
            Some(value) => mapped.push(value),
            None => break,
        }
    }
    Ok(Value::array(mapped))
}

pub(super) fn filter(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = FILTER.select(&call)?;
    if let Value::Hash(hash) = &call.args[0] {
        // `break()` is of no use here in Puppet either: it comes out as an error.
        let mut kept = Hash::default();
        for (key, value) in hash.iter() {
            let args = match signature {
                0 => vec![key.clone(), value.clone()],
                _ => vec![Value::array(vec![key.clone(), value.clone()])],
            };
            if call.yield_to(evaluator, args)?.is_truthy() {
                kept.insert(key.clone(), value.clone());
            }
        }
        return Ok(Value::Hash(kept.into()));
    }
    let mut kept = Vec::new();
    for (index, item) in iterable_items(&call.args[0]).into_iter().flatten().enumerate() {
        let result = call.yield_to(evaluator, lambda_arguments(signature, index, item.clone()));
        match unless_broken(result)? {
            Some(value) if value.is_truthy() => kept.push(item),
            Some(_) => {}
            None => break,
        }
    }
    Ok(Value::array(kept))
}
