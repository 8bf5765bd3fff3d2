//! Values as text. (Start of half B's part.)

use crate::value::Value;

/// As string interpolation and `String(v)` print the value: strings bare at top level, quoted inside
/// collections, `undef` as empty text.
pub fn display(value: &Value) -> String {
    match value {
        Value::Undef => String::new(),
        Value::String(text) => text.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
