//! Functions of regular expressions: `match`, `regsubst`, `split`.

use std::sync::Arc;

use super::Call;
use super::collection::flat;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::regex::{Options, Regex, Spans};
use crate::types::{Type, ruby_class};
use crate::value::{Hash, Key, Value};

static MATCH: Table = table(
    "match",
    &["String string, Variant[Any,Type] pattern", "Array[String] string, Variant[Any,Type] pattern"],
);
static SPLIT: Table = table(
    "split",
    &["String str, String pattern", "String str, Regexp pattern", "String str, Type[Regexp] pattern"],
);
static REGSUBST: Table = table(
    "regsubst",
    &[
        "Variant[Array[String],String] target, String pattern, Variant[String,Hash[String,String]] replacement, \
         Optional[Pattern[/^[GEIM]*$/]] flags?, Enum['N','E','S','U'] encoding?",
        "Variant[Array[String],String] target, Variant[Regexp,Type[Regexp]] pattern, \
         Variant[String,Hash[String,String]] replacement, Pattern[/^G?$/] flags?",
    ],
);

pub(super) fn matches(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    MATCH.select(&call)?;
    match &call.args[0] {
        Value::Array(texts) => {
            let found: Result<Vec<Value>, Failure> = texts
                .iter()
                .map(|text| match_one(text.as_str().unwrap_or_default(), &call.args[1]))
                .collect();
            Ok(Value::array(found?))
        }
        text => match_one(text.as_str().unwrap_or_default(), &call.args[1]),
    }
}

