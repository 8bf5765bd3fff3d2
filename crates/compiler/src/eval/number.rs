//! Strings as numbers.

use syntax::Span;

use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::format::ruby::to_s;
use crate::value::Value;

/// Reads a number as Puppet writes them: `-10`, `0x1F`, `017`, `1.5e-3`; `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').map_or(text, str::trim_start)),
    };
    let signed = |value: i64| Some(Value::Int(if negative { -value } else { value }));
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        let plain = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return plain.then(|| i64::from_str_radix(hex, 16).ok()).flatten().and_then(signed);
    }
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    if whole == 0 {
        return None;
    }
    if whole == digits.len() {
        if digits.len() > 1 && digits.starts_with('0') {
            return i64::from_str_radix(digits, 8).ok().and_then(signed);
        }
        return digits.parse().ok().and_then(signed);
    }
    is_float(&digits[whole..])
        .then(|| digits.parse::<f64>().ok())
        .flatten()
        .map(|value| Value::Float(if negative { -value } else { value }))
}

/// What may follow the digits before the point: `.5`, `.5e3`, `e3`.
fn is_float(rest: &str) -> bool {
    let after_digits = |text: &str| {
        let count = text.bytes().take_while(u8::is_ascii_digit).count();
        (count > 0).then(|| text[count..].to_owned())
    };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => match after_digits(fraction) {
            Some(rest) => rest,
            None => return false,
        },
        None => rest.to_owned(),
    };
    if rest.is_empty() {
        return true;
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return false };
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    after_digits(exponent).is_some_and(|rest| rest.is_empty())
}

impl Evaluator<'_> {
    /// A value as a number; a string is converted with a warning.
    ///
    /// # Errors
    /// What isn't a number, blaming the operand at `span`.
    pub(crate) fn numeric(&mut self, value: Value, span: Span) -> Result<Value, Failure> {
        match &value {
            Value::Int(_) | Value::Float(_) | Value::Timespan(_) | Value::Timestamp(_) => Ok(value),
            Value::String(text) => match parse(text) {
                Some(number) => {
                    let message = format!(
                        "The string '{text}' was automatically coerced to the numerical value {number}"
                    );
                    let location = self.locate(span);
                    self.warn(&message, Some(&location));
                    Ok(number)
                }
                None => Err(self.not_numeric(&value, span)),
            },
            _ => Err(self.not_numeric(&value, span)),
        }
    }

    fn not_numeric(&self, value: &Value, span: Span) -> Failure {
        self.blame(span, format_args!("The value '{}' cannot be converted to Numeric.", to_s(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_all_radixes() {
        assert_eq!(parse("0x1F"), Some(Value::Int(31)));
        assert_eq!(parse("017"), Some(Value::Int(15)));
        assert_eq!(parse("-12"), Some(Value::Int(-12)));
        assert_eq!(parse("1.5e3"), Some(Value::Float(1500.0)));
        assert_eq!(parse("08"), None);
        assert_eq!(parse("1."), None);
        assert_eq!(parse("abc"), None);
    }
}
