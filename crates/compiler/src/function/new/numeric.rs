//! Numbers from text, truth values and times.

use super::unconvertible;
use crate::failure::Failure;
use crate::format::number::{Number, parse, ruby_float, ruby_integer};
use crate::format::timespan::SECOND;
use crate::format::{float as float_text, ruby};
use crate::function::dispatch::{Table, table_with};
use crate::types::{describe_types, infer_set, parse_type};
use crate::value::{Hash, Key, Value};

static INTEGER: Table = table_with(
    "new",
    &[
        ("Radix", "Variant[Default,Integer[2,2],Integer[8,8],Integer[10,10],Integer[16,16]]"),
        (
            "Convertible",
            r"Variant[Numeric,Boolean,Pattern[/\A[+-]?\s*(?:\d+|0[xX][0-9A-Fa-f]+|0[bB][01]+)\z/],Timespan,Timestamp]",
        ),
        ("NamedArgs", "Struct[{from => Convertible, Optional[radix] => Radix, Optional[abs] => Boolean}]"),
    ],
    &["Convertible from, Radix radix?, Boolean abs?", "NamedArgs hash_args"],
);

const FLOATING: &[(&str, &str)] = &[
    (
        "Convertible",
        r"Variant[Numeric,Boolean,Pattern[/\A[+-]?\s*(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE]-?\d+)?|0[xX][0-9A-Fa-f]+|0[0-7]+|0[bB][01]+)\z/],Timespan,Timestamp]",
    ),
    ("NamedArgs", "Struct[{from => Convertible, Optional[abs] => Boolean}]"),
];
static FLOAT: Table =
    table_with("new_float", FLOATING, &["Convertible from, Boolean abs?", "NamedArgs hash_args"]);
static NUMERIC: Table =
    table_with("new_numeric", FLOATING, &["Convertible from, Boolean abs?", "NamedArgs hash_args"]);

/// The named arguments in the order of the others.
fn unnamed(args: &Hash, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| args.get(&Key(name)).cloned().unwrap_or(Value::Undef)).collect()
}

/// Text whose sign is apart from its number, put together.
fn joined_sign(text: &str) -> Option<String> {
    let rest = text.strip_prefix(['+', '-'])?;
    let number = rest.trim_start_matches([' ', '\t']);
    (number.len() < rest.len()).then(|| format!("{}{number}", &text[..1]))
}

fn is_true(value: Option<&Value>) -> bool {
    value == Some(&Value::Bool(true))
}

pub(super) fn integer(args: &[Value]) -> Result<Value, Failure> {
    let args = match INTEGER.position(args) {
        Some(0) => args.to_vec(),
        Some(_) => match &args[0] {
            Value::Hash(named) => unnamed(named, &["from", "radix", "abs"]),
            _ => Vec::new(),
        },
        None => return Err(refused_integer(args)),
    };
    let radix = match args.get(1) {
        Some(Value::Int(radix)) => u32::try_from(*radix).ok(),
        _ => None,
    };
    let n = match &args[0] {
        Value::Int(n) => *n,
        Value::Bool(value) => i64::from(*value),
        Value::Float(x) if !x.is_finite() => return Err(Failure::raised(float_text(*x))),
        Value::Float(x) if x.abs() < 9.2e18 => *x as i64,
        Value::Float(_) => {
            return Err(Failure::raised("The value is outside of the range of Puppet's integers"));
        }
        Value::Timespan(span) | Value::Timestamp(span) => span.div_euclid(SECOND) as i64,
        other => {
            let text = other.as_str().unwrap_or_default();
            let read = ruby_integer(text, radix)
                .or_else(|| joined_sign(text).and_then(|joined| ruby_integer(&joined, radix)));
            read.ok_or_else(|| {
                Failure::raised(format!("invalid value for Integer(): {}", ruby::inspect_string(text)))
            })?
        }
    };
    Ok(Value::Int(if is_true(args.get(2)) { n.wrapping_abs() } else { n }))
}

