//! `versioncmp`.

use std::cmp::Ordering;

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::Value;

static VERSIONCMP: Table = table("versioncmp", &["String a, String b, Boolean ignore_trailing_zeroes?"]);

pub(super) fn versioncmp(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    VERSIONCMP.select(&call)?;
    let text = |i: usize| call.args[i].as_str().unwrap_or_default().to_owned();
    let (mut a, mut b) = (text(0), text(1));
    if call.args.get(2) == Some(&Value::Bool(true)) {
        (a, b) = (without_zeroes(&a), without_zeroes(&b));
    }
    Ok(Value::Int(order(&a, &b) as i64))
}

/// Without the zeros and points at the end of what stands before the first hyphen.
fn without_zeroes(version: &str) -> String {
    let (first, rest) = match version.split_once('-') {
        Some((first, rest)) => (first, Some(rest)),
        None => (version, None),
    };
    let first = first.trim_end_matches(['.', '0']);
    match rest {
        Some(rest) => format!("{first}-{}", rest.trim_end_matches('-')),
        None => first.to_owned(),
    }
}

/// Runs of digits, runs of other characters, and each hyphen or point for itself.
fn parts(version: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        '-' | '.' => 0,
        c if c.is_ascii_digit() => 1,
        _ => 2,
    };
    let mut parts = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (i, c) in version.char_indices() {
        let now = kind(c);
        if previous.is_some_and(|previous| previous != now || now == 0) {
            parts.push(&version[start..i]);
            start = i;
        }
        previous = Some(now);
    }
    if start < version.len() {
        parts.push(&version[start..]);
    }
    parts
}

fn order(a: &str, b: &str) -> Ordering {
    let numeric = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    for (x, y) in parts(a).into_iter().zip(parts(b)) {
        if x == y {
            continue;
        }
        match (x, y) {
            ("-", _) => return Ordering::Less,
            (_, "-") => return Ordering::Greater,
            (".", _) => return Ordering::Less,
            (_, ".") => return Ordering::Greater,
            _ => {}
        }
        if numeric(x) && numeric(y) && !x.starts_with('0') && !y.starts_with('0') {
            // Numbers of any length: the longer is the larger.
            return x.len().cmp(&y.len()).then_with(|| x.cmp(y));
        }
        return x.to_uppercase().cmp(&y.to_uppercase());
    }
    a.cmp(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_in_order() {
        let order = |a, b| super::order(a, b);
        assert_eq!(order("1.2", "1.10"), Ordering::Less);
        assert_eq!(order("1.2-3", "1.2.3"), Ordering::Less);
        assert_eq!(order("1.05", "1.1"), Ordering::Less);
        assert_eq!(order("2.0b", "2.0a"), Ordering::Greater);
        assert_eq!(order("1.0", "1.0"), Ordering::Equal);
        assert_eq!(without_zeroes("1.0.0-5"), "1-5");
    }
}
