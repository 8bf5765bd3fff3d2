//! Numbers. A digit always begins a number, never a name.

use super::{Fault, Lexer, Step, TokenKind, is_word_byte};
use std::sync::Arc;

impl Lexer<'_> {
    /// Decimal, octal, hexadecimal, or floating point.
    pub(super) fn number(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        if let Some(end) = number_end(self.text, start) {
            self.pos = end;
            self.matched = Some((start, end));
            let text = &self.text[start..end];
            return match fault_of(text) {
                Some(message) => Err(Fault::new(message, start, end)),
                None => Ok(self.emit_text(TokenKind::Number, Arc::from(text), start)),
            };
        }
        let rest = self.bytes[start..].iter().position(|&b| !is_word_byte(b));
        let end = rest.map_or(self.text.len(), |length| start + length);
        let whole = self.whole_number(start);
        let text = &self.text[whole..end];
        Err(match fault_of(text) {
            Some(message) => Fault::new(message, whole, end),
            // Only what comes next makes it no number.
            None => Fault::new(format!("Illegal number '{text}'"), whole + 1, end),
        })
    }

    /// Where the number before a dot starts, if there is one: in `1.5e` the lexer has already passed `1.`.
    fn whole_number(&self, start: usize) -> usize {
        if start > 1 && self.bytes[start - 1] == b'.' {
            let digits = self.bytes[..start - 1].iter().rev().take_while(|b| b.is_ascii_digit()).count();
            if digits > 0 {
                return start - 1 - digits;
            }
        }
        start
    }
}

/// End of the longest number at `start` that ends at a word's end.
fn number_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize, accept: fn(&u8) -> bool| {
        from + bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|b| accept(b)).count())
    };
    let ends_word = |end: usize| {
        let next = text.get(end..).and_then(|rest| rest.chars().next());
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    };
    if bytes[start] == b'0' && matches!(bytes.get(start + 1), Some(b'x' | b'X')) {
        let end = digits(start + 2, u8::is_ascii_hexdigit);
        if end > start + 2 && ends_word(end) {
            return Some(end);
        }
    }
    let integer = digits(start, u8::is_ascii_digit);
    let fraction = match bytes.get(integer) {
        Some(b'.') => Some(digits(integer + 1, u8::is_ascii_digit)).filter(|&end| end > integer + 1),
        _ => None,
    };
    let exponent = |from: usize| {
        if !matches!(bytes.get(from), Some(b'e' | b'E')) {
            return None;
        }
        let sign = usize::from(bytes.get(from + 1) == Some(&b'-'));
        let end = digits(from + 1 + sign, u8::is_ascii_digit);
        (end > from + 1 + sign).then_some(end)
    };
    [fraction.and_then(exponent), fraction, exponent(integer), Some(integer)]
        .into_iter()
        .flatten()
        .find(|&end| ends_word(end))
}

/// What is wrong with the text of a number.
fn fault_of(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let all = |part: &[u8], accept: fn(&u8) -> bool| !part.is_empty() && part.iter().all(accept);
    match bytes {
        [b'0', b'x' | b'X', hex @ ..] => {
            (!all(hex, u8::is_ascii_hexdigit)).then(|| format!("Not a valid hex number {text}"))
        }
        [b'0', next, ..] if *next != b'.' => (!all(&bytes[1..], |b| (b'0'..=b'7').contains(b)))
            .then(|| format!("Not a valid octal number {text}")),
        _ => {
            let integer = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            match bytes.get(integer) {
                Some(b'.' | b'e' | b'E') if integer > 0 => (number_end(text, 0) != Some(text.len()))
                    .then(|| format!("Not a valid decimal number {text}")),
                None if integer > 0 => None,
                _ => Some(format!("Illegal number '{text}'")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_number_that_ends_a_word_is_taken() {
        assert_eq!(number_end("1.2.3", 0), Some(3));
        assert_eq!(number_end("1.5e", 0), Some(1));
        assert_eq!(number_end("12abc", 0), None);
        assert_eq!(number_end("0x1F.5", 0), Some(4));
        assert_eq!(number_end("0xg", 0), None);
        assert_eq!(number_end("1e-5)", 0), Some(4));
        assert_eq!(number_end("1é", 0), None);
    }

    #[test]
    fn faults_are_named_by_kind() {
        assert_eq!(fault_of("09").as_deref(), Some("Not a valid octal number 09"));
        assert_eq!(fault_of("0x").as_deref(), Some("Not a valid hex number 0x"));
        assert_eq!(fault_of("1.5e").as_deref(), Some("Not a valid decimal number 1.5e"));
        assert_eq!(fault_of("0.5e3"), None);
        assert_eq!(fault_of("0"), None);
    }
}
