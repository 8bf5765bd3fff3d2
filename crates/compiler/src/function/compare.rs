//! `compare`, `max` and `min`.

use std::cmp::Ordering;

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::number::leading_float;
use crate::format::ruby;
use crate::format::timespan::SECOND;
use crate::label;
use crate::types::ruby_class;
use crate::value::Value;

static COMPARE: Table = table(
    "compare",
    &[
        "Numeric a, Numeric b",
        "String a, String b, Boolean ignore_case?",
        "SemVer a, SemVer b",
        "Numeric a, Variant[Timespan,Timestamp] b",
        "Timestamp a, Variant[Timestamp,Numeric] b",
        "Timespan a, Variant[Timespan,Numeric] b",
    ],
);

pub(super) fn compare(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let Some(signature) = COMPARE.find(&call.args, &call) else { return Err(refusal(&call)) };
    let (a, b) = (&call.args[0], &call.args[1]);
    let order = match (a, b) {
        (Value::String(a), Value::String(b)) if signature == 1 => {
            if call.args.get(2) == Some(&Value::Bool(false)) { a.cmp(b) } else { ignoring_case(a, b) }
        }
        _ => natural_order(a, b).unwrap_or(Ordering::Equal),
    };
    Ok(Value::Int(order as i64))
}

fn refusal(call: &Call) -> Failure {
    let comparable = |value: &Value| {
        matches!(
            value,
            Value::String(_)
                | Value::SemVer(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Timespan(_)
                | Value::Timestamp(_)
        )
    };
    let [a, b, rest @ ..] = call.args.as_slice() else { return COMPARE.refusal(&call.args, call) };
    if call.lambda.is_some() {
        return COMPARE.refusal(&call.args, call);
    }
    let text = if !comparable(a) || !comparable(b) {
        format!(
            "compare(): Non comparable type. Only values of the types Numeric, String, Semver, Timestamp and \
             Timestamp can be compared. Got {} and {}",
            label::value(a),
            label::value(b)
        )
    } else if !rest.is_empty() && !matches!((a, b), (Value::String(_), Value::String(_))) {
        "compare(): The third argument (ignore case) can only be used when comparing strings".to_owned()
    } else if rest.len() > 1 {
        format!("compare(): Accepts at most 3 arguments, got {}", 2 + rest.len())
    } else if let [third] = rest {
        format!("compare(): The third argument (ignore case) must be a Boolean. Got {}", label::value(third))
    } else {
        format!(
            "compare(): Can only compare values of the same type (or for Timestamp/Timespan also against Numeric). \
             Got {} and {}",
            label::value(a),
            label::value(b)
        )
    };
    Failure::raised(format!("'compare' {text}"))
}

/// Order without regard to the case of ASCII letters.
fn ignoring_case(a: &str, b: &str) -> Ordering {
    a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
}

/// Ruby's `<=>`; `None` for values that have no order.
pub(super) fn natural_order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Float(b)) => (*a as f64).partial_cmp(b),
        (Value::Float(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::SemVer(a), Value::SemVer(b)) => Some(a.precedence(b)),
        (Value::Timespan(a), Value::Timespan(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => {
            Some(a.cmp(b))
        }
        (Value::Timespan(a) | Value::Timestamp(a), Value::Int(b)) => {
            Some(a.div_euclid(SECOND).cmp(&i128::from(*b)))
        }
        (Value::Timespan(a) | Value::Timestamp(a), Value::Float(b)) => {
            (*a as f64 / SECOND as f64).partial_cmp(b)
        }
        (Value::Int(_) | Value::Float(_), Value::Timespan(_) | Value::Timestamp(_)) => {
            natural_order(b, a).map(Ordering::reverse)
        }
        (Value::Array(a), Value::Array(b)) => {
            for (a, b) in a.iter().zip(b.iter()) {
                match natural_order(a, b)? {
                    Ordering::Equal => {}
                    other => return Some(other),
                }
            }
            Some(a.len().cmp(&b.len()))
        }
        _ if a == b => Some(Ordering::Equal),
        _ => None,
    }
}

const EXTREMES: &[&str] = &[
    "Numeric values*",
    "String values*",
    "Array[Numeric] values, &Callable[2,2] block?",
    "Array[String] values, &Callable[2,2] block?",
    "Array values, &Callable[2,2] block?",
    "Any values*, &Callable[2,2] block",
    "Any values*",
];
static MAX: Table = table("max", EXTREMES);
static MIN: Table = table("min", EXTREMES);

/// `max` and `min`.
pub(super) fn extreme(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let is_max = &*call.name == "max";
    let signature = (if is_max { &MAX } else { &MIN }).select(&call)?;
    let values = match (signature, call.args.as_slice()) {
        (2..=4, [Value::Array(items)]) => items.to_vec(),
        (_, args) => args.to_vec(),
    };
    if values.is_empty() {
        if call.lambda.is_some() {
            return Ok(Value::Undef);
        }
        return Err(Failure::raised(format!("{}(): Wrong number of arguments need at least one", call.name)));
    }
    let mut best = values[0].clone();
    for value in &values[1..] {
        let order = if call.lambda.is_some() {
            let answer = call.yield_to(evaluator, vec![value.clone(), best.clone()])?;
            sign(&answer, value, &best)?
        } else {
            mixed_order(evaluator, &call, value, &best)
        };
        if order == if is_max { Ordering::Greater } else { Ordering::Less } {
            best = value.clone();
        }
    }
    Ok(best)
}

/// Ruby's words for values without an order: small ones are shown, of others the class is named.
pub(super) fn incomparable(a: &Value, b: &Value) -> Failure {
    let shown = match b {
        Value::Undef | Value::Bool(_) | Value::Int(_) | Value::Float(_) => ruby::inspect(b),
        b => ruby_class(b),
    };
    Failure::raised(format!("comparison of {} with {shown} failed", ruby_class(a)))
}

/// What a lambda that compares has answered.
pub(super) fn sign(answer: &Value, a: &Value, b: &Value) -> Result<Ordering, Failure> {
    match answer {
        Value::Int(n) => Ok(n.cmp(&0)),
        Value::Float(x) => Ok(x.partial_cmp(&0.0).unwrap_or(Ordering::Equal)),
        Value::Undef => Err(incomparable(a, b)),
        other => Err(Failure::raised(format!("comparison of {} with 0 failed", ruby_class(other)))),
    }
}

/// Numbers as numbers, all else as text (numbers in texts as numbers again).
fn mixed_order(evaluator: &mut Evaluator<'_>, call: &Call, a: &Value, b: &Value) -> Ordering {
    if matches!((a, b), (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_))) {
        return natural_order(a, b).unwrap_or(Ordering::Equal);
    }
    let (x, y) = (ruby::to_s(a), ruby::to_s(b));
    if numeric(&x) && numeric(&y) {
        evaluator.warn_once(
            &format!(
                "The {}() function's auto conversion of String to Numeric is deprecated - change to convert input \
                 before calling, or use lambda",
                call.name
            ),
        );
        return leading_float(&x).partial_cmp(&leading_float(&y)).unwrap_or(Ordering::Equal);
    }
    if !matches!((a, b), (Value::String(_), Value::String(_))) {
        evaluator.warn_once(
            &format!(
                "The {}() function's auto conversion of Any to String is deprecated - change to convert input before \
                 calling, or use lambda",
                call.name
            ),
        );
    }
    x.cmp(&y)
}

/// Digits, and at most one more run of them after `.`, `_`, `e` or `E`.
fn numeric(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.split_once(['.', '_', 'e', 'E']) {
        Some((left, right)) => digits(left) && digits(right),
        None => digits(text),
    }
}
