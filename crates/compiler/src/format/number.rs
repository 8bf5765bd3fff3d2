//! Numbers from text and to text, as Ruby and Puppet do it.

/// A number that text can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Int(i64),
    Float(f64),
}

/// A float as Ruby prints it: shortest digits that read back alike, never without a point.
pub fn float(x: f64) -> String {
    if x.is_nan() {
        return "NaN".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = x.abs();
    if magnitude == 0.0 || (1e-4..1e15).contains(&magnitude) {
        let text = format!("{x}");
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = if digits.contains('.') { digits.to_owned() } else { format!("{digits}.0") };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The number that Puppet sees in a text (in arithmetic, as an index): decimal, hexadecimal `0x`, octal `0`,
/// floating point, with a sign and blanks around. `None` when it isn't one or is out of range.
pub fn parse(text: &str) -> Option<Number> {
    let text = text.strip_prefix("::").unwrap_or(text);
    let blank = |c: char| c == ' ' || c == '\t';
    let trimmed = text.trim_matches(blank);
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start_matches(blank)),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed).trim_start_matches(blank)),
    };
    let signed = |n: i64| Number::Int(if negative { -n } else { n });
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let valid = !hex.is_empty() && hex.chars().all(|c| c.is_ascii_hexdigit());
        return valid.then(|| i64::from_str_radix(hex, 16).ok()).flatten().map(signed);
    }
    let whole = digits.chars().take_while(char::is_ascii_digit).count();
    if whole == 0 {
        return None;
    }
    if whole == digits.len() {
        if digits.len() > 1 && digits.starts_with('0') {
            return i64::from_str_radix(&digits[1..], 8).ok().map(signed);
        }
        return digits.parse().ok().map(signed);
    }
    if !is_fraction(&digits[whole..]) {
        return None;
    }
    // `0e5` and the like are no numbers to Puppet.
    let rest = &digits[whole..];
    let zero = digits[..whole].chars().all(|c| c == '0');
    if zero && rest.trim_start_matches('.').trim_start_matches('0').starts_with(['e', 'E']) {
        return None;
    }
    let leading = if digits[..whole].len() > 1 && digits.starts_with('0') { &digits[1..] } else { digits };
    let value: f64 = leading.parse().ok().filter(|x: &f64| x.is_finite())?;
    Some(Number::Float(if negative { -value } else { value }))
}

/// `.digits`, an exponent, or both.
fn is_fraction(text: &str) -> bool {
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('.') {
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        if digits == 0 {
            return false;
        }
        rest = &after[digits..];
    }
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix('-').unwrap_or(exponent);
            !exponent.is_empty() && exponent.chars().all(|c| c.is_ascii_digit())
        }
        None => rest.is_empty(),
    }
}

/// Ruby's `Integer(text)` / `Integer(text, radix)`: prefixes `0x`, `0b`, `0o`, `0`, underscores between digits.
pub fn ruby_integer(text: &str, radix: Option<u32>) -> Option<i64> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0B', '\x0C']);
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0b", 2), ("0o", 8), ("0d", 10)]
        .into_iter()
        .find(|(prefix, base)| lower.starts_with(prefix) && radix.is_none_or(|radix| radix == *base));
    let (base, digits) = match (prefixed, radix) {
        (Some((_, base)), _) => (base, &lower[2..]),
        (None, Some(radix)) => (radix, lower.as_str()),
        (None, None) if lower.len() > 1 && lower.starts_with('0') => (8, lower[1..].trim_start_matches('_')),
        (None, None) => (10, lower.as_str()),
    };
    let badly_joined = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if digits.is_empty() || badly_joined || digits.starts_with(['+', '-']) {
        return None;
    }
    let joined: String = digits.chars().filter(|c| *c != '_').collect();
    let value = i128::from_str_radix(&joined, base).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Ruby's `Float(text)`.
pub fn ruby_float(text: &str) -> Option<f64> {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\r', '\x0B', '\x0C']);
    let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if unsigned.starts_with("0x") || unsigned.starts_with("0X") {
        return ruby_integer(trimmed, Some(16)).map(|n| n as f64);
    }
    let whole = unsigned.chars().take_while(char::is_ascii_digit).count();
    let rest = &unsigned[whole..];
    let plain = rest.replace("e+", "e").replace("E+", "E");
    if whole == 0 || !(rest.is_empty() || is_fraction(&plain)) {
        return None;
    }
    trimmed.parse().ok()
}

/// Ruby's `to_i`: leading digits, zero without any.
pub fn leading_integer(text: &str) -> i64 {
    let trimmed = text.trim_start();
    let (negative, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let value: i64 = digits[..end].parse().unwrap_or(if end == 0 { 0 } else { i64::MAX });
    if negative { -value } else { value }
}

/// Ruby's `to_f`: the leading number, zero without any.
pub fn leading_float(text: &str) -> f64 {
    let trimmed = text.trim_start();
    (1..=trimmed.len())
        .rev()
        .filter(|end| trimmed.is_char_boundary(*end))
        .find_map(|end| {
            let part = &trimmed[..end];
            let numeric =
                part.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
            (numeric && !part.ends_with('.')).then(|| part.parse().ok()).flatten()
        })
        .unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_ruby_prints_them() {
        for (x, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e20, "1.0e+20"),
            (1.5e-7, "1.5e-07"),
            (123456789.125, "123456789.125"),
            (1e14, "100000000000000.0"),
            (1e15, "1.0e+15"),
            (1e16, "1.0e+16"),
            (0.0001, "0.0001"),
            (0.00001, "1.0e-05"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float(x), text);
        }
    }

    #[test]
    fn numbers_in_text() {
        assert_eq!(parse("10"), Some(Number::Int(10)));
        assert_eq!(parse(" - 0x1F "), Some(Number::Int(-31)));
        assert_eq!(parse("017"), Some(Number::Int(15)));
        assert_eq!(parse("1.5e-3"), Some(Number::Float(0.0015)));
        assert_eq!(parse("1."), None);
        assert_eq!(parse("08"), None);
        assert_eq!(parse("abc"), None);
        assert_eq!(ruby_integer("0b101", None), Some(5));
        assert_eq!(ruby_integer("1_000", None), Some(1000));
        assert_eq!(ruby_integer("0x1f", Some(16)), Some(31));
        assert_eq!(ruby_integer("z", None), None);
    }
}
