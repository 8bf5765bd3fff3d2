//! `sprintf` and `shellquote`.

use super::Call;
use super::collection::flat;
use super::dispatch::{legacy, legacy_arity};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::{ruby, sprintf};
use crate::value::Value;

pub(super) fn sprintf(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, None)?;
    let args: Vec<Value> = call.args.iter().map(legacy).collect();
    let Value::String(format) = &args[0] else {
        let class = crate::types::ruby_class(&args[0]);
        return Err(Failure::raised(format!("no implicit conversion of {class} into String")));
    };
    sprintf::sprintf(format, &args[1..]).map(Value::from).map_err(Failure::raised)
}

/// Quotes each argument for a Bourne shell, in double quotes when that is safe.
pub(super) fn shellquote(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let args: Vec<Value> = call.args.iter().map(legacy).collect();
    let mut words = Vec::new();
    for arg in flat(&args) {
        let Value::String(word) = &arg else {
            let class = crate::types::ruby_class(&arg);
            return Err(Failure::raised(format!(
                "undefined method `length' for {}:{class}",
                ruby::inspect(&arg)
            )));
        };
        let safe = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
        let dangerous = |c: char| "!\"`$\\".contains(c);
        words.push(if !word.is_empty() && word.chars().all(safe) {
            word.to_string()
        } else if !word.contains(dangerous) {
            format!("\"{word}\"")
        } else if !word.contains('\'') {
            format!("'{word}'")
        } else {
            let mut quoted = String::from("\"");
            for c in word.chars() {
                if dangerous(c) {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
            quoted.push('"');
            quoted
        });
    }
    Ok(words.join(" ").into())
}
