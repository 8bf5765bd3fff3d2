//! Values as Ruby's `to_s` and `inspect` show them: where Puppet hands values to Ruby's own formatting
//! (`join`, `sprintf`, `fail`), that is what comes out.

use super::{display, float};
use crate::value::Value;

/// Ruby's `to_s`.
pub fn to_s(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Hash(_) => inspect(value),
        Value::Regex(regex) => {
            let text = regex.text();
            // With options the text is already a group.
            if text == regex.source() { format!("(?-mix:{text})") } else { text }
        }
        other => display(other),
    }
}

/// Ruby's `inspect`.
pub fn inspect(value: &Value) -> String {
    match value {
        Value::Undef => "nil".to_owned(),
        Value::Default => ":default".to_owned(),
        Value::String(text) => inspect_string(text),
        Value::Float(x) => float(*x),
        Value::Array(items) => format!("[{}]", items.iter().map(inspect).collect::<Vec<_>>().join(", ")),
        Value::Hash(hash) => {
            let pairs: Vec<String> =
                hash.iter().map(|(key, value)| format!("{}=>{}", inspect(key), inspect(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Sensitive(_) => "#<Sensitive [value redacted]>".to_owned(),
        other => display(other),
    }
}

/// A string in double quotes with Ruby's escapes.
pub fn inspect_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            '\x0C' => quoted.push_str("\\f"),
            '\x0B' => quoted.push_str("\\v"),
            '\x08' => quoted.push_str("\\b"),
            '\x07' => quoted.push_str("\\a"),
            '\x1B' => quoted.push_str("\\e"),
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => quoted.push_str("\\#"),
            c if c < ' ' || c == '\x7F' => quoted.push_str(&format!("\\x{:02X}", c as u32)),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
