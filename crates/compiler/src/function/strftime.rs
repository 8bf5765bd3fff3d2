//! `strftime`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::{timespan, timestamp};
use crate::value::Value;

static STRFTIME: Table = table(
    "strftime",
    &[
        "Timespan time_object, String format",
        "Timestamp time_object, String format, String timezone?",
        "String format, String timezone?",
    ],
);

pub(super) fn strftime(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = STRFTIME.select(&call)?;
    let text = |i: usize| call.args.get(i).and_then(Value::as_str).unwrap_or_default();
    let formatted = match (signature, &call.args[0]) {
        (0, Value::Timespan(span)) => timespan::format(*span, text(1)),
        (1, Value::Timestamp(at)) => {
            timestamp::format(*at, text(1), call.args.get(2).and_then(Value::as_str))
        }
        _ => {
            evaluator.warn(
                "The argument signature (String format, [String timezone]) is deprecated for #strftime. See #strftime \
                 documentation and Timespan type for more info",
                Some(&call.location),
            );
            let now = i128::from(evaluator.now_millis()) * 1_000_000;
            timestamp::format(now, text(0), call.args.get(1).and_then(Value::as_str))
        }
    };
    formatted.map(Value::from).map_err(Failure::raised)
}
