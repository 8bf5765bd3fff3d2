//! `sprintf`, as Ruby's `Kernel#format` does it.

use super::number::{ruby_float, ruby_integer};
use super::ruby;
use crate::value::{Key, Value};

#[derive(Clone, Copy, Default)]
struct Flags {
    space: bool,
    alternative: bool,
    plus: bool,
    left: bool,
    zero: bool,
}

/// A directive between `%` and its letter.
#[derive(Default)]
struct Spec {
    flags: Flags,
    width: Option<usize>,
    precision: Option<usize>,
}

struct Arguments<'a> {
    values: &'a [Value],
    next: usize,
    /// `numbered` or `named` once one was asked for that way: then all must be.
    mode: &'static str,
}

impl<'a> Arguments<'a> {
    fn take(&mut self) -> Result<&'a Value, String> {
        if !self.mode.is_empty() {
            return Err(format!("unnumbered({}) mixed with {}", self.next + 1, self.mode));
        }
        let value = self.values.get(self.next).ok_or("too few arguments")?;
        self.next += 1;
        Ok(value)
    }

    fn at(&mut self, number: usize) -> Result<&'a Value, String> {
        if self.next > 0 {
            return Err(format!("numbered({number}) after unnumbered({})", self.next));
        }
        if self.mode == "named" {
            return Err(format!("numbered({number}) after named"));
        }
        self.mode = "numbered";
        number.checked_sub(1).and_then(|i| self.values.get(i)).ok_or_else(|| "too few arguments".to_owned())
    }

    fn named(&mut self, name: &str, shown: &str) -> Result<&'a Value, String> {
        if self.next > 0 {
            return Err(format!("named{shown} after unnumbered({})", self.next));
        }
        if self.mode == "numbered" {
            return Err(format!("named{shown} after numbered"));
        }
        self.mode = "named";
        match self.values {
            [Value::Hash(hash)] => hash.get(&Key(name)).ok_or_else(|| format!("key{shown} not found")),
            _ => Err("one hash required".to_owned()),
        }
    }
}

/// Formats the arguments.
///
/// # Errors
/// Ruby's texts: `too few arguments`, `malformed format string - %y`, `invalid value for Integer(): "a"` …
pub fn sprintf(format: &str, values: &[Value]) -> Result<String, String> {
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::new();
    let mut arguments = Arguments { values, next: 0, mode: "" };
    let mut at = 0;
    while at < chars.len() {
        if chars[at] != '%' {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        at += 1;
        let mut spec = Spec::default();
        let mut given: Option<&Value> = None;
        loop {
            let Some(c) = chars.get(at).copied() else {
                return Err("incomplete format specifier; use %% (double %) instead".to_owned());
            };
            at += 1;
            match c {
                ' ' => spec.flags.space = true,
                '#' => spec.flags.alternative = true,
                '+' => spec.flags.plus = true,
                '-' => spec.flags.left = true,
                '0' => spec.flags.zero = true,
                '1'..='9' => {
                    let number = number_at(&chars, &mut at, c)?;
                    if chars.get(at) == Some(&'$') {
                        at += 1;
                        given = Some(arguments.at(number)?);
                    } else {
                        spec.width = Some(number);
                    }
                }
                '*' => {
                    let width = integer(arguments.take()?)?;
                    spec.flags.left |= width < 0;
                    spec.width = Some(width.unsigned_abs() as usize);
                }
                '.' => {
                    let mut precision = 0;
                    if chars.get(at) == Some(&'*') {
                        at += 1;
                        precision = usize::try_from(integer(arguments.take()?)?).unwrap_or(0);
                    } else if let Some(first) = chars.get(at).copied().filter(char::is_ascii_digit) {
                        at += 1;
                        precision = number_at(&chars, &mut at, first)?;
                    }
                    spec.precision = Some(precision);
                }
                '<' | '{' => {
                    let end = if c == '<' { '>' } else { '}' };
                    let close = chars[at..].iter().position(|c| *c == end).map(|i| at + i);
                    let close = close.ok_or("malformed name - unmatched parenthesis")?;
                    let name: String = chars[at..close].iter().collect();
                    at = close + 1;
                    let found = arguments.named(&name, &format!("{c}{name}{end}"))?;
                    if c == '{' {
                        out.push_str(&pad(&text(&ruby::to_s(found), &spec), &spec));
                        break;
                    }
                    given = Some(found);
                }
                '%' => {
                    out.push('%');
                    break;
                }
                '\n' | '\0' => {
                    out.push('%');
                    out.push(c);
                    break;
                }
                letter => {
                    if !"diufeEgGaAxXobBspc".contains(letter) {
                        return Err(format!("malformed format string - %{letter}"));
                    }
                    let value = match given {
                        Some(value) => value,
                        None => arguments.take()?,
                    };
                    out.push_str(&directive(letter, &spec, value)?);
                    break;
                }
            }
        }
    }
    Ok(out)
}

fn number_at(chars: &[char], at: &mut usize, first: char) -> Result<usize, String> {
    let mut number = first as usize - '0' as usize;
    while let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(10)) {
        number = number * 10 + digit as usize;
        if number > 1_000_000 {
            return Err("width too big".to_owned());
        }
        *at += 1;
    }
    Ok(number)
}

