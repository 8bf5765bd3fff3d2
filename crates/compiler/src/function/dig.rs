//! Ways into nested data: `dig`, `get` and `getvar`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::ruby;
use crate::types::infer;
use crate::value::Value;

static DIG: Table = table("dig", &["Optional[Collection] data, Any arg*"]);
static GET: Table =
    table("get", &["Any value, String dotted_string, Any default_value?, &Callable[1,1] block?"]);
static GETVAR: Table = table(
    "getvar",
    &[
        r"Pattern[/\A(?:::)?(?:[a-z]\w*::)*[a-z_]\w*(?:\.|\Z)/] get_string, Any default_value?, &Callable[1,1] block?",
    ],
);

pub(super) fn dig(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    DIG.select(&call)?;
    walk(&call.args[0], &call.args[1..]).map_err(Failure::raised)
}

/// Follows keys and positions; `undef` once anything on the way is.
fn walk(data: &Value, steps: &[Value]) -> Result<Value, String> {
    let mut at = data.clone();
    for (i, step) in steps.iter().enumerate() {
        if at.is_undef() || step.is_undef() {
            return Ok(Value::Undef);
        }
        let walked = |count: usize| ruby::inspect(&Value::array(steps[..count].to_vec()));
        let next = match (&at, step) {
            (Value::Hash(hash), key) => hash.get(key).cloned(),
            (Value::Array(items), Value::Int(n)) => {
                let position = if *n < 0 { *n + items.len() as i64 } else { *n };
                usize::try_from(position).ok().and_then(|position| items.get(position)).cloned()
            }
            (Value::Array(_), key) => {
                return Err(format!(
                    "The given data requires an Integer index at {}, got '{}'",
                    walked(i + 1),
                    infer(key)
                ));
            }
            (other, _) => {
                return Err(format!(
                    "The given data does not contain a Collection at {}, got '{}'",
                    walked(i),
                    infer(other)
                ));
            }
        };
        at = next.unwrap_or(Value::Undef);
    }
    Ok(at)
}

pub(super) fn get(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    GET.select(&call)?;
    navigate(&call, &call.args[0], call.args[1].as_str().unwrap_or_default())
}

fn navigate(call: &Call, value: &Value, navigation: &str) -> Result<Value, Failure> {
    let default = || {
        let at = if &*call.name == "get" { 2 } else { 1 };
        call.args.get(at).cloned().unwrap_or(Value::Undef)
    };
    if value.is_undef() {
        return Ok(default());
    }
    if navigation.is_empty() {
        return Ok(value.clone());
    }
    let steps =
        split_key(navigation).ok_or_else(|| Failure::raised("Syntax error in dotted-navigation string"))?;
    match walk_from(value, &steps) {
        Ok(Value::Undef) => Ok(default()),
        Ok(found) => Ok(found),
        // The lambda gets an Error object, which there is none of.
        Err(_) if call.lambda.is_some() => Err(Failure::unsupported(format!(
            "The function '{}' with a lambda that handles errors",
            call.name
        ))),
        Err(text) => Err(Failure::raised(text)),
    }
}

/// As `dig`, whose first argument must be a collection.
fn walk_from(value: &Value, steps: &[Value]) -> Result<Value, String> {
    if !matches!(value, Value::Array(_) | Value::Hash(_)) {
        let found = crate::types::infer_set(value);
        let expected = crate::types::parse_type("Optional[Collection]")?;
        let text = crate::types::describe_types("parameter 'data'", &expected, &found);
        return Err(format!("'dig' {text}"));
    }
    walk(value, steps)
}

/// Splits `a.0.'b.c'` into keys and positions.
fn split_key(text: &str) -> Option<Vec<Value>> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let trimmed = rest.trim_start();
        if let Some(quote @ ('"' | '\'')) = trimmed.chars().next() {
            let end = trimmed[1..].find(quote)? + 1;
            if end == 1 {
                return None;
            }
            steps.push(trimmed[1..end].into());
            rest = trimmed[end + 1..].trim_start();
        } else {
            let end = rest.find(['\'', '"', '.']).unwrap_or(rest.len());
            let segment = rest[..end].trim();
            if end == 0 {
                return None;
            }
            let digits = segment.strip_prefix(['+', '-']).unwrap_or(segment);
            let whole = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
            steps.push(match segment.trim_start_matches('+').parse::<i64>() {
                Ok(n) if whole => Value::Int(n),
                _ => segment.into(),
            });
            rest = &rest[end..];
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Some(steps),
            None => return None,
        }
    }
}

pub(super) fn getvar(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    if GETVAR.find(&call.args, &call).is_none() {
        let text_first = matches!(call.args.first(), Some(Value::String(_)));
        if text_first && call.args.len() <= 2 {
            return Err(Failure::raised(
                "'getvar' The given string does not start with a valid variable name",
            ));
        }
        return Err(GETVAR.refusal(&call.args, &call));
    }
    let text = call.args[0].as_str().unwrap_or_default();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (name, navigation) = text.split_at(end);
    let navigation = match navigation.strip_prefix('.') {
        Some(rest) => rest,
        None if navigation.is_empty() => "",
        None => {
            let c = navigation.chars().next().unwrap_or(' ');
            return Err(Failure::raised(format!(
                "First character after var name in get string must be a '.' - got {c}"
            )));
        }
    };
    match evaluator.variable(call.scope, name) {
        Some(value) => navigate(&call, &value, navigation),
        None => Ok(call.args.get(1).cloned().unwrap_or(Value::Undef)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_split() {
        assert_eq!(split_key("a.0.'b.c'"), Some(vec!["a".into(), Value::Int(0), "b.c".into()]));
        assert_eq!(split_key("a..b"), None);
        assert_eq!(split_key("a."), None);
    }
}
