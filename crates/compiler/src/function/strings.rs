//! Functions that change one string, or each string of several: `capitalize`, `strip`, `upcase` and their kin.

use super::Call;
use super::dispatch::{Table, table, table_with};
use super::each::items_of;
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format;
use crate::value::{Hash, Value};

const ONE_OR_MANY: &[&str] = &["Numeric arg", "String arg", "Iterable[Variant[String,Numeric]] arg"];
static CAMELCASE: Table = table("camelcase", ONE_OR_MANY);
static CAPITALIZE: Table = table("capitalize", ONE_OR_MANY);
static CHOMP: Table = table("chomp", ONE_OR_MANY);
static CHOP: Table = table("chop", ONE_OR_MANY);
static LSTRIP: Table = table("lstrip", ONE_OR_MANY);
static RSTRIP: Table = table("rstrip", ONE_OR_MANY);
static STRIP: Table = table("strip", ONE_OR_MANY);

const STRING_DATA: &[(&str, &str)] =
    &[("StringData", "Variant[String,Numeric,Array[StringData],Hash[StringData,StringData]]")];
const NESTED: &[&str] =
    &["Numeric arg", "String arg", "Array[StringData] arg", "Hash[StringData,StringData] arg"];
static DOWNCASE: Table = table_with("downcase", STRING_DATA, NESTED);
static UPCASE: Table = table_with("upcase", STRING_DATA, NESTED);

fn is_blank(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0B' || c == '\0'
}

fn camelcase(text: &str) -> String {
    text.split('_').map(format::capitalize).collect()
}

fn chomp(text: &str) -> String {
    let cut = text.strip_suffix("\r\n").or_else(|| text.strip_suffix(['\n', '\r']));
    cut.unwrap_or(text).to_owned()
}

fn chop(text: &str) -> String {
    if let Some(cut) = text.strip_suffix("\r\n") {
        return cut.to_owned();
    }
    let mut chars = text.chars();
    chars.next_back();
    chars.as_str().to_owned()
}

fn lstrip(text: &str) -> String {
    text.trim_start_matches(is_blank).to_owned()
}

fn rstrip(text: &str) -> String {
    text.trim_end_matches(is_blank).to_owned()
}

fn strip(text: &str) -> String {
    text.trim_matches(is_blank).to_owned()
}

pub(super) fn each_string(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let (table, change): (&Table, fn(&str) -> String) = match &*call.name {
        "camelcase" => (&CAMELCASE, camelcase),
        "capitalize" => (&CAPITALIZE, format::capitalize),
        "chomp" => (&CHOMP, chomp),
        "chop" => (&CHOP, chop),
        "lstrip" => (&LSTRIP, lstrip),
        "rstrip" => (&RSTRIP, rstrip),
        _ => (&STRIP, strip),
    };
    let changed = |value: &Value| match value {
        Value::String(text) => change(text).into(),
        other => other.clone(),
    };
    Ok(match table.select(&call)? {
        0 => call.args[0].clone(),
        1 => changed(&call.args[0]),
        _ => Value::array(items_of(&call.args[0]).iter().map(changed).collect()),
    })
}

pub(super) fn change_case(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let up = &*call.name == "upcase";
    (if up { &UPCASE } else { &DOWNCASE }).select(&call)?;
    Ok(recase(&call.args[0], up))
}

fn recase(value: &Value, up: bool) -> Value {
    match value {
        Value::String(text) => if up { text.to_uppercase() } else { text.to_lowercase() }.into(),
        Value::Array(items) => Value::array(items.iter().map(|item| recase(item, up)).collect()),
        Value::Hash(hash) => {
            let hash: Hash = hash.iter().map(|(key, value)| (recase(key, up), recase(value, up))).collect();
            Value::Hash(hash.into())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ruby_ways_with_line_ends() {
        assert_eq!(chomp("a\r\n"), "a");
        assert_eq!(chomp("a\n\n"), "a\n");
        assert_eq!(chop("a\r\n"), "a");
        assert_eq!(chop(""), "");
        assert_eq!(camelcase("abc_def"), "AbcDef");
    }
}
