//! `unique`.

use indexmap::IndexSet;

use super::Call;
use super::dispatch::{Table, table};
use super::each::items_of;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::{Hash, Value};

static UNIQUE: Table = table(
    "unique",
    &[
        "String string, &Callable[String] block?",
        "Hash hash, &Callable[Any] block?",
        "Array array, &Callable[Any] block?",
        "Iterable iterable, &Callable[Any] block?",
    ],
);

pub(super) fn unique(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    UNIQUE.select(&call)?;
    let mut judge = |item: &Value| match &call.lambda {
        Some(_) => call.yield_to(evaluator, vec![item.clone()]),
        None => Ok(item.clone()),
    };
    if let Value::Hash(hash) = &call.args[0] {
        let mut groups: indexmap::IndexMap<Value, (Vec<Value>, Vec<Value>)> = indexmap::IndexMap::new();
        for (key, value) in hash.iter() {
            let (keys, values) = groups.entry(judge(value)?).or_default();
            keys.push(key.clone());
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        let inverted: Hash =
            groups.into_values().map(|(keys, values)| (Value::array(keys), Value::array(values))).collect();
        return Ok(Value::Hash(inverted.into()));
    }
    let mut seen = IndexSet::new();
    let mut kept = Vec::new();
    for item in items_of(&call.args[0]) {
        if seen.insert(judge(&item)?) {
            kept.push(item);
        }
    }
    if matches!(call.args[0], Value::String(_)) {
        return Ok(kept.iter().map(Value::to_string).collect::<String>().into());
    }
    Ok(Value::array(kept))
}
