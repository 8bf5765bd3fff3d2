//! `@(END)` and the text on the lines after it.

use super::escape::Escapes;
use super::locator::Locator;
use super::slurp::Style;
use super::{Fault, Lexer, MAX_INTERPOLATION_DEPTH, Step, TokenKind, is_blank};
use std::sync::Arc;

/// What stands in the parentheses.
struct Tag<'a> {
    end_tag: &'a str,
    interpolate: bool,
    syntax: &'a str,
    escapes: Option<&'a str>,
}

/// How the line with the end tag begins.
struct EndLine<'a> {
    /// The blanks before `|`, which are cut from each line.
    margin: Option<&'a str>,
    /// `-`: the last line break doesn't count.
    trim: bool,
}

impl Lexer<'_> {
    /// A heredoc: its tag here, its text after this line's end.
    pub(super) fn heredoc(&mut self) -> Result<Step, Fault> {
        let start = self.pos;
        let Some(close) = self.rest().find(')') else {
            let message = format!("Unclosed parenthesis after '@(' followed by '{}'", self.followed_by());
            return Err(Fault { message, at: start, resume: None });
        };
        let after_tag = start + close + 1;
        self.pos = after_tag;
        self.matched = Some((start, after_tag));
        let fault = |message: &str| Fault { message: message.to_string(), at: after_tag, resume: None };
        // Puppet takes the first tag that is well formed up to the parenthesis, even one on a later line.
        let spec = &self.text[start..after_tag - 1];
        let tag = spec
            .match_indices("@(")
            .find_map(|(at, opening)| parse_tag(&spec[at + opening.len()..]))
            .ok_or_else(|| fault("Invalid syntax in heredoc expected @(endtag[:syntax][/escapes])"))?;
        if tag.end_tag.is_empty() {
            return Err(fault("Heredoc with an empty endtag"));
        }
        let escapes = parse_escapes(tag.escapes).map_err(|message| fault(&message))?;
        self.push(TokenKind::Heredoc, Some(Arc::from(tag.syntax)), start, after_tag - start);

        let text_start = match self.newline_jump {
            Some(jump) => jump,
            None => match self.rest().find('\n') {
                Some(length) => after_tag + length + 1,
                None => return Err(fault("Heredoc without any following lines of text")),
            },
        };
        let Some((lines, end_line, jump)) = find_end(self.text, text_start, tag.end_tag) else {
            let at = text_start;
            return Err(Fault::new("Heredoc without end-tagged line", at, self.text.len()));
        };
        self.newline_jump = Some(jump);
        let (text, margins) = cut_margin(&lines, &end_line);
        self.lex_text(&text, text_start, &margins, escapes, tag.interpolate)?;
        self.pos = after_tag;
        Ok(Step::Queued)
    }

    /// Lexes the text with a lexer of its own, whose positions are mapped back to this text.
    fn lex_text(
        &mut self,
        text: &str,
        start: usize,
        margins: &[usize],
        escapes: Escapes,
        interpolate: bool,
    ) -> Result<(), Fault> {
        if self.depth >= MAX_INTERPOLATION_DEPTH {
            return Err(Fault::new("Interpolation is nested too deep", self.pos, self.text.len()));
        }
        let style = match (interpolate, escapes.chars.contains('$')) {
            (true, true) => Style::HeredocEscaped,
            (true, false) => Style::HeredocPlain,
            (false, _) => Style::Verbatim,
        };
        let parent = self.locator.clone();
        let mut inner =
            Lexer::new(text, self.file, self.tasks, Locator::heredoc(&parent, text, start, margins));
        inner.escapes = escapes;
        inner.depth = self.depth + 1;
        inner.first_on_line = false;
        let result = inner.interpolate(style, 0);
        let (tokens, warnings) = (inner.tokens, inner.warnings);
        if let Err(fault) = result {
            // The fault's position is one of the inner text; what was mapped is a position in the file.
            let at = Locator::heredoc(&Locator::root(), text, start, margins).global(fault.at);
            return Err(Fault { message: fault.message, at, resume: self.newline_jump });
        }
        self.tokens.extend(tokens);
        self.warnings.extend(warnings);
        Ok(())
    }
}

