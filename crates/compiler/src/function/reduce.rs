//! `reduce`.

use super::Call;
use super::dispatch::{Table, table, unless_broken};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::iterable_items;
use crate::value::Value;

static REDUCE: Table = table(
    "reduce",
    &["Iterable enumerable, &Callable[2,2] block", "Iterable enumerable, Any memo, &Callable[2,2] block"],
);

pub(super) fn reduce(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = REDUCE.select(&call)?;
    let mut items = iterable_items(&call.args[0]).into_iter().flatten();
    let first = if signature == 1 { Some(call.args[1].clone()) } else { items.next() };
    let Some(mut memo) = first else { return Ok(Value::Undef) };
    for item in items {
        match unless_broken(call.yield_to(evaluator, vec![memo.clone(), item]))? {
            Some(value) => memo = value,
            None => break,
        }
    }
    Ok(memo)
}
