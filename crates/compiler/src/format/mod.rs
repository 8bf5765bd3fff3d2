//! Values as text, and text as numbers and times.

pub mod convert;
pub mod number;
pub mod quote;
pub mod ruby;
pub mod sprintf;
pub mod strftime;
pub mod timespan;
pub mod timestamp;

pub use number::float;
pub use quote::{capitalize, double_quote, quote};

use crate::value::Value;

/// As string interpolation prints the value: strings bare, also inside of arrays and hashes, `undef` as empty
/// text.
pub fn display(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Undef => {}
        Value::Default => out.push_str("default"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Float(x) => out.push_str(&float(*x)),
        Value::String(text) => out.push_str(text),
        Value::Regex(regex) => out.push_str(&regex.inspect()),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Hash(hash) => {
            out.push('{');
            for (i, (key, value)) in hash.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(out, key);
                out.push_str(" => ");
                write(out, value);
            }
            out.push('}');
        }
        Value::Type(of) => out.push_str(&of.to_string()),
        Value::Sensitive(_) => out.push_str("Sensitive [value redacted]"),
        Value::Timestamp(at) => out.push_str(&timestamp::display(*at)),
        Value::Timespan(span) => out.push_str(&timespan::display(*span)),
        Value::SemVer(version) => out.push_str(&version.to_string()),
        Value::SemVerRange(range) => out.push_str(&range.to_string()),
        Value::Binary(octets) => out.push_str(&base64(octets)),
        Value::Closure(_) => out.push_str("Lambda"),
        Value::Iterator(_) => match crate::types::infer(value) {
            crate::types::Type::Iterator(Some(element)) => {
                out.push_str(&format!("Iterator[{}]-Value", crate::types::generalize(&element)));
            }
            _ => out.push_str("Iterator-Value"),
        },
    }
}

/// As Puppet source text: strings in quotes, `undef` by name.
pub fn inspect(value: &Value) -> String {
    match value {
        Value::Undef => "undef".to_owned(),
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", items.iter().map(inspect).collect::<Vec<_>>().join(", ")),
        Value::Hash(hash) => {
            let pairs: Vec<String> =
                hash.iter().map(|(key, value)| format!("{} => {}", inspect(key), inspect(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Timestamp(_) | Value::Timespan(_) | Value::SemVer(_) | Value::SemVerRange(_) => {
            format!("'{}'", display(value))
        }
        other => display(other),
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base 64 (RFC 4648, 4) on one line.
pub fn base64(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            if i <= chunk.len() {
                text.push(BASE64[(bits >> (18 - 6 * i) & 63) as usize] as char);
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The octets of base 64 text. Strict: exactly what [`base64`] writes; otherwise what isn't in the alphabet is
/// skipped and the end may be missing.
pub fn base64_decode(text: &str, strict: bool) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let (mut bits, mut count, mut padding) = (0u32, 0, 0);
    for c in text.bytes() {
        let Some(digit) = BASE64.iter().position(|other| *other == c) else {
            if c == b'=' {
                padding += 1;
                if !strict {
                    break;
                }
                continue;
            }
            if strict {
                return None;
            }
            continue;
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | digit as u32;
        count += 1;
        if count == 4 {
            octets.extend([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            (bits, count) = (0, 0);
        }
    }
    if strict && (!text.len().is_multiple_of(4) || padding > 2 || (count + padding) % 4 != 0) {
        return None;
    }
    match count {
        2 => octets.push((bits >> 4) as u8),
        3 => octets.extend([(bits >> 10) as u8, (bits >> 2) as u8]),
        1 if strict => return None,
        _ => {}
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolation_does_not_quote() {
        let value = Value::array(vec![Value::Int(1), "a".into(), Value::Undef, Value::Float(2.0)]);
        assert_eq!(display(&value), "[1, a, , 2.0]");
        assert_eq!(inspect(&value), "[1, 'a', undef, 2.0]");
    }

    #[test]
    fn base64_both_ways() {
        for text in ["", "a", "ab", "abc", "abcd"] {
            let coded = base64(text.as_bytes());
            assert_eq!(base64_decode(&coded, true).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(base64(b"hello"), "aGVsbG8=");
        assert_eq!(base64_decode("aGVs\nbG8", false).as_deref(), Some(&b"hello"[..]));
        assert_eq!(base64_decode("aGVsbG8", true), None);
    }
}