fn directive(letter: char, spec: &Spec, value: &Value) -> Result<String, String> {
    Ok(match letter {
        's' => pad(&text(&ruby::to_s(value), spec), spec),
        'p' => pad(&text(&ruby::inspect(value), spec), spec),
        'c' => {
            let c = match value {
                Value::String(text) => {
                    let mut chars = text.chars();
                    chars.next().filter(|_| chars.next().is_none()).ok_or("%c requires a character")?
                }
                other => {
                    let code = integer(other)?;
                    u32::try_from(code).ok().and_then(char::from_u32).ok_or("invalid character")?
                }
            };
            pad(&c.to_string(), spec)
        }
        'd' | 'i' | 'u' => {
            let n = integer(value)?;
            number(&sign(n < 0, spec.flags), "", &n.unsigned_abs().to_string(), spec, spec.precision)
        }
        'x' | 'X' | 'o' | 'b' | 'B' => radix(letter, spec, integer(value)?),
        'f' | 'e' | 'E' | 'g' | 'G' => {
            let x = floating(value)?;
            let digits = if x.is_finite() {
                float_digits(letter, spec, x.abs())
            } else if x.is_nan() {
                "NaN".to_owned()
            } else {
                "Inf".to_owned()
            };
            let sign = sign(x.is_sign_negative() && !x.is_nan(), spec.flags);
            if x.is_finite() {
                number(&sign, "", &digits, spec, None)
            } else {
                pad(&format!("{sign}{digits}"), spec)
            }
        }
        'a' | 'A' if spec.precision.is_none() => {
            let x = floating(value)?;
            let digits = hexadecimal(x.abs()).ok_or("%a of this number is not supported by Bunraku yet")?;
            let digits = if letter == 'A' { digits.to_uppercase() } else { digits };
            pad(&format!("{}{digits}", sign(x.is_sign_negative(), spec.flags)), spec)
        }
        other => return Err(format!("%{other} with a precision is not supported by Bunraku yet")),
    })
}

fn text(text: &str, spec: &Spec) -> String {
    match spec.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    }
}

fn pad(text: &str, spec: &Spec) -> String {
    let width = spec.width.unwrap_or(0);
    if spec.flags.left { format!("{text:<width$}") } else { format!("{text:>width$}") }
}

fn sign(negative: bool, flags: Flags) -> String {
    match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    }
    .to_owned()
}

/// Sign, prefix and digits, filled to width and (least digits) precision.
fn number(sign: &str, prefix: &str, digits: &str, spec: &Spec, least: Option<usize>) -> String {
    let mut digits = digits.to_owned();
    if let Some(least) = least {
        digits = format!("{digits:0>least$}");
    } else if spec.flags.zero && !spec.flags.left {
        let width = spec.width.unwrap_or(0).saturating_sub(sign.len() + prefix.len());
        digits = format!("{digits:0>width$}");
    }
    pad(&format!("{sign}{prefix}{digits}"), spec)
}

fn radix(letter: char, spec: &Spec, n: i128) -> String {
    let base: u32 = match letter {
        'x' | 'X' => 16,
        'o' => 8,
        _ => 2,
    };
    let prefix = match (spec.flags.alternative && n != 0, letter) {
        (false, _) => "",
        (true, 'x') => "0x",
        (true, 'X') => "0X",
        (true, 'o') => "0",
        (true, 'b') => "0b",
        (true, _) => "0B",
    };
    let digits = |mut n: u128| {
        let mut digits = Vec::new();
        loop {
            digits.push(char::from_digit((n % u128::from(base)) as u32, base).unwrap_or('0'));
            n /= u128::from(base);
            if n == 0 {
                break;
            }
        }
        digits.iter().rev().collect::<String>()
    };
    let cased = |text: String| if letter == 'X' { text.to_uppercase() } else { text };
    if n >= 0 || spec.flags.plus || spec.flags.space {
        return number(
            &sign(n < 0, spec.flags),
            prefix,
            &cased(digits(n.unsigned_abs())),
            spec,
            spec.precision,
        );
    }
    // A negative number without sign is shown in two's complement, as if it went on to the left for ever.
    let top = char::from_digit(base - 1, base).unwrap_or('0');
    let modulus = {
        let mut modulus = u128::from(base);
        while modulus < n.unsigned_abs() {
            modulus *= u128::from(base);
        }
        modulus
    };
    let complement = digits(modulus - n.unsigned_abs());
    let width = digits(modulus - 1).len();
    let filled = format!("{complement:0>width$}");
    let shown = format!("{top}{}", filled.trim_start_matches(top));
    if let Some(least) = spec.precision.or(spec.width.filter(|_| spec.flags.zero && !spec.flags.left)) {
        let least = least.saturating_sub(if spec.precision.is_some() { 2 } else { prefix.len() + 2 });
        let fill: String = std::iter::repeat_n(top, least.saturating_sub(shown.len())).collect();
        return pad(&format!("{prefix}..{}", cased(format!("{fill}{shown}"))), spec);
    }
    pad(&format!("{prefix}..{}", cased(shown)), spec)
}

