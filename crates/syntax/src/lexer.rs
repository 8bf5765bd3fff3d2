//! Text → tokens.
//!
//! The whole text is turned into tokens before parsing. What can't be one becomes a [`TokenKind::Fault`], so that
//! the parser, meeting it, reports the fault in its place among the syntax errors.

mod epp;
mod escape;
mod heredoc;
mod interpolation;
mod locator;
mod name;
mod number;
mod regex;
mod slurp;
mod token;

pub(crate) use token::{Token, TokenKind};

use crate::diagnostic::Diagnostic;
use crate::span::{FileId, Span};
use epp::EppMode;
use locator::Locator;
use std::sync::Arc;

/// How deep strings may be interpolated in strings. Each level is a level of recursion.
const MAX_INTERPOLATION_DEPTH: usize = 64;

/// All the lexer found in a text.
pub(crate) struct Lexed {
    /// Ends with one [`TokenKind::End`].
    pub tokens: Vec<Token>,
    /// What the fault tokens stand for, by the number in their text.
    pub faults: Vec<Diagnostic>,
    /// Findings that don't stop parsing.
    pub warnings: Vec<Diagnostic>,
}

/// Something that can't be a token.
struct Fault {
    message: String,
    /// In bytes of the text being lexed.
    at: usize,
    /// Where lexing may go on; `None` means at the next line.
    resume: Option<usize>,
}

impl Fault {
    fn new(message: impl Into<String>, at: usize, resume: usize) -> Fault {
        Fault { message: message.into(), at, resume: Some(resume) }
    }
}

/// What one step did.
enum Step {
    /// White space or a comment.
    Nothing,
    /// One token.
    Token,
    /// Several tokens at once, or none: a string with interpolation, a heredoc, template text.
    Queued,
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    file: FileId,
    locator: Locator<'a>,
    tasks: bool,
    tokens: Vec<Token>,
    warnings: Vec<Diagnostic>,
    /// The kind that decides whether `/` divides.
    after: Option<TokenKind>,
    brace_count: i64,
    /// Where the current line starts for telling `(` at the start of a line.
    line_start: usize,
    /// Where the line after the heredocs of this line starts.
    newline_jump: Option<usize>,
    /// What the last pattern matched; Puppet's message about an unclosed quote shows it.
    matched: Option<(usize, usize)>,
    epp: EppMode,
    epp_open: bool,
    escapes: escape::Escapes,
    first_on_line: bool,
    depth: usize,
}

/// Turns a manifest into tokens.
pub(crate) fn lex(text: &str, file: FileId, tasks: bool) -> Lexed {
    let mut lexer = Lexer::new(text, file, tasks, Locator::root());
    let mut faults = Vec::new();
    lexer.skip_mark(&mut faults);
    lexer.run(&mut faults);
    lexer.finish(faults)
}