/// The lines up to the one with the end tag, and where the line after that starts.
fn find_end<'t>(text: &'t str, from: usize, end_tag: &str) -> Option<(Vec<&'t str>, EndLine<'t>, usize)> {
    let mut lines = Vec::new();
    let mut at = from;
    for line in text.get(from..)?.split_inclusive('\n') {
        at += line.len();
        if let Some(end_line) = parse_end_line(line, end_tag) {
            return Some((lines, end_line, at));
        }
        lines.push(line);
    }
    None
}

/// `endtag`, `"endtag"`, `endtag:syntax`, `endtag/escapes`.
fn parse_tag(spec: &str) -> Option<Tag<'_>> {
    let end = spec.find([':', '/', '\r', '\n']).unwrap_or(spec.len());
    let (end_tag, mut rest) = spec.split_at(end);
    if end_tag.is_empty() {
        return None;
    }
    let mut syntax = "";
    if let Some(after) = rest.strip_prefix(':') {
        let after = after.trim_start_matches(is_blank);
        let length =
            after.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+')).count();
        if length < 2 || !after.as_bytes()[0].is_ascii_lowercase() {
            return None;
        }
        syntax = &after[..length];
        rest = after[length..].trim_start_matches(is_blank);
    }
    let mut escapes = None;
    if let Some(after) = rest.strip_prefix('/') {
        let length = after.bytes().take_while(|b| super::is_word_byte(*b) || *b == b'$').count();
        escapes = Some(&after[..length]);
        rest = after[length..].trim_start_matches(is_blank);
    }
    if !rest.is_empty() {
        return None;
    }
    let end_tag = end_tag.trim();
    let quoted = end_tag.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
    Some(Tag { end_tag: quoted.map_or(end_tag, str::trim), interpolate: quoted.is_some(), syntax, escapes })
}

fn parse_escapes(spec: Option<&str>) -> Result<Escapes, String> {
    let Some(spec) = spec else { return Ok(Escapes::default()) };
    let spec = if spec.is_empty() { "trnsuL$" } else { spec };
    let chars: Vec<String> = spec.chars().map(String::from).collect();
    if chars.iter().enumerate().any(|(index, c)| chars[..index].contains(c)) {
        let shown = chars.join(", ");
        return Err(format!("An escape char for @() may only appear once. Got '{shown}'"));
    }
    if let Some(bad) = spec.chars().find(|c| !"trnsuL$".contains(*c)) {
        return Err(format!("Invalid heredoc escape char. Only t, r, n, s,  u, L, $ allowed. Got '{bad}'"));
    }
    let known = spec.chars().filter(|c| *c != 'L');
    Ok(Escapes {
        chars: std::iter::once('\\').chain(known).collect(),
        line_breaks: spec.contains('L'),
        warn: false,
    })
}

/// A line that ends with the end tag ends the heredoc, whatever stands before the tag: so Puppet has it.
fn parse_end_line<'a>(line: &'a str, end_tag: &str) -> Option<EndLine<'a>> {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut before = line.trim_end_matches(is_blank).strip_suffix(end_tag)?;
    let mut trim = false;
    let mut margin = None;
    if let Some(rest) = before.trim_end_matches(is_blank).strip_suffix('-') {
        trim = true;
        before = rest;
    }
    if let Some(rest) = before.trim_end_matches(is_blank).strip_suffix('|') {
        margin = Some(&rest[rest.trim_end_matches(is_blank).len()..]);
    }
    Some(EndLine { margin, trim })
}

/// The text, and how many bytes were cut from each line. A line with text in the margin stays as it is.
fn cut_margin(lines: &[&str], end_line: &EndLine<'_>) -> (String, Vec<usize>) {
    let margin = end_line.margin.unwrap_or("");
    let mut text = String::new();
    let mut cut = Vec::with_capacity(lines.len());
    for line in lines {
        let kept = line.strip_prefix(margin).unwrap_or(line);
        cut.push(line.len() - kept.len());
        text.push_str(kept);
    }
    if end_line.trim && text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    (text, cut)
}
