//! `abs`, `ceiling`, `floor` and `round`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::number::ruby_float;
use crate::value::Value;

const NUMBER_OR_TEXT: &[&str] = &["Numeric val", "String val"];
static ABS: Table = table("abs", NUMBER_OR_TEXT);
static CEILING: Table = table("ceiling", NUMBER_OR_TEXT);
static FLOOR: Table = table("floor", NUMBER_OR_TEXT);
static ROUND: Table = table("round", &["Numeric val"]);

pub(super) fn abs(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    ABS.select(&call)?;
    match &call.args[0] {
        Value::Int(n) => n.checked_abs().map(Value::Int).ok_or_else(overflow),
        Value::Float(x) => Ok(Value::Float(x.abs())),
        other => {
            evaluator.warn_once(
                "The abs() function's auto conversion of String to Numeric is deprecated - change to convert input \
                 before calling",
            );
            let text = other.as_str().unwrap_or_default();
            let digits = text.strip_prefix('-').unwrap_or(text);
            let whole = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
            match digits.split_once('.') {
                Some((left, right)) if whole(left) && whole(right) => {
                    Ok(Value::Float(digits.parse().unwrap_or_default()))
                }
                None if whole(digits) => digits.parse().map(Value::Int).map_err(|_| overflow()),
                _ => Err(Failure::raised(
                    "abs(): Requires float or integer to work with - was given non decimal string",
                )),
            }
        }
    }
}

fn overflow() -> Failure {
    Failure::raised("The result is outside of the range of Puppet's integers")
}

/// A float that is whole as an integer.
fn whole(x: f64) -> Result<Value, Failure> {
    if !x.is_finite() {
        return Err(Failure::raised(crate::format::float(x)));
    }
    if x.abs() >= 9.2e18 {
        return Err(overflow());
    }
    Ok(Value::Int(x as i64))
}

pub(super) fn to_integer(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let up = &*call.name == "ceiling";
    (if up { &CEILING } else { &FLOOR }).select(&call)?;
    let x = match &call.args[0] {
        Value::Int(n) => return Ok(Value::Int(*n)),
        Value::Float(x) => *x,
        other => {
            let name = &call.name;
            evaluator.warn_once(
                &format!(
                    "The {name}() function's auto conversion of String to Float is deprecated - change to convert \
                     input before calling"
                ),
            );
            ruby_float(other.as_str().unwrap_or_default()).ok_or_else(|| {
                Failure::raised(format!("{name}(): cannot convert given value to a floating point value."))
            })?
        }
    };
    whole(if up { x.ceil() } else { x.floor() })
}

pub(super) fn round(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    ROUND.select(&call)?;
    match call.args[0] {
        Value::Float(x) if x > 0.0 => whole((x + 0.5).trunc()),
        Value::Float(x) => whole((x - 0.5).trunc()),
        // Half added to an integer vanishes again.
        ref n => Ok(n.clone()),
    }
}
