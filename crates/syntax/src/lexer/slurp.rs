//! The text parts of strings: from here to the quote or the interpolation.

use super::escape::unescape;
use super::{Fault, Lexer, Step, TokenKind};
use std::sync::Arc;

/// What ended a stretch of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terminator {
    /// The closing quote, or the end of a heredoc's text.
    Closed,
    /// `$`
    Dollar,
    /// `${`
    Brace,
}

/// How a stretch of text is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `"…"`
    Quoted,
    /// A heredoc with interpolation where `\$` is an escape.
    HeredocEscaped,
    /// A heredoc with interpolation where every `$` counts.
    HeredocPlain,
    /// A heredoc without interpolation.
    Verbatim,
}

impl Lexer<'_> {
    /// `'…'`: only `\\` and `\'` are escapes.
    pub(super) fn single_quoted(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        self.pos += 1;
        let from = self.pos;
        let mut at = self.after_leading_terminator(b"'");
        loop {
            match self.bytes.get(at) {
                None => {
                    let message = format!("Unclosed quote after \"'\" followed by '{}'", self.followed_by());
                    return Err(Fault::new(message, from, self.text.len()));
                }
                Some(b'\\') => at += 2,
                Some(b'\'') => break,
                Some(_) => at += 1,
            }
        }
        self.set_matched(from, at, 1);
        self.pos = at + 1;
        let raw = &self.text[from..at];
        let text: Arc<str> = if raw.contains('\\') { unescape_single(raw).into() } else { Arc::from(raw) };
        Ok(self.emit_text(TokenKind::String, text, start))
    }

    /// The text up to the next terminator, which is passed. `None` if there is none, which only a quoted string
    /// needs; then the position stays.
    pub(super) fn slurp(&mut self, style: Style) -> Option<(String, Terminator)> {
        let from = self.pos;
        let mut at = if style == Style::Quoted { self.after_leading_terminator(b"\"$") } else { from };
        let (end, width, terminator) = loop {
            match self.bytes.get(at) {
                None if style == Style::Quoted => {
                    self.matched = None;
                    return None;
                }
                None => break (self.text.len(), 0, Terminator::Closed),
                Some(b'\\') if style != Style::HeredocPlain => at += 2,
                Some(b'"') if style == Style::Quoted => break (at, 1, Terminator::Closed),
                Some(b'$') if style != Style::Verbatim => match self.bytes.get(at + 1) {
                    Some(b'{') => break (at, 2, Terminator::Brace),
                    _ => break (at, 1, Terminator::Dollar),
                },
                Some(_) => at += 1,
            }
        };
        self.set_matched(from, end, width);
        self.pos = end + width;
        let raw = &self.text[from..end];
        if !raw.contains('\\') {
            return Some((raw.to_string(), terminator));
        }
        let escapes = self.escapes.clone();
        let mut warnings = Vec::new();
        let text = unescape(raw, &escapes, &mut warnings);
        let here = self.span(self.pos, self.pos);
        self.warnings.extend(warnings.into_iter().map(|message| crate::Diagnostic::warning(message, here)));
        Some((text, terminator))
    }

    /// Where to look for a terminator: at the current position, but after a terminator that stands there when another
    /// one follows it. Puppet's pattern takes the first for text then: `'''` is a string with a quote in it.
    fn after_leading_terminator(&self, terminators: &[u8]) -> usize {
        let mut next = self.pos + 1;
        if !self.bytes.get(self.pos).is_some_and(|byte| terminators.contains(byte)) {
            return self.pos;
        }
        while self.bytes[next..].starts_with(b"\\\\") {
            next += 2;
        }
        match self.bytes.get(next) {
            Some(byte) if terminators.contains(byte) => next,
            _ => self.pos,
        }
    }

    /// What Puppet's pattern for a terminator matches: backslashes and one more character before it, too.
    fn set_matched(&mut self, from: usize, at: usize, width: usize) {
        let before = &self.text[from..at];
        let kept = before.trim_end_matches('\\');
        let start = kept.char_indices().next_back().map_or(from, |(index, _)| from + index);
        self.matched = Some((start, at + width));
    }

    /// What the last pattern matched, in the quotes that Puppet gives it.
    pub(super) fn quoted_match(&self) -> String {
        let last = self.matched.map_or("", |(start, end)| &self.text[start..end]);
        if last == "'" { "\"'\"".to_string() } else { format!("'{last}'") }
    }
}

fn unescape_single(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('\\' | '\''))) => {
                text.push(next);
                chars.next();
            }
            _ => text.push(c),
        }
    }
    text
}
