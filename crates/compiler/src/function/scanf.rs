//! `scanf`: the directives `%d %i %u %f %e %g %x %o %s %c %[…] %%`, with widths and `*`.

use super::Call;
use super::dispatch::{Table, table};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::value::Value;

static SCANF: Table = table("scanf", &["String data, String format, &Callable block?"]);

pub(super) fn scanf(evaluator: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    SCANF.select(&call)?;
    let text = |i: usize| call.args[i].as_str().unwrap_or_default();
    let found = Value::array(scan(text(0), text(1)).map_err(Failure::raised)?);
    if call.lambda.is_some() {
        return call.yield_to(evaluator, vec![found]);
    }
    Ok(found)
}

/// Reads values until format or text end, or don't go together.
fn scan(data: &str, format: &str) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    let mut rest = data;
    let mut format = format;
    while let Some(c) = format.chars().next() {
        format = &format[c.len_utf8()..];
        if c.is_ascii_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if c != '%' {
            match rest.strip_prefix(c) {
                Some(after) => rest = after,
                None => break,
            }
            continue;
        }
        let skip = format.starts_with('*');
        format = format.strip_prefix('*').unwrap_or(format);
        let digits = format.chars().take_while(char::is_ascii_digit).count();
        let width = format[..digits].parse().unwrap_or(usize::MAX);
        format = &format[digits..];
        let Some(letter) = format.chars().next() else { break };
        format = &format[letter.len_utf8()..];
        let set = if letter == '[' {
            let end =
                format.get(1..).and_then(|after| after.find(']')).ok_or("] is missing in the format")? + 1;
            let set = &format[..end];
            format = &format[end + 1..];
            Some(set)
        } else {
            None
        };
        if letter == '%' {
            match rest.strip_prefix('%') {
                Some(after) => rest = after,
                None => break,
            }
            continue;
        }
        if !matches!(letter, 'c' | '[') {
            rest = rest.trim_start();
        }
        let Some((value, taken)) = one(letter, set, rest, width)? else { break };
        rest = &rest[taken..];
        if !skip {
            values.push(value);
        }
    }
    Ok(values)
}

fn one(letter: char, set: Option<&str>, rest: &str, width: usize) -> Result<Option<(Value, usize)>, String> {
    let while_true = |accept: &dyn Fn(usize, char) -> bool| {
        let count = rest.chars().take(width).enumerate().take_while(|(i, c)| accept(*i, *c)).count();
        rest.chars().take(count).map(char::len_utf8).sum::<usize>()
    };
    let sign = |i: usize, c: char| i == 0 && (c == '-' || c == '+');
    let whole = |taken: usize, radix: u32| {
        let text = rest[..taken].trim_start_matches('+');
        let text = text.strip_prefix("0x").unwrap_or(text);
        i64::from_str_radix(text, radix).ok().map(|n| (Value::Int(n), taken))
    };
    Ok(match letter {
        'd' | 'u' | 'i' => whole(while_true(&|i, c| sign(i, c) || c.is_ascii_digit()), 10),
        'x' | 'X' => {
            whole(while_true(&|i, c| sign(i, c) || c.is_ascii_hexdigit() || (i == 1 && c == 'x')), 16)
        }
        'o' => whole(while_true(&|i, c| sign(i, c) || ('0'..='7').contains(&c)), 8),
        'f' | 'e' | 'g' | 'E' | 'F' | 'G' => {
            let most = while_true(&|_, c| c.is_ascii_digit() || "+-.eE".contains(c));
            (1..=most)
                .rev()
                .find_map(|taken| rest[..taken].parse::<f64>().ok().map(|x| (Value::Float(x), taken)))
        }
        's' => {
            let taken = while_true(&|_, c| !c.is_whitespace());
            (taken > 0).then(|| (rest[..taken].into(), taken))
        }
        'c' => {
            let count = if width == usize::MAX { 1 } else { width };
            let taken: usize = rest.chars().take(count).map(char::len_utf8).sum();
            (taken > 0).then(|| (rest[..taken].into(), taken))
        }
        '[' => {
            let regex = regex::Regex::new(&format!(r"\A[{}]+", set.unwrap_or_default()))
                .map_err(|e| e.to_string())?;
            let taken = regex.find(rest).map_or(0, |found| found.end());
            let limit = while_true(&|_, _| true);
            (taken > 0).then(|| (rest[..taken.min(limit)].into(), taken.min(limit)))
        }
        other => return Err(format!("%{other} in a format of scanf is not supported by Bunraku yet")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_by_format() {
        assert_eq!(scan("10 abc", "%d %s"), Ok(vec![Value::Int(10), "abc".into()]));
        assert_eq!(scan("x10", "%d"), Ok(vec![]));
        assert_eq!(scan("1.5kg", "%f%[a-z]"), Ok(vec![Value::Float(1.5), "kg".into()]));
    }
}