/// Turns a template into tokens.
pub(crate) fn lex_epp(text: &str, file: FileId) -> Lexed {
    let mut lexer = Lexer::new(text, file, false, Locator::root());
    let mut faults = Vec::new();
    lexer.skip_mark(&mut faults);
    lexer.push(TokenKind::EppStart, None, 0, 0);
    lexer.epp = EppMode::Text;
    if let Err(fault) = lexer.template_text(false) {
        lexer.report(fault, 1, &mut faults);
    }
    lexer.run(&mut faults);
    if lexer.epp_open {
        let end = lexer.text.len();
        let fault = Fault::new("Unbalanced epp tag, reached <eof> without closing tag.", end, end);
        let count = lexer.tokens.len();
        lexer.report(fault, count, &mut faults);
    }
    lexer.finish(faults)
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, file: FileId, tasks: bool, locator: Locator<'a>) -> Lexer<'a> {
        Lexer {
            text,
            bytes: text.as_bytes(),
            pos: 0,
            file,
            locator,
            tasks,
            tokens: Vec::with_capacity(text.len() / 6),
            warnings: Vec::new(),
            after: None,
            brace_count: 0,
            line_start: 0,
            newline_jump: None,
            matched: None,
            epp: EppMode::Off,
            epp_open: false,
            escapes: escape::Escapes::double_quoted(),
            first_on_line: true,
            depth: 0,
        }
    }

    /// A byte order mark is a fault of the whole text, without a place.
    fn skip_mark(&mut self, faults: &mut Vec<Diagnostic>) {
        if self.text.starts_with('\u{feff}') {
            let message = "Illegal UTF-8 Byte Order mark at beginning of input: [EF BB BF] - \
                           remove these from the puppet source";
            self.report(Fault::new(message, 0, 3), 0, faults);
            faults.iter_mut().for_each(|fault| fault.span = None);
        }
    }

    fn run(&mut self, faults: &mut Vec<Diagnostic>) {
        while self.pos < self.bytes.len() {
            let before = self.tokens.len();
            match self.step() {
                Ok(_) => {
                    if self.tokens.len() > before {
                        self.after = self.tokens.last().map(|token| token.kind);
                    }
                }
                Err(fault) => self.report(fault, before, faults),
            }
        }
    }

    /// Replaces the tokens of a step that failed by a fault token, and moves on.
    fn report(&mut self, fault: Fault, keep: usize, faults: &mut Vec<Diagnostic>) {
        self.tokens.truncate(keep);
        let number: Arc<str> = faults.len().to_string().into();
        let span = self.span(fault.at, fault.at);
        faults.push(Diagnostic::error(fault.message, span));
        self.push(TokenKind::Fault, Some(number), fault.at, 0);
        let next_line = || {
            let from = fault.at.max(self.pos).min(self.text.len());
            self.bytes[from..].iter().position(|&b| b == b'\n').map_or(self.text.len(), |n| from + n)
        };
        let mut resume = fault.resume.unwrap_or_else(next_line).max(self.pos).min(self.text.len());
        while !self.text.is_char_boundary(resume) {
            resume += 1;
        }
        self.pos = resume;
        self.after = None;
        self.depth = 0;
    }

    fn finish(mut self, faults: Vec<Diagnostic>) -> Lexed {
        let end = self.text.len();
        self.push(TokenKind::End, None, end, 0);
        Lexed { tokens: self.tokens, faults, warnings: self.warnings }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let start = self.locator.global(start);
        Span::new(self.file, start, self.locator.global(end).max(start))
    }

    fn push(&mut self, kind: TokenKind, text: Option<Arc<str>>, start: usize, length: usize) {
        let span = self.span(start, start + length);
        let first_on_line = std::mem::replace(&mut self.first_on_line, false);
        self.tokens.push(Token { kind, text, span, first_on_line });
    }

    /// Adds a token of fixed text at the current position and moves past it.
    fn emit(&mut self, kind: TokenKind) -> Step {
        let length = kind.symbol().len();
        self.push(kind, None, self.pos, length);
        self.pos += length;
        Step::Token
    }

    /// Adds a token that reaches from `start` to the current position.
    fn emit_text(&mut self, kind: TokenKind, text: Arc<str>, start: usize) -> Step {
        self.push(kind, Some(text), start, self.pos - start);
        Step::Token
    }

    fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    /// Moves past blanks and carriage returns.
    fn skip_blanks(&mut self) -> bool {
        let start = self.pos;
        for c in self.rest().chars() {
            if !(is_blank(c) || c == '\r') {
                break;
            }
            self.pos += c.len_utf8();
        }
        self.matched = (self.pos > start).then_some((start, self.pos));
        self.pos > start
    }

    /// What follows, as an error message shows it.
    fn followed_by(&self) -> String {
        if self.pos >= self.text.len() {
            return "<eof>".to_string();
        }
        let mut shown: String = self.rest().chars().take(5).collect();
        shown.push_str("...");
        shown.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
    }

    /// One token, or one stretch of what isn't a token. The position isn't at the end.
    fn step(&mut self) -> Result<Step, Fault> {
        use TokenKind as T;
        let next = self.at(1);
        let kind = match self.at(0) {
            b'.' => T::Dot,
            b',' => T::Comma,
            b'[' => {
                let before = self.text[..self.pos].chars().next_back();
                match before {
                    None => T::ListStart,
                    Some(c) if is_blank(c) || c == '\r' || c == '\n' => T::ListStart,
                    Some(_) => T::LBrack,
                }
            }
            b']' => T::RBrack,
            b'(' => {
                let line = self.text.get(self.line_start..self.pos).unwrap_or("x");
                if line.chars().all(|c| is_blank(c) || c == '\r') { T::WsLParen } else { T::LParen }
            }
            b')' => T::RParen,
            b';' => T::Semic,
            b'?' => T::QMark,
            b'*' => T::Times,
            b'%' if next == b'>' && self.epp != EppMode::Off => return self.close_tag(2, T::EppEnd),
            b'%' => T::Modulo,
            b'{' => {
                self.brace_count += 1;
                if self.after == Some(T::QMark) { T::SelBrace } else { T::LBrace }
            }
            b'}' => {
                self.brace_count -= 1;
                T::RBrace
            }
            b'@' => match next {
                b'@' => T::AtAt,
                b'(' => return self.heredoc(),
                _ => T::At,
            },
            b'|' => match (next, self.at(2)) {
                (b'>', b'>') => T::RrCollect,
                (b'>', _) => T::RCollect,
                _ => T::Pipe,
            },
            b'=' => match next {
                b'=' => T::IsEqual,
                b'>' => T::FArrow,
                b'~' => T::Match,
                _ => T::Equals,
            },
            b'+' => match next {
                b'=' => T::Appends,
                b'>' => T::PArrow,
                _ => T::Plus,
            },
            b'-' => match (next, self.at(2)) {
                (b'%', b'>') if self.epp != EppMode::Off => return self.close_tag(3, T::EppEndTrim),
                (b'>', _) => T::InEdge,
                (b'=', _) => T::Deletes,
                _ => T::Minus,
            },
            b'!' => match next {
                b'=' => T::NotEqual,
                b'~' => T::NoMatch,
                _ => T::Not,
            },
            b'~' => match next {
                b'>' => T::InEdgeSub,
                _ => T::Tilde,
            },
            b'<' => match (next, self.at(2)) {
                (b'<', b'|') => T::LlCollect,
                (b'<', _) => T::LShift,
                (b'=', _) => T::LessEqual,
                (b'|', _) => T::LCollect,
                (b'-', _) => T::OutEdge,
                (b'~', _) => T::OutEdgeSub,
                _ => T::LessThan,
            },
            b'>' => match next {
                b'>' => T::RShift,
                b'=' => T::GreaterEqual,
                _ => T::GreaterThan,
            },
            b':' if next == b':' => return self.absolute_name(),
            b':' => T::Colon,
            b'#' => {
                self.pos +=
                    self.bytes[self.pos..].iter().position(|&b| b == b'\n').unwrap_or(self.rest().len());
                return Ok(Step::Nothing);
            }
            b'/' => return self.slash(),
            b'$' => return Ok(self.variable()),
            b'"' => return self.double_quoted(),
            b'\'' => return self.single_quoted(),
            b'\n' => {
                self.pos = self.newline_jump.take().unwrap_or(self.pos + 1);
                self.line_start = self.pos;
                self.first_on_line = true;
                return Ok(Step::Nothing);
            }
            b'0'..=b'9' => return self.number(),
            b'a'..=b'z' | b'_' => return Ok(self.word()),
            b'A'..=b'Z' => return self.class_reference(),
            _ => {
                if self.skip_blanks() {
                    return Ok(Step::Nothing);
                }
                let start = self.pos;
                self.pos += self.rest().chars().next().map_or(1, char::len_utf8);
                return Ok(self.emit_text(T::Other, Arc::from(""), start));
            }
        };
        Ok(self.emit(kind))
    }
}

/// Space, tab, and Unicode's other spaces.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// What a regular expression's `\w` matches in Puppet's source.
fn is_word_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}
