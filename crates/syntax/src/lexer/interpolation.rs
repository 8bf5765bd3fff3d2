//! Expressions in strings.

use super::name::variable_end;
use super::slurp::{Style, Terminator};
use super::{Fault, Lexer, MAX_INTERPOLATION_DEPTH, Step, TokenKind};
use std::sync::Arc;

impl Lexer<'_> {
    /// `"…"`: one string token, or a sequence of text parts and the tokens between them.
    pub(super) fn double_quoted(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        self.matched = Some((start, start + 1));
        self.pos += 1;
        let escapes = std::mem::replace(&mut self.escapes, super::escape::Escapes::double_quoted());
        let step = self.interpolate(Style::Quoted, start);
        self.escapes = escapes;
        step
    }

    /// The text parts from the current position on, and the expressions between them. `start` is where the first
    /// token starts.
    pub(super) fn interpolate(&mut self, style: Style, start: usize) -> Result<Step, Fault> {
        let mut start = start;
        let mut first = true;
        loop {
            let (text, terminator, before_variable) = self.text_part(style)?;
            let kind = match (terminator, first) {
                (Terminator::Closed, true) => TokenKind::String,
                (Terminator::Closed, false) => TokenKind::DqPost,
                (_, true) => TokenKind::DqPre,
                (_, false) => TokenKind::DqMid,
            };
            match terminator {
                Terminator::Closed => {
                    self.emit_text(kind, Arc::from(text), start);
                    return Ok(if first { Step::Token } else { Step::Queued });
                }
                Terminator::Brace => {
                    self.emit_text(kind, Arc::from(text), start);
                    let count = self.brace_count;
                    self.brace_count += 1;
                    self.expression_until(count)?;
                }
                Terminator::Dollar => {
                    let dollar = before_variable;
                    let name: Arc<str> = Arc::from(&self.text[dollar + 1..self.pos]);
                    self.push(kind, Some(Arc::from(text)), start, dollar - start);
                    self.emit_text(TokenKind::Variable, name, dollar);
                }
            }
            first = false;
            start = self.pos;
        }
    }

    /// Text up to an interpolation or the end. A `$` that begins no variable is part of the text. For a variable,
    /// its name is passed too, and where its `$` stands is returned.
    fn text_part(&mut self, style: Style) -> Result<(String, Terminator, usize), Fault> {
        let mut text = String::new();
        loop {
            let last = self.quoted_match();
            let Some((part, terminator)) = self.slurp(style) else {
                let message = format!("Unclosed quote after {last} followed by '{}'", self.followed_by());
                return Err(Fault::new(message, self.pos, self.text.len()));
            };
            text.push_str(&part);
            if terminator != Terminator::Dollar {
                return Ok((text, terminator, 0));
            }
            let dollar = self.pos - 1;
            match variable_end(self.bytes, self.pos) {
                Some(end) => {
                    self.matched = Some((self.pos, end));
                    self.pos = end;
                    return Ok((text, terminator, dollar));
                }
                None => {
                    self.matched = None;
                    text.push('$');
                }
            }
        }
    }

    /// The tokens of `${…}` up to the brace that closes it, which is dropped. At the end of the text it just ends:
    /// the missing quote is reported then.
    fn expression_until(&mut self, brace_count: i64) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_INTERPOLATION_DEPTH {
            return Err(Fault::new("Interpolation is nested too deep", self.pos, self.text.len()));
        }
        let base = self.tokens.len();
        self.skip_blanks();
        while self.pos < self.bytes.len() {
            match self.step()? {
                Step::Nothing => {
                    self.skip_blanks();
                }
                // As in Puppet, an interpolated string in here doesn't count for telling `/` from `/`.
                Step::Queued => {}
                Step::Token => {
                    let kind = self.tokens.last().map(|token| token.kind);
                    self.after = kind;
                    if kind == Some(TokenKind::RBrace) && self.brace_count == brace_count {
                        self.tokens.pop();
                        self.name_to_variable(base);
                        break;
                    }
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// `${name}`, `${name[…]}` and `${name.method}` mean the variable, even if the name is a keyword.
    fn name_to_variable(&mut self, base: usize) {
        let second = self.tokens.get(base + 1).map(|token| token.kind);
        if !matches!(second, None | Some(TokenKind::Dot | TokenKind::LBrack)) {
            return;
        }
        if let Some(first) = self.tokens.get_mut(base)
            && (matches!(first.kind, TokenKind::Number | TokenKind::Name | TokenKind::Word)
                || first.kind.is_word())
        {
            first.text = Some(first.name());
            first.kind = TokenKind::Variable;
        }
    }
}
