//! `group_by` and `partition`.

use super::Call;
use super::dispatch::{Table, table};
use super::each::items_of;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::{Hash, Value};

const SIGNATURES: &[&str] = &[
    "Collection collection, &Callable[1,1] block",
    "Array array, &Callable[2,2] block",
    "Collection collection, &Callable[2,2] block",
];
static GROUP_BY: Table = table("group_by", SIGNATURES);
static PARTITION: Table = table("partition", SIGNATURES);

/// Each item with what the lambda says of it.
fn judged(
    evaluator: &mut Evaluator<'_>,
    call: &Call,
    signature: usize,
) -> Result<Vec<(Value, Value)>, Failure> {
    let mut judged = Vec::new();
    for (index, item) in items_of(&call.args[0]).into_iter().enumerate() {
        let args = match (signature, &item) {
            (0, _) => vec![item.clone()],
            (2, Value::Array(pair)) => pair.to_vec(),
            _ => vec![Value::Int(index as i64), item.clone()],
        };
        judged.push((item, call.yield_to(evaluator, args)?));
    }
    Ok(judged)
}

pub(super) fn group_by(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = GROUP_BY.select(&call)?;
    let mut groups: indexmap::IndexMap<Value, Vec<Value>> = indexmap::IndexMap::new();
    for (item, key) in judged(evaluator, &call, signature)? {
        groups.entry(key).or_default().push(item);
    }
    let groups: Hash = groups.into_iter().map(|(key, items)| (key, Value::array(items))).collect();
    Ok(Value::Hash(groups.into()))
}

pub(super) fn partition(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = PARTITION.select(&call)?;
    let (yes, no): (Vec<_>, Vec<_>) =
        judged(evaluator, &call, signature)?.into_iter().partition(|(_, verdict)| verdict.is_truthy());
    let items =
        |judged: Vec<(Value, Value)>| Value::array(judged.into_iter().map(|(item, _)| item).collect());
    Ok(Value::array(vec![items(yes), items(no)]))
}
