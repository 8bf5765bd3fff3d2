//! What Puppet calls expressions and values in its messages, and the article before them.

use crate::types::Type;
use crate::value::Value;

/// Of expressions; articles.
pub use syntax::label::{capitalized, of, with_article};

/// The kind of a value as messages of the evaluator name it: `Hash`, `Undef Value`, `Integer-Type`.
pub fn value(value: &Value) -> String {
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
pub fn class_of(value: &Value) -> String {
    match value {
        Value::Type(of) => format!("{}-Type", crate::types::simple_name(of)),
        other => crate::types::ruby_class(other),
    }
}
