//! `sort`.

use std::cmp::Ordering;

use super::Call;
use super::compare::{incomparable, natural_order, sign};
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::Value;

static SORT: Table = table(
    "sort",
    &["String string_value, &Callable[2,2] block?", "Array array_value, &Callable[2,2] block?"],
);

pub(super) fn sort(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = SORT.select(&call)?;
    let items: Vec<Value> = match &call.args[0] {
        Value::Array(items) => items.to_vec(),
        other => other.to_string().chars().map(|c| c.to_string().into()).collect(),
    };
    let sorted = merge_sort(items, &mut |a, b| {
        if call.lambda.is_some() {
            let answer = call.yield_to(evaluator, vec![a.clone(), b.clone()])?;
            return sign(&answer, a, b);
        }
        natural_order(a, b).ok_or_else(|| incomparable(a, b))
    })?;
    if signature == 0 {
        return Ok(sorted.iter().map(Value::to_string).collect::<String>().into());
    }
    Ok(Value::array(sorted))
}

type Compare<'c> = dyn FnMut(&Value, &Value) -> Result<Ordering, Failure> + 'c;

/// The comparison can fail, which the sorts of the standard library can't.
fn merge_sort(mut items: Vec<Value>, compare: &mut Compare<'_>) -> Result<Vec<Value>, Failure> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let left = merge_sort(items, compare)?;
    let right = merge_sort(right, compare)?;
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        if compare(a, b)? == Ordering::Greater {
            merged.extend(right.next());
        } else {
            merged.extend(left.next());
        }
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
