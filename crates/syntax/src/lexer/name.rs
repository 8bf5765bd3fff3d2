//! Names, bare words, keywords, type references and variables.

use super::{Fault, Lexer, Step, TokenKind, is_word_byte};
use std::sync::Arc;

impl Lexer<'_> {
    /// A lower-case word: name, keyword, or bare word if it has a hyphen or starts with an underscore.
    pub(super) fn word(&mut self) -> Step {
        let start = self.pos;
        self.pos = bare_word_end(self.bytes, start);
        self.matched = Some((start, self.pos));
        let text = &self.text[start..self.pos];
        if !is_name(text) {
            return self.emit_text(TokenKind::Word, Arc::from(text), start);
        }
        match TokenKind::keyword(text, self.tasks) {
            Some(kind) => {
                self.push(kind, None, start, text.len());
                Step::Token
            }
            None => self.emit_text(TokenKind::Name, Arc::from(text), start),
        }
    }

    /// After `::`: an absolute name or type reference.
    pub(super) fn absolute_name(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        if self.at(2).is_ascii_uppercase() {
            self.pos = class_reference_end(self.bytes, start);
            self.matched = Some((start, self.pos));
            if self.rest().starts_with("::") {
                return Err(Fault::new(
                    "Illegal fully qualified class reference",
                    self.pos + 3,
                    self.after_name(),
                ));
            }
            let text = Arc::from(&self.text[start..self.pos]);
            return Ok(self.emit_text(TokenKind::ClassRef, text, start));
        }
        let end = bare_word_end(self.bytes, start);
        if end == start {
            return Err(Fault::new("Illegal fully qualified name", start + 2, start + 2));
        }
        self.pos = end;
        self.matched = Some((start, end));
        let text = &self.text[start..end];
        let kind = if is_name(text) { TokenKind::Name } else { TokenKind::Word };
        Ok(self.emit_text(kind, Arc::from(text), start))
    }

    /// An upper-case word.
    pub(super) fn class_reference(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        self.pos = class_reference_end(self.bytes, start);
        self.matched = Some((start, self.pos));
        if self.rest().starts_with("::") {
            return Err(Fault::new("Illegal class reference", self.pos + 1, self.after_name()));
        }
        let text = Arc::from(&self.text[start..self.pos]);
        Ok(self.emit_text(TokenKind::ClassRef, text, start))
    }

    /// Past everything that could belong to a name.
    fn after_name(&self) -> usize {
        let rest = &self.bytes[self.pos..];
        self.pos + rest.iter().position(|&b| !is_word_byte(b) && b != b':').unwrap_or(rest.len())
    }

    /// `$name`; a lone `$` is a variable without a name, which validation refuses.
    pub(super) fn variable(&mut self) -> Step {
        let start = self.pos;
        match variable_end(self.bytes, start + 1) {
            Some(end) => {
                self.pos = end;
                self.matched = Some((start, end));
                let name = Arc::from(&self.text[start + 1..end]);
                self.emit_text(TokenKind::Variable, name, start)
            }
            None => {
                self.pos += 1;
                self.matched = None;
                self.emit_text(TokenKind::Variable, Arc::from(""), start)
            }
        }
    }
}

/// End of the variable name that starts at `start` (after the `$`), if there is one.
pub(super) fn variable_end(bytes: &[u8], start: usize) -> Option<usize> {
    let segment = |from: usize| {
        let length = bytes.get(from..)?.iter().take_while(|&&b| is_word_byte(b)).count();
        (length > 0).then_some(from + length)
    };
    let mut end = if bytes.get(start..)?.starts_with(b"::") { segment(start + 2)? } else { segment(start)? };
    while bytes[end..].starts_with(b"::") {
        match segment(end + 2) {
            Some(next) => end = next,
            None => break,
        }
    }
    Some(end)
}

/// End of the bare word that starts at `start`; `start` itself if there is none.
fn bare_word_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        let from = if bytes[end..].starts_with(b"::") { end + 2 } else { end };
        match bytes.get(from) {
            Some(b'a'..=b'z' | b'_') => {}
            _ => return end,
        }
        // Hyphens may stand inside, not at the end.
        let run = bytes[from..].iter().take_while(|&&b| is_word_byte(b) || b == b'-').count();
        let mut segment = &bytes[from..from + run];
        while let [head @ .., b'-'] = segment {
            segment = head;
        }
        end = from + segment.len();
        if segment.len() < run {
            return end;
        }
    }
}

/// End of the type reference that starts at `start`, where one does start.
fn class_reference_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        let from = if bytes[end..].starts_with(b"::") { end + 2 } else { end };
        match bytes.get(from) {
            Some(b'A'..=b'Z') => end = from + bytes[from..].iter().take_while(|&&b| is_word_byte(b)).count(),
            _ => return end,
        }
    }
}

/// `foo`, `foo::bar`, `::foo`: each segment starts with a lower-case letter and has no hyphen.
fn is_name(text: &str) -> bool {
    let relative = text.strip_prefix("::").unwrap_or(text);
    relative.split("::").all(|segment| {
        segment.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && segment.bytes().all(is_word_byte)
    })
}
