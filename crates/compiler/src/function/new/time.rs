//! Points in time and spans.

use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::timespan::SECOND;
use crate::format::{timespan as span_format, timestamp as point_format};
use crate::function::dispatch::{Table, table_with};
use crate::value::{Key, Value};

const FORMATS: &[(&str, &str)] = &[("Formats", "Variant[String[2],Array[String[2],1]]")];
static TIMESPAN: Table = table_with(
    "new_timespan",
    FORMATS,
    &[
        "Variant[Integer,Float] seconds",
        "String[1] string, Formats format?",
        "Integer days, Integer hours, Integer minutes, Integer seconds, Integer milliseconds?, Integer microseconds?, \
         Integer nanoseconds?",
        "Struct[{string => String[1], Optional[format] => Formats}] hash_arg",
        "Struct[{Optional[negative] => Boolean, Optional[days] => Integer, Optional[hours] => Integer, \
         Optional[minutes] => Integer, Optional[seconds] => Integer, Optional[milliseconds] => Integer, \
         Optional[microseconds] => Integer, Optional[nanoseconds] => Integer}] hash_arg",
    ],
);
static TIMESTAMP: Table = table_with(
    "new_timestamp",
    FORMATS,
    &[
        "",
        "Variant[Integer,Float] seconds",
        "String[1] string, Formats format?, String[1] timezone?",
        "Struct[{string => String[1], Optional[format] => Formats, Optional[timezone] => String[1]}] hash_arg",
    ],
);

fn nanoseconds(seconds: &Value) -> i128 {
    match seconds {
        Value::Int(n) => i128::from(*n) * SECOND,
        Value::Float(x) => (x * SECOND as f64) as i128,
        _ => 0,
    }
}

/// The formats, and whether they came as a list.
fn formats(value: Option<&Value>) -> (Vec<&str>, bool) {
    match value {
        Some(Value::String(format)) => (vec![format], false),
        Some(Value::Array(formats)) => (formats.iter().filter_map(Value::as_str).collect(), true),
        _ => (Vec::new(), true),
    }
}

pub(super) fn timespan(args: &[Value]) -> Result<Value, Failure> {
    let signature = TIMESPAN.choose(args)?;
    let read = |text: &Value, given: Option<&Value>| {
        let (given, listed) = formats(given);
        span_format::parse(text.as_str().unwrap_or_default(), &given, listed).map_err(Failure::raised)
    };
    Ok(Value::Timespan(match signature {
        0 => nanoseconds(&args[0]),
        1 => read(&args[0], args.get(1))?,
        2 => {
            let names =
                ["days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"];
            let fields = names.iter().zip(args).map(|(name, value)| ((*name).into(), value.clone()));
            span_format::from_fields(&Value::hash(fields))
        }
        3 => match &args[0] {
            Value::Hash(named) => {
                let text = named.get(&Key("string")).cloned().unwrap_or(Value::Undef);
                read(&text, named.get(&Key("format")))?
            }
            _ => 0,
        },
        _ => span_format::from_fields(&args[0]),
    }))
}

pub(super) fn timestamp(evaluator: &Evaluator<'_>, args: &[Value]) -> Result<Value, Failure> {
    let signature = TIMESTAMP.choose(args)?;
    let read = |text: &Value, given: Option<&Value>, zone: Option<&Value>| {
        let (given, listed) = formats(given);
        let zone = zone.and_then(Value::as_str);
        point_format::parse(text.as_str().unwrap_or_default(), &given, listed, zone).map_err(Failure::raised)
    };
    Ok(Value::Timestamp(match signature {
        0 => i128::from(evaluator.now_millis()) * 1_000_000,
        1 => nanoseconds(&args[0]),
        2 => read(&args[0], args.get(1), args.get(2))?,
        _ => match &args[0] {
            Value::Hash(named) => {
                let text = named.get(&Key("string")).cloned().unwrap_or(Value::Undef);
                read(&text, named.get(&Key("format")), named.get(&Key("timezone")))?
            }
            _ => 0,
        },
    }))
}
