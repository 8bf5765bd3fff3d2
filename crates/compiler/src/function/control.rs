//! Functions that steer: `break`, `next`, `return`, `fail`, `call`, `with`, `then`, `lest`.

use super::Call;
use super::dispatch::{Table, legacy, table};
use crate::eval::Evaluator;
use crate::failure::{Failure, Fault};
use crate::format::ruby;
use crate::value::Value;

static BREAK: Table = table("break", &[""]);
static NEXT: Table = table("next", &["Any value?"]);
static RETURN: Table = table("return", &["Any value?"]);
static CALL: Table =
    table("call", &["String function_name, Any arguments*, &Callable block?", "Deferred deferred"]);
static WITH: Table = table("with", &["Any arg*, &Callable block"]);
static THEN: Table = table("then", &["Any arg, &Callable[1,1] block"]);
static LEST: Table = table("lest", &["Any arg, &Callable[0,0] block"]);

pub(super) fn stop(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    BREAK.select(&call)?;
    Err(Failure(Box::new(Fault::Break(call.location))))
}

pub(super) fn next(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    NEXT.select(&call)?;
    let value = call.args.into_iter().next().unwrap_or(Value::Undef);
    Err(Failure(Box::new(Fault::Next(value, call.location))))
}

pub(super) fn leave(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    RETURN.select(&call)?;
    let value = call.args.into_iter().next().unwrap_or(Value::Undef);
    Err(Failure(Box::new(Fault::Return(value, call.location))))
}

pub(super) fn fail(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let texts: Vec<String> = call.args.iter().map(|arg| ruby::to_s(&legacy(arg))).collect();
    Err(Failure::raised(texts.join(" ")))
}

pub(super) fn import(_: &mut Evaluator<'_>, _: Call) -> Result<Value, Failure> {
    Err(Failure::raised(
        "Use of 'import' has been discontinued in favor of a manifest directory. See http://links.puppet.com/puppet-import-deprecation",
    ))
}

pub(super) fn call(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    CALL.select(&call)?;
    let name = call.args[0].as_str().unwrap_or_default().to_owned();
    let result = evaluator.call_function(
        call.scope,
        &name,
        call.args[1..].to_vec(),
        call.lambda.clone(),
        &call.location,
    );
    match result {
        // Said in other words here than by a call expression.
        Err(failure) if failure.text() == format!("Unknown function: '{name}'.") => {
            Err(Failure::raised(format!("Unknown function '{name}'")))
        }
        other => other,
    }
}

pub(super) fn with(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    WITH.select(&call)?;
    call.yield_to(evaluator, call.args.clone())
}

pub(super) fn then(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    THEN.select(&call)?;
    if call.args[0].is_undef() {
        return Ok(Value::Undef);
    }
    call.yield_to(evaluator, call.args.clone())
}

pub(super) fn lest(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    LEST.select(&call)?;
    if call.args[0].is_undef() {
        return call.yield_to(evaluator, Vec::new());
    }
    Ok(call.args[0].clone())
}
