//! `each`, `reverse_each` and `step`.

use std::sync::Arc;

use super::Call;
use super::dispatch::{Table, table, unless_broken};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::{IntRange, Type, iterable_items};
use crate::value::{Sequence, Value};

static EACH: Table = table(
    "each",
    &[
        "Hash[Any,Any] hash, &Callable[2,2] block",
        "Hash[Any,Any] hash, &Callable[1,1] block",
        "Iterable enumerable, &Callable[2,2] block",
        "Iterable enumerable, &Callable[1,1] block",
    ],
);
static REVERSE_EACH: Table =
    table("reverse_each", &["Iterable iterable", "Iterable iterable, &Callable[1,1] block"]);
static STEP: Table = table(
    "step",
    &["Iterable iterable, Integer[1] step", "Iterable iterable, Integer[1] step, &Callable[1,1] block"],
);

/// Everything that iterating gives, as a list.
pub(super) fn items_of(value: &Value) -> Vec<Value> {
    iterable_items(value).map(Iterator::collect).unwrap_or_default()
}

/// The arguments that a lambda gets for an item: one, or key and value of a hash, or index and item.
pub(super) fn lambda_arguments(signature: usize, index: usize, item: Value) -> Vec<Value> {
    match (signature, &item) {
        (0, Value::Array(pair)) => pair.to_vec(),
        (2, _) => vec![Value::Int(index as i64), item],
        _ => vec![item],
    }
}

pub(super) fn each(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = EACH.select(&call)?;
    let subject = call.args[0].clone();
    let Some(items) = iterable_items(&subject) else { return Ok(subject) };
    for (index, item) in items.enumerate() {
        let result = call.yield_to(evaluator, lambda_arguments(signature, index, item));
        if unless_broken(result)?.is_none() {
            break;
        }
    }
    Ok(call.args[0].clone())
}

fn run(evaluator: &mut Evaluator<'_>, call: &Call, sequence: &Sequence) -> Result<Value, Failure> {
    for item in sequence.iter() {
        if unless_broken(call.yield_to(evaluator, vec![item]))?.is_none() {
            break;
        }
    }
    Ok(Value::Undef)
}

/// Numbers from..=to of a value that is a range.
fn range_of(value: &Value) -> Option<(i64, i64)> {
    match value {
        Value::Int(n) if *n > 0 => Some((0, *n - 1)),
        Value::Type(of) => match of.resolve() {
            Type::Integer(IntRange { from: Some(from), to: Some(to) }) => Some((*from, *to)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn reverse_each(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = REVERSE_EACH.select(&call)?;
    let sequence = match (&call.args[0], range_of(&call.args[0])) {
        (_, Some((from, to))) => Sequence::Range { from: to, to: Some(from), step: -1 },
        (Value::Iterator(inner), _) => match &**inner {
            Sequence::Range { from, to: Some(to), step } => reversed(*from, *to, *step),
            other => Sequence::Items(Arc::new(other.iter().collect::<Vec<_>>().into_iter().rev().collect())),
        },
        (other, _) => Sequence::Items(Arc::new(items_of(other).into_iter().rev().collect())),
    };
    if signature == 1 {
        return run(evaluator, &call, &sequence);
    }
    Ok(Value::Iterator(Arc::new(sequence)))
}

fn reversed(from: i64, to: i64, step: i64) -> Sequence {
    let last = from + (to - from) / step * step;
    Sequence::Range { from: last, to: Some(from), step: -step }
}

pub(super) fn step(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = STEP.select(&call)?;
    let by = match call.args[1] {
        Value::Int(by) => by,
        _ => 1,
    };
    let sequence = match (&call.args[0], range_of(&call.args[0])) {
        (_, Some((from, to))) => Sequence::Range { from, to: Some(from + (to - from) / by * by), step: by },
        (Value::Iterator(inner), _) => match &**inner {
            Sequence::Range { from, to, step } => Sequence::Range {
                from: *from,
                to: to.map(|to| from + (to - from) / (step * by) * (step * by)),
                step: step * by,
            },
            other => every(other.iter(), by),
        },
        (other, _) => every(items_of(other).into_iter(), by),
    };
    if signature == 1 {
        return run(evaluator, &call, &sequence);
    }
    Ok(Value::Iterator(Arc::new(sequence)))
}

fn every(items: impl Iterator<Item = Value>, by: i64) -> Sequence {
    Sequence::Items(Arc::new(items.step_by(by as usize).collect()))
}
