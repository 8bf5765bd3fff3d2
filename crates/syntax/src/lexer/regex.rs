//! What begins with a slash: comment, division, regular expression.

use super::{Fault, Lexer, Step, TokenKind};
use std::sync::Arc;

impl Lexer<'_> {
    /// `/* … */`, `/ … /` where an operand may stand, else division.
    pub(super) fn slash(&mut self) -> Result<Step, Fault> {
        if self.at(1) == b'*' {
            return match self.rest()[2..].find("*/") {
                Some(length) => {
                    self.matched = Some((self.pos, self.pos + length + 4));
                    self.pos += length + 4;
                    Ok(Step::Nothing)
                }
                None => Err(Fault::new("Unclosed multiline comment", self.pos, self.text.len())),
            };
        }
        if !self.after.is_none_or(TokenKind::allows_regex) {
            return Ok(self.emit(TokenKind::Div));
        }
        let start = self.pos;
        let mut escaped = false;
        for (offset, byte) in self.bytes[start + 1..].iter().enumerate() {
            match byte {
                b'/' if !escaped => {
                    self.pos = start + offset + 2;
                    self.matched = Some((start, self.pos));
                    let pattern = self.text[start + 1..self.pos - 1].replace("\\/", "/");
                    return Ok(self.emit_text(TokenKind::Regex, Arc::from(pattern), start));
                }
                b'\\' => escaped = !escaped,
                _ => escaped = false,
            }
        }
        Ok(self.emit(TokenKind::Div))
    }
}
