//! `slice`.

use super::Call;
use super::dispatch::{Table, table, unless_broken};
use super::each::items_of;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::Value;

static SLICE: Table = table(
    "slice",
    &[
        "Hash[Any,Any] hash, Integer[1,default] slice_size, &Callable block?",
        "Iterable enumerable, Integer[1,default] slice_size, &Callable block?",
    ],
);

pub(super) fn slice(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = SLICE.select(&call)?;
    let size = match call.args[1] {
        Value::Int(size) => usize::try_from(size).unwrap_or(usize::MAX),
        _ => 1,
    };
    let items = items_of(&call.args[0]);
    let slices = items.chunks(size);
    let Some(lambda) = call.lambda.clone() else {
        return Ok(Value::array(slices.map(|slice| Value::array(slice.to_vec())).collect()));
    };
    let serving = if lambda.takes_rest() || lambda.required_count() != lambda.parameter_count() {
        size
    } else {
        lambda.parameter_count()
    };
    if serving == 0 {
        return Err(Failure::raised("slice(): block must define at least one parameter. Block has 0."));
    }
    if serving != 1 && serving != size {
        return Err(Failure::raised(format!(
            "slice(): block must define one parameter, or the same number of parameters as the given size of the \
             slice ({size}). Block has {serving}; {}",
            lambda.parameter_names().join(", ")
        )));
    }
    let filler = if signature == 0 { Value::array(Vec::new()) } else { Value::Undef };
    for slice in slices {
        let args = if serving == 1 {
            vec![Value::array(slice.to_vec())]
        } else {
            let mut args = slice.to_vec();
            args.resize(serving, filler.clone());
            args
        };
        if unless_broken(evaluator.call_lambda(&lambda, args))?.is_none() {
            break;
        }
    }
    Ok(call.args[0].clone())
}
