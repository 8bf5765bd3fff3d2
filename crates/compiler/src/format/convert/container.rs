//! Arrays and hashes after a format.

use super::spec::{Formats, find, inner_defaults};
use super::{Indent, bad_letter, print};
use crate::types::{Type, infer_set};
use crate::value::{Hash, Value};

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Hash(_))
}

pub(super) fn array(of: &Type, items: &[Value], formats: &Formats, indent: Indent) -> Result<String, String> {
    let spec = find(of, formats);
    if !matches!(spec.letter, 'a' | 's' | 'p') {
        return Err(bad_letter("Array", spec.letter, "asp"));
    }
    let separator = spec.separator.as_deref().unwrap_or(", ");
    let inner = spec.inner.clone().unwrap_or_else(inner_defaults);
    let (open, close) = spec.delimiters(("[", "]"));
    let indent = Indent { on: spec.alternative || indent.on, ..indent };
    let mut text = String::new();
    if indent.breaks() {
        text.push('\n');
        text.push_str(&indent.padding());
    }
    text.push_str(open);

    // Only what follows an item knows that it is not the first of its list.
    let children = Indent { first: false, ..indent.deeper(spec.alternative) };
    let mut printed = Vec::with_capacity(items.len());
    for item in items {
        let formats = if is_container(item) { formats } else { &inner };
        printed.push(print(&infer_set(item), item, formats, children)?);
    }
    let too_wide = spec.alternative && spec.width.is_some_and(|width| widest(items, &printed) > width);
    for (i, (item, shown)) in items.iter().zip(&printed).enumerate() {
        let plain = !is_container(item);
        if i == 0 {
            if too_wide && plain {
                text.push(' ');
            }
        } else {
            text.push_str(separator);
            let after_container = spec.alternative && is_container(&items[i - 1]);
            if plain && (too_wide || after_container) {
                if !text.ends_with('\n') {
                    text.truncate(text.trim_end().len());
                }
                text.push('\n');
                text.push_str(&children.padding());
            }
        }
        if text.ends_with(' ') && shown.starts_with('\n') {
            text.truncate(text.trim_end().len());
        }
        text.push_str(shown);
    }
    text.push_str(close);
    Ok(text)
}

/// Length of the longest run of items between nested containers.
fn widest(items: &[Value], printed: &[String]) -> usize {
    let mut runs = vec![0];
    for (item, shown) in items.iter().zip(printed) {
        if is_container(item) {
            runs.push(0);
        } else if let Some(last) = runs.last_mut() {
            *last += shown.chars().count();
        }
    }
    runs.into_iter().max().unwrap_or(0)
}

pub(super) fn hash(of: &Type, hash: &Hash, formats: &Formats, indent: Indent) -> Result<String, String> {
    let spec = find(of, formats);
    match spec.letter {
        'a' => {
            let pairs =
                hash.iter().map(|(key, value)| Value::array(vec![key.clone(), value.clone()])).collect();
            let pairs = Value::array(pairs);
            return print(&infer_set(&pairs), &pairs, formats, indent);
        }
        'h' | 's' | 'p' => {}
        letter => return Err(bad_letter("Hash", letter, "hasp")),
    }
    let mut separator = spec.separator.clone().unwrap_or_else(|| ", ".to_owned());
    let association = spec.association.as_deref().unwrap_or(" => ");
    let inner = spec.inner.clone().unwrap_or_else(inner_defaults);
    let (open, close) = spec.delimiters(("{", "}"));
    let indent = Indent { on: spec.alternative || indent.on, ..indent };
    let mut text = String::new();
    if indent.breaks() {
        text.push('\n');
        text.push_str(&indent.padding());
    }
    let children = indent.deeper(false);
    let (mut line_break, mut padding) = ("", String::new());
    if spec.alternative {
        if !separator.ends_with('\n') {
            separator.truncate(separator.trim_end().len());
        }
        separator.push('\n');
        line_break = "\n";
        padding = children.padding();
    }
    text.push_str(open);
    text.push_str(line_break);
    let mut members = Vec::with_capacity(hash.len());
    for (key, value) in hash {
        let one = |part: &Value| {
            let formats = if is_container(part) { formats } else { &inner };
            print(&infer_set(part), part, formats, children)
        };
        members.push(format!("{padding}{}{association}{}", one(key)?, one(value)?));
    }
    text.push_str(&members.join(&separator));
    if spec.alternative {
        text.push_str(line_break);
        text.push_str(&indent.padding());
    }
    text.push_str(close);
    Ok(text)
}
