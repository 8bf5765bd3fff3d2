//! Octets from base 64, text and numbers.

use crate::failure::Failure;
use crate::format::base64_decode;
use crate::function::dispatch::{Table, table_with};
use crate::value::{Key, Value};

static BINARY: Table = table_with(
    "new_Binary",
    &[
        ("ByteInteger", "Integer[0,255]"),
        ("Base64Format", "Enum['%b', '%u', '%B', '%s', '%r']"),
        ("StringHash", "Struct[{value => String, 'format' => Optional[Base64Format]}]"),
        ("ArrayHash", "Struct[{value => Array[ByteInteger]}]"),
        ("BinaryArgsHash", "Variant[StringHash,ArrayHash]"),
    ],
    &["String str, Base64Format format?", "Array[ByteInteger] byte_array", "BinaryArgsHash hash_args"],
);

pub(super) fn binary(args: &[Value]) -> Result<Value, Failure> {
    let signature = BINARY.choose(args)?;
    let (value, format) = match (signature, &args[0]) {
        (2, Value::Hash(named)) => (named.get(&Key("value")), named.get(&Key("format"))),
        _ => (args.first(), args.get(1)),
    };
    let octets: Vec<u8> = match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| match item {
                Value::Int(n) => u8::try_from(*n).ok(),
                _ => None,
            })
            .collect(),
        Some(Value::String(text)) => {
            let invalid = || Failure::raised("invalid base64");
            match format.and_then(Value::as_str).unwrap_or("%B") {
                "%b" => base64_decode(text, false).ok_or_else(invalid)?,
                "%u" => {
                    let mut plain = text.replace('-', "+").replace('_', "/");
                    while plain.len() % 4 != 0 && !text.ends_with('=') {
                        plain.push('=');
                    }
                    base64_decode(&plain, true).ok_or_else(invalid)?
                }
                "%B" => base64_decode(text, true).ok_or_else(invalid)?,
                _ => text.as_bytes().to_vec(),
            }
        }
        _ => Vec::new(),
    };
    Ok(Value::Binary(octets.into()))
}
