//! `all` and `any`.

use super::Call;
use super::dispatch::{Table, table};
use super::each::lambda_arguments;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::iterable_items;
use crate::value::Value;

const SIGNATURES: &[&str] = &[
    "Hash[Any,Any] hash, &Callable[2,2] block",
    "Hash[Any,Any] hash, &Callable[1,1] block",
    "Iterable enumerable, &Callable[2,2] block",
    "Iterable enumerable, &Callable[1,1] block",
];
static ALL: Table = table("all", SIGNATURES);
static ANY: Table = table("any", SIGNATURES);

pub(super) fn all(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = ALL.select(&call)?;
    Ok(Value::Bool(!first_with(evaluator, &call, signature, false)?))
}

pub(super) fn any(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = ANY.select(&call)?;
    Ok(Value::Bool(first_with(evaluator, &call, signature, true)?))
}

/// Whether the lambda gives that truth for any item.
fn first_with(
    evaluator: &mut Evaluator<'_>,
    call: &Call,
    signature: usize,
    wanted: bool,
) -> Result<bool, Failure> {
    for (index, item) in iterable_items(&call.args[0]).into_iter().flatten().enumerate() {
        let value = call.yield_to(evaluator, lambda_arguments(signature, index, item))?;
        if value.is_truthy() == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}
