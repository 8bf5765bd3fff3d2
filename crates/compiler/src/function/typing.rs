//! Functions about types: `assert_type`, `convert_to`, `type`, `unwrap`.

use std::sync::Arc;

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::{Type, describe_types, generalize, infer, infer_set, instance_of};
use crate::value::Value;

static ASSERT_TYPE: Table = table(
    "assert_type",
    &[
        "Type type, Any value, &Callable[Type,Type] block?",
        "String type_string, Any value, &Callable[Type,Type] block?",
    ],
);
static CONVERT_TO: Table = table("convert_to", &["Any value, Type type, Any args*, &Callable[1,1] block?"]);
static TYPE: Table = table(
    "type",
    &[
        "Any value, Enum[detailed] inference_method?",
        "Any value, Enum[reduced] inference_method",
        "Any value, Enum[generalized] inference_method",
    ],
);
static UNWRAP: Table = table("unwrap", &["Sensitive arg, &Callable block?", "Any arg, &Callable block?"]);

pub(super) fn assert_type(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    ASSERT_TYPE.select(&call)?;
    let expected: Arc<Type> = match &call.args[0] {
        Value::Type(expected) => expected.clone(),
        other => Arc::new(evaluator.type_from_text(other.as_str().unwrap_or_default())?),
    };
    let value = call.args[1].clone();
    if instance_of(&expected, &value) {
        return Ok(value);
    }
    let found = infer_set(&value);
    if call.lambda.is_some() {
        return call.yield_to(evaluator, vec![Value::Type(expected), Value::of_type(found)]);
    }
    Err(Failure::raised(describe_types("assert_type():", &expected, &found)))
}

pub(super) fn convert_to(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    CONVERT_TO.select(&call)?;
    let mut args = vec![call.args[1].clone(), call.args[0].clone()];
    args.extend_from_slice(&call.args[2..]);
    let converted = evaluator.call_function(call.scope, "new", args, None, &call.location)?;
    if call.lambda.is_some() {
        return call.yield_to(evaluator, vec![converted]);
    }
    Ok(converted)
}

pub(super) fn type_of(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = TYPE.select(&call)?;
    Ok(Value::of_type(match signature {
        0 => infer_set(&call.args[0]),
        1 => infer(&call.args[0]),
        _ => generalize(&infer(&call.args[0])),
    }))
}

pub(super) fn unwrap(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    UNWRAP.select(&call)?;
    let inner = match &call.args[0] {
        Value::Sensitive(inner) => (**inner).clone(),
        other => other.clone(),
    };
    if call.lambda.is_some() {
        return call.yield_to(evaluator, vec![inner]);
    }
    Ok(inner)
}