fn refused_integer(args: &[Value]) -> Failure {
    let bad_radix = |radix: &Value| match radix {
        Value::Int(2 | 8 | 10 | 16) | Value::Default | Value::Undef => None,
        other => Some(Failure::raised(format!("Illegal radix: {other}, expected 2, 8, 10, 16, or default"))),
    };
    if let [Value::Hash(named)] = args {
        if let Some(from) = named.get(&Key("from"))
            && INTEGER.position(std::slice::from_ref(from)).is_none()
        {
            return unconvertible("new", from, "Integer");
        }
        if let Some(failure) = named.get(&Key("radix")).and_then(bad_radix) {
            return failure;
        }
        let expected =
            parse_type("Struct[{from => NotUndef, Optional[radix] => Any, Optional[abs] => Boolean}]");
        if let Ok(expected) = expected {
            let found = infer_set(&args[0]);
            return Failure::raised(describe_types("Integer.new has wrong type,", &expected, &found));
        }
    }
    match args {
        [_, rest @ ..]
            if rest.len() <= 2
                && matches!(rest.first(), None | Some(Value::Int(_)))
                && matches!(rest.get(1), None | Some(Value::Bool(_))) =>
        {
            rest.first().and_then(bad_radix).unwrap_or_else(|| unconvertible("new", &args[0], "Integer"))
        }
        _ => INTEGER.choose(args).err().unwrap_or_else(|| unconvertible("new", &args[0], "Integer")),
    }
}

/// `from` and `abs` of a call of `Float` or `Numeric`.
fn arguments(
    table: &'static Table,
    function: &str,
    name: &str,
    args: &[Value],
) -> Result<(Value, bool), Failure> {
    match (table.position(args), args) {
        (Some(0), args) => Ok((args[0].clone(), is_true(args.get(1)))),
        (Some(_), [Value::Hash(named), ..]) => {
            let unnamed = unnamed(named, &["from", "abs"]);
            Ok((unnamed[0].clone(), is_true(unnamed.get(1))))
        }
        (_, [first]) | (_, [first, Value::Bool(_)]) => Err(unconvertible(function, first, name)),
        (_, args) => Err(table.choose(args).err().unwrap_or_else(|| unconvertible(function, &args[0], name))),
    }
}

pub(super) fn float(args: &[Value]) -> Result<Value, Failure> {
    let (from, abs) = arguments(&FLOAT, "new_float", "Float", args)?;
    let x = match &from {
        Value::Float(x) => *x,
        Value::Int(n) => *n as f64,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Timespan(span) | Value::Timestamp(span) => *span as f64 / SECOND as f64,
        other => {
            let text = other.as_str().unwrap_or_default();
            let read = |text: &str| {
                let binary = text.starts_with("0b") || text.starts_with("0B");
                if binary { ruby_integer(text, None).map(|n| n as f64) } else { ruby_float(text) }
            };
            read(text).or_else(|| joined_sign(text).and_then(|joined| read(&joined))).ok_or_else(|| {
                Failure::raised(format!("invalid value for Float(): {}", ruby::inspect_string(text)))
            })?
        }
    };
    Ok(Value::Float(if abs { x.abs() } else { x }))
}

pub(super) fn numeric(args: &[Value]) -> Result<Value, Failure> {
    let (from, abs) = arguments(&NUMERIC, "new_numeric", "Numeric", args)?;
    let value = match &from {
        Value::Float(_) | Value::Int(_) => from.clone(),
        Value::Bool(value) => Value::Int(i64::from(*value)),
        Value::Timespan(span) | Value::Timestamp(span) => Value::Float(*span as f64 / SECOND as f64),
        other => {
            let text = other.as_str().unwrap_or_default();
            let second = text.chars().nth(1).map(|c| c.to_ascii_lowercase());
            if text.starts_with('0') && matches!(second, Some('b' | 'x')) {
                ruby_integer(text, None).map_or(Value::Undef, Value::Int)
            } else {
                match parse(text) {
                    Some(Number::Int(n)) => Value::Int(n),
                    Some(Number::Float(x)) => Value::Float(x),
                    None => Value::Undef,
                }
            }
        }
    };
    Ok(match value {
        Value::Int(n) if abs => Value::Int(n.wrapping_abs()),
        Value::Float(x) if abs => Value::Float(x.abs()),
        other => other,
    })
}
