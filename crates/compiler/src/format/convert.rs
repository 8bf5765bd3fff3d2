//! `String.new(value, formats)`: values as text after formats that are chosen by type.

mod container;
mod scalar;
mod spec;

use crate::types::{Type, assignable, infer_set};
use crate::value::Value;

pub use spec::FORMAT_PATTERN;
use spec::{Formats, Spec};

/// Where in a nested structure something is printed.
#[derive(Clone, Copy)]
struct Indent {
    level: usize,
    first: bool,
    on: bool,
}

impl Indent {
    fn deeper(self, on: bool) -> Indent {
        Indent { level: self.level + 1, first: true, on }
    }

    fn breaks(self) -> bool {
        self.on && self.level > 0 && !self.first
    }

    fn padding(self) -> String {
        "  ".repeat(self.level)
    }
}

/// The value as text. `formats` is `undef`/`default` for the default ones, a single format, or a hash from types
/// to formats.
///
/// # Errors
/// Puppet's texts for formats that are malformed or don't go with the value.
pub fn convert(value: &Value, formats: &Value) -> Result<String, String> {
    let of = infer_set(value);
    let given = match formats {
        Value::Undef | Value::Default => None,
        Value::String(format) => {
            let key = match &of {
                found if assignable(&Type::any_array(), found) => Type::any_array(),
                found if assignable(&Type::any_hash(), found) => Type::any_hash(),
                found => found.clone(),
            };
            Some(vec![(key, Spec::parse(format)?)])
        }
        Value::Hash(map) => Some(spec::read_map(map)?),
        other => {
            return Err(format!(
                "string conversion expects a Default value or a Hash of type to format mappings, got a '{}'",
                crate::types::ruby_class(other)
            ));
        }
    };
    let formats = spec::merge_formats(Some(spec::defaults()), given).unwrap_or_default();
    print(&of, value, &formats, Indent { level: 0, first: true, on: false })
}

fn print(of: &Type, value: &Value, formats: &Formats, indent: Indent) -> Result<String, String> {
    match value {
        Value::Array(items) => container::array(of, items, formats, indent),
        Value::Hash(hash) => container::hash(of, hash, formats, indent),
        Value::Iterator(sequence) => {
            let items = Value::array(sequence.iter().collect());
            print(&infer_set(&items), &items, formats, indent)
        }
        other => scalar::print(&spec::find(of, formats), other),
    }
}

/// An error for a letter that the value's kind doesn't know.
fn bad_letter(kind: &str, letter: char, known: &str) -> String {
    format!(
        "Illegal format '{letter}' specified for value of {kind} type - expected one of the characters '{known}'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: impl Into<Value>, format: &str) -> String {
        convert(&value.into(), &format.into()).unwrap_or_else(|fault| fault)
    }

    #[test]
    fn scalars() {
        assert_eq!(convert(&1.5.into(), &Value::Default).unwrap(), "1.500000");
        assert_eq!(with(255, "%#x"), "0xff");
        assert_eq!(with(true, "%y"), "yes");
        assert_eq!(with("hello", "%p"), "'hello'");
        assert_eq!(with("hello", "%C"), "Hello");
        assert_eq!(
            with(1, "%q"),
            "Illegal format 'q' specified for value of Integer type - expected one of the characters 'dxXobBeEfgGaAspc'"
        );
    }

    #[test]
    fn containers() {
        let value = Value::array(vec![1.into(), "a".into(), Value::array(vec![2.into()])]);
        assert_eq!(convert(&value, &Value::Default).unwrap(), "[1, 'a', [2]]");
        let hash = Value::hash([("a".into(), 1.into())]);
        assert_eq!(convert(&hash, &Value::Default).unwrap(), "{'a' => 1}");
        assert_eq!(convert(&hash, &"%#h".into()).unwrap(), "{\n  'a' => 1\n}");
    }
}