fn match_one(text: &str, pattern: &Value) -> Result<Value, Failure> {
    let refused = || {
        let class = ruby_class(pattern);
        Failure::raised(format!(
            "match() expects pattern of T, where T is String, Regexp, Regexp[r], Pattern[p], or Array[T]. Got {class}"
        ))
    };
    match pattern {
        Value::String(source) => groups(text, &Regex::new(source).map_err(Failure::raised)?),
        Value::Regex(regex) => groups(text, regex),
        Value::Array(patterns) => first(text, &flat(patterns)),
        Value::Type(of) => match of.resolve() {
            Type::Regexp(Some(regex)) => groups(text, regex),
            Type::Regexp(None) => Err(Failure::raised("Given Regexp Type has no regular expression")),
            Type::Pattern(patterns) => {
                first(text, &patterns.0.iter().cloned().map(Value::Regex).collect::<Vec<_>>())
            }
            Type::Variant(types) => {
                first(text, &types.0.iter().cloned().map(Value::of_type).collect::<Vec<_>>())
            }
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}

fn first(text: &str, patterns: &[Value]) -> Result<Value, Failure> {
    for pattern in patterns {
        let found = match_one(text, pattern)?;
        if !found.is_undef() {
            return Ok(found);
        }
    }
    Ok(Value::Undef)
}

fn groups(text: &str, regex: &Regex) -> Result<Value, Failure> {
    let found = regex.captures(text).map_err(Failure::raised)?;
    Ok(found.map_or(Value::Undef, |groups| {
        Value::array(groups.into_iter().map(|group| group.map_or(Value::Undef, Value::from)).collect())
    }))
}

fn pattern_of(value: &Value) -> Result<Arc<Regex>, Failure> {
    match value {
        Value::Regex(regex) => Ok(regex.clone()),
        Value::Type(of) => match of.resolve() {
            Type::Regexp(Some(regex)) => Ok(regex.clone()),
            _ => Ok(Arc::new(Regex::new("").map_err(Failure::raised)?)),
        },
        other => Ok(Arc::new(Regex::new(other.as_str().unwrap_or_default()).map_err(Failure::raised)?)),
    }
}

pub(super) fn split(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    SPLIT.select(&call)?;
    let parts = split_text(call.args[0].as_str().unwrap_or_default(), &*pattern_of(&call.args[1])?)?;
    Ok(Value::array(parts.into_iter().map(Value::from).collect()))
}

/// Ruby's `split` with a pattern: groups are part of the result, empty texts at the end are not.
fn split_text(text: &str, regex: &Regex) -> Result<Vec<String>, Failure> {
    // An empty pattern splits into characters, and a single blank is no special case when it is a pattern.
    let mut parts: Vec<String> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at <= text.len() {
        let Some(spans) = regex.find_at(text, at).map_err(Failure::raised)? else { break };
        let Some((from, to)) = spans[0] else { break };
        if from == to {
            if from >= text.len() {
                break;
            }
            if from == start {
                // Nothing matched where the piece starts: the next character is a piece by itself.
                let next = from + text[from..].chars().next().map_or(1, char::len_utf8);
                at = next;
                if regex_matches_empty_at(regex, text, next)? || from > start {
                    parts.push(text[start..next].to_owned());
                    push_groups(&mut parts, text, &spans);
                    start = next;
                }
                continue;
            }
        }
        parts.push(text[start..from].to_owned());
        push_groups(&mut parts, text, &spans);
        start = to;
        at = if to == from { to + text[to..].chars().next().map_or(1, char::len_utf8) } else { to };
    }
    if !text.is_empty() {
        parts.push(text[start..].to_owned());
    }
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    Ok(parts)
}

fn regex_matches_empty_at(regex: &Regex, text: &str, at: usize) -> Result<bool, Failure> {
    let found = regex.find_at(text, at).map_err(Failure::raised)?;
    Ok(found.and_then(|spans| spans[0]).is_some_and(|(from, to)| from == at && to == at))
}

fn push_groups(parts: &mut Vec<String>, text: &str, spans: &Spans) {
    parts.extend(spans[1..].iter().flatten().map(|(from, to)| text[*from..*to].to_owned()));
}

pub(super) fn regsubst(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    let signature = REGSUBST.select(&call)?;
    let flags = call.args.get(3).and_then(Value::as_str).unwrap_or_default();
    let regex = match (signature, &call.args[1]) {
        (0, Value::String(source)) => {
            let options = Options {
                ignore_case: flags.contains('I'),
                multi_line: flags.contains('M'),
                extended: flags.contains('E'),
            };
            Arc::new(Regex::with_options(source, options).map_err(Failure::raised)?)
        }
        // The pattern of a type is text to Ruby, which then looks for just that text.
        (_, Value::Type(of)) => match of.resolve() {
            Type::Regexp(Some(regex)) => {
                Arc::new(Regex::new(&Regex::escape(&regex.text())).map_err(Failure::raised)?)
            }
            _ => pattern_of(&call.args[1])?,
        },
        (_, pattern) => pattern_of(pattern)?,
    };
    let replace = |text: &Value| -> Result<Value, Failure> {
        substitute(text.as_str().unwrap_or_default(), &regex, &call.args[2], flags.contains('G'))
            .map(Value::from)
    };
    match &call.args[0] {
        Value::Array(texts) => Ok(Value::array(texts.iter().map(replace).collect::<Result<_, _>>()?)),
        text => replace(text),
    }
}

fn substitute(text: &str, regex: &Regex, replacement: &Value, all: bool) -> Result<String, Failure> {
    let names = regex.group_names();
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while at <= text.len() {
        let Some(spans) = regex.find_at(text, at).map_err(Failure::raised)? else { break };
        let Some((from, to)) = spans[0] else { break };
        out.push_str(&text[copied..from]);
        match replacement {
            Value::Hash(map) => out.push_str(&looked_up(map, &text[from..to])),
            other => expand(&mut out, other.as_str().unwrap_or_default(), text, &spans, &names),
        }
        copied = to;
        at = if from == to { to + text[to..].chars().next().map_or(1, char::len_utf8) } else { to };
        if !all {
            break;
        }
    }
    out.push_str(&text[copied.min(text.len())..]);
    Ok(out)
}

fn looked_up(map: &Hash, found: &str) -> String {
    map.get(&Key(found)).map(Value::to_string).unwrap_or_default()
}

/// `\0` to `\9`, `\&`, `\k<name>`, `` \` ``, `\'` and `\\` in a replacement.
fn expand(out: &mut String, replacement: &str, text: &str, spans: &Spans, names: &[Option<String>]) {
    let group = |i: usize| spans.get(i).copied().flatten().map_or("", |(from, to)| &text[from..to]);
    let whole = spans[0].unwrap_or((0, 0));
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            out.push('\\');
            return;
        };
        let mut used = c.len_utf8();
        match c {
            '0'..='9' => out.push_str(group(c as usize - '0' as usize)),
            '&' => out.push_str(group(0)),
            '`' => out.push_str(&text[..whole.0]),
            '\'' => out.push_str(&text[whole.1..]),
            '\\' => out.push('\\'),
            'k' if rest[1..].starts_with('<') && rest.contains('>') => {
                let end = rest.find('>').unwrap_or(rest.len());
                let name = &rest[2..end];
                let position = names.iter().position(|known| known.as_deref() == Some(name));
                out.push_str(group(position.or_else(|| name.parse().ok()).unwrap_or(usize::MAX)));
                used = end + 1;
            }
            c => {
                out.push('\\');
                out.push(c);
            }
        }
        rest = &rest[used..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, pattern: &str) -> Vec<String> {
        split_text(text, &Regex::new(pattern).unwrap()).unwrap()
    }

    #[test]
    fn splits_as_ruby_does() {
        assert_eq!(parts("a,b,,c,,", ","), ["a", "b", "", "c"]);
        assert_eq!(parts(",a", ","), ["", "a"]);
        assert_eq!(parts("abc", ""), ["a", "b", "c"]);
        assert_eq!(parts("a1b2c", r"(\d)"), ["a", "1", "b", "2", "c"]);
        assert_eq!(parts("a b  c", " "), ["a", "b", "", "c"]);
        assert_eq!(parts("aXbc", "X*"), ["a", "b", "c"]);
        assert!(parts("", ",").is_empty());
    }

    #[test]
    fn substitutes_as_ruby_does() {
        let regex = Regex::new("(?<x>b+)").unwrap();
        assert_eq!(substitute("abba", &regex, &r"[\1\0\k<x>\\]".into(), true).unwrap(), r"a[bbbbbb\]a");
        let regex = Regex::new("a").unwrap();
        assert_eq!(substitute("aa", &regex, &"b".into(), false).unwrap(), "ba");
    }
}