fn float_digits(letter: char, spec: &Spec, x: f64) -> String {
    let precision = spec.precision.unwrap_or(6);
    match letter {
        'f' => {
            let text = format!("{x:.precision$}");
            if precision == 0 && spec.flags.alternative { format!("{text}.") } else { text }
        }
        'e' | 'E' => {
            let text = exponential(x, precision);
            if letter == 'E' { text.to_uppercase() } else { text }
        }
        _ => {
            let digits = precision.max(1);
            let scientific = exponential(x, digits - 1);
            let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
            let fixed = exponent >= -4 && exponent < digits as i32;
            let mut text = if fixed {
                format!("{x:.*}", (digits as i32 - 1 - exponent).max(0) as usize)
            } else {
                scientific
            };
            if !spec.flags.alternative {
                let (mantissa, exponent) = match text.split_once('e') {
                    Some((mantissa, exponent)) => (mantissa.to_owned(), format!("e{exponent}")),
                    None => (text.clone(), String::new()),
                };
                let mantissa = match mantissa.contains('.') {
                    true => mantissa.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    false => mantissa,
                };
                text = format!("{mantissa}{exponent}");
            }
            if letter == 'G' { text.to_uppercase() } else { text }
        }
    }
}

/// `0x1.8p+1`; none for subnormal numbers and what is no number.
fn hexadecimal(x: f64) -> Option<String> {
    if x == 0.0 {
        return Some("0x0p+0".to_owned());
    }
    if !x.is_normal() {
        return None;
    }
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1023;
    let mantissa = format!("{:013x}", bits & ((1 << 52) - 1));
    let mantissa = mantissa.trim_end_matches('0');
    let point = if mantissa.is_empty() { "" } else { "." };
    Some(format!("0x1{point}{mantissa}p{exponent:+}"))
}

fn exponential(x: f64, precision: usize) -> String {
    let text = format!("{x:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn integer(value: &Value) -> Result<i128, String> {
    match value {
        Value::Int(n) => Ok(i128::from(*n)),
        Value::Float(x) if x.is_finite() => Ok(x.floor() as i128),
        Value::Float(x) => Err(super::float(*x)),
        Value::String(text) => ruby_integer(text, None)
            .map(i128::from)
            .ok_or_else(|| format!("invalid value for Integer(): {}", ruby::inspect_string(text))),
        Value::Timespan(span) | Value::Timestamp(span) => Ok(span.div_euclid(super::timespan::SECOND)),
        other => Err(unconvertible(other, "Integer")),
    }
}

fn floating(value: &Value) -> Result<f64, String> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Float(x) => Ok(*x),
        Value::String(text) => ruby_float(text)
            .ok_or_else(|| format!("invalid value for Float(): {}", ruby::inspect_string(text))),
        Value::Timespan(span) | Value::Timestamp(span) => Ok(*span as f64 / super::timespan::SECOND as f64),
        other => Err(unconvertible(other, "Float")),
    }
}

fn unconvertible(value: &Value, class: &str) -> String {
    let name = match value {
        Value::Undef => "nil".to_owned(),
        Value::Bool(value) => value.to_string(),
        other => crate::types::ruby_class(other),
    };
    format!("can't convert {name} into {class}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(format: &str, value: impl Into<Value>) -> String {
        sprintf(format, &[value.into()]).unwrap()
    }

    #[test]
    fn formats_as_ruby_does() {
        assert_eq!(format("%05d|", 42), "00042|");
        assert_eq!(format("%-5d|", 42), "42   |");
        assert_eq!(format("%+d", 42), "+42");
        assert_eq!(format("%x", 255), "ff");
        assert_eq!(format("%#X", 255), "0XFF");
        assert_eq!(format("%x", -255), "..f01");
        assert_eq!(format("%b", -5), "..1011");
        assert_eq!(format("%.2f", 1.005), "1.00");
        assert_eq!(format("%e", 12345.678), "1.234568e+04");
        assert_eq!(format("%g", 0.0001), "0.0001");
        assert_eq!(format("%g", 1e10), "1e+10");
        assert_eq!(format("%10.3s|", "abcdef"), "       abc|");
        assert_eq!(format("%s", Value::array(vec!["a".into(), Value::Undef])), "[\"a\", nil]");
        assert_eq!(format("%d", "0x1f"), "31");
        assert_eq!(sprintf("%2$s %1$s", &["a".into(), "b".into()]).unwrap(), "b a");
        let hash = Value::hash([("x".into(), 5.into())]);
        assert_eq!(sprintf("%<x>03d %{x}", &[hash]).unwrap(), "005 5");
        assert_eq!(sprintf("%d", &[]).unwrap_err(), "too few arguments");
        assert_eq!(sprintf("%y", &[1.into()]).unwrap_err(), "malformed format string - %y");
    }
}
