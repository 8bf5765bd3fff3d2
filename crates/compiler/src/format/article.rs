//! What Puppet calls a value in messages, with the article before it.

use crate::types::Type;
use crate::value::Value;

/// The kind of a value as messages of the evaluator name it: `Hash`, `Undef Value`, `Integer-Type`.
pub fn label(value: &Value) -> String {
    match value {
        Value::Undef => "Undef Value",
        Value::Default => "Object",
        Value::Bool(_) => "Boolean",
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
        Value::String(_) => "String",
        Value::Regex(_) => "Regexp",
        Value::Array(_) => "Array",
        Value::Hash(_) => "Hash",
        Value::Type(of) => {
            return match &**of {
                of @ Type::Resource { title: Some(_), .. } => format!("{of} Resource-Reference"),
                of => format!("{of}-Type"),
            };
        }
        Value::Sensitive(_) => "Sensitive",
        Value::Timestamp(_) => "Timestamp",
        Value::Timespan(_) => "Timespan",
        Value::SemVer(_) => "Semver",
        Value::SemVerRange(_) => "SemverRange",
        Value::Binary(_) => "Binary",
        Value::Closure(_) | Value::Iterator(_) => "Object",
    }
    .to_owned()
}

/// The class of a value, where messages name that.
pub fn class_label(value: &Value) -> String {
    match value {
        Value::Type(of) => format!("{}-Type", crate::types::simple_name(of)),
        other => crate::types::ruby_class(other),
    }
}

fn article(text: &str) -> &'static str {
    let first = text.chars().find(|c| !matches!(c, '"' | '\''));
    match first.map(|c| c.to_ascii_lowercase()) {
        Some('a' | 'e' | 'i' | 'o' | 'u' | 'y') => "an",
        _ => "a",
    }
}

/// `an Integer`, `a String`.
pub fn a_an(text: &str) -> String {
    format!("{} {text}", article(text))
}

/// `An Integer`, `A String`.
pub fn a_an_upper(text: &str) -> String {
    format!("{} {text}", if article(text) == "an" { "An" } else { "A" })
}
