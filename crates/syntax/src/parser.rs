//! Tokens → syntax tree.
//!
//! Recursive descent, with binding powers for expressions. It accepts exactly what Puppet's LALR grammar accepts and
//! reports the first error at the same token; where a rule looks odd, the oddity is Puppet's.

mod arguments;
mod conditional;
mod definition;
mod expression;
mod parameter;
mod primary;
mod recovery;
mod resource;
mod statement;
mod string;
mod template;
mod type_alias;

use crate::ast::{Block, Definition, EppTemplate, Expr, Program};
use crate::diagnostic::Diagnostic;
use crate::lexer::{self, Lexed, Token, TokenKind};
use crate::span::{FileId, Span};
use std::collections::HashMap;
use std::sync::Arc;

/// How deep expressions may be nested in source. Each level is a few levels of recursion here.
const MAX_NESTING: u32 = 128;

/// How high the tree may grow, also by long chains such as `1 + 1 + …`, which don't nest in source but do in the
/// tree. Whoever walks the tree recurses this deep.
const MAX_HEIGHT: u32 = 600;

/// How many errors are worth reporting for one text.
const MAX_ERRORS: usize = 25;

/// Says that a rule failed and that the diagnostic is already recorded.
pub(crate) struct Bail;

pub(crate) type Parsed<T> = Result<T, Bail>;

/// What parsing yields before validation.
pub(crate) struct Outcome<T> {
    pub tree: T,
    pub diagnostics: Vec<Diagnostic>,
    /// Integers that fit no 64 bits, by the offset at which they stand: their text in hexadecimal.
    pub overflows: HashMap<u32, String>,
}

pub(crate) struct Parser {
    file: FileId,
    tokens: Vec<Token>,
    pos: usize,
    faults: Vec<Diagnostic>,
    diagnostics: Vec<Diagnostic>,
    definitions: Vec<Definition>,
    /// The classes around the current position.
    namespace: Vec<Arc<str>>,
    nesting: u32,
    /// The height of what was built since the current frame was entered.
    height: u32,
    /// Braces open at the current position, for recovery.
    open_braces: i64,
    overflows: HashMap<u32, String>,
}

/// Parses a manifest.
pub(crate) fn parse_program(text: &str, file: FileId, tasks: bool) -> Outcome<Program> {
    let mut parser = Parser::new(lexer::lex(text, file, tasks), file);
    let body = parser.top_level();
    let program = Program { file, body, definitions: std::mem::take(&mut parser.definitions) };
    parser.outcome(program)
}

/// Parses a template.
pub(crate) fn parse_template(text: &str, file: FileId) -> Outcome<EppTemplate> {
    let mut parser = Parser::new(lexer::lex_epp(text, file), file);
    let template = parser.template(Span::new(file, 0, text.len()));
    parser.outcome(template)
}

impl Parser {
    fn new(lexed: Lexed, file: FileId) -> Parser {
        Parser {
            file,
            tokens: lexed.tokens,
            pos: 0,
            faults: lexed.faults,
            diagnostics: lexed.warnings,
            definitions: Vec::new(),
            namespace: Vec::new(),
            nesting: 0,
            height: 0,
            open_braces: 0,
            overflows: HashMap::new(),
        }
    }

    fn outcome<T>(self, tree: T) -> Outcome<T> {
        Outcome { tree, diagnostics: self.diagnostics, overflows: self.overflows }
    }

    fn peek(&self) -> TokenKind {
        self.tokens[self.pos].kind
    }

    fn peek_second(&self) -> TokenKind {
        self.tokens.get(self.pos + 1).map_or(TokenKind::End, |token| token.kind)
    }

    fn at(&self, kind: TokenKind) -> bool {
        self.peek() == kind
    }

    fn span(&self) -> Span {
        self.tokens[self.pos].span
    }

    /// The current token; the position moves past it, except at the end.
    fn bump(&mut self) -> Token {
        let token = self.tokens[self.pos].clone();
        match token.kind {
            TokenKind::LBrace | TokenKind::SelBrace => self.open_braces += 1,
            TokenKind::RBrace => self.open_braces -= 1,
            _ => {}
        }
        if token.kind != TokenKind::End {
            self.pos += 1;
        }
        token
    }

    /// Moves past a token if it is of this kind.
    fn eat(&mut self, kind: TokenKind) -> Option<Span> {
        self.at(kind).then(|| self.bump().span)
    }

    fn expect(&mut self, kind: TokenKind) -> Parsed<Span> {
        match self.eat(kind) {
            Some(span) => Ok(span),
            None => Err(self.syntax_error()),
        }
    }

    /// Records that the current token can't stand here. At a fault of the lexer, that fault.
    fn syntax_error(&mut self) -> Bail {
        let token = &self.tokens[self.pos];
        let diagnostic = match token.kind {
            TokenKind::Fault => {
                let number = token.text.as_deref().and_then(|text| text.parse::<usize>().ok());
                match number.and_then(|number| self.faults.get(number)) {
                    Some(fault) => fault.clone(),
                    None => Diagnostic::error("Syntax error", token.span),
                }
            }
            TokenKind::End => {
                let mut end = Diagnostic::error("Syntax error at end of input", token.span);
                end.span = None;
                end.hint = self.unclosed_hint();
                end
            }
            _ => {
                let mut error = Diagnostic::error(format!("Syntax error at '{}'", token.shown()), token.span);
                error.hint = self.hint();
                error
            }
        };
        self.diagnostics.push(diagnostic);
        Bail
    }

    /// Records a syntax error with a text of its own.
    fn error_at(&mut self, span: Span, message: impl Into<String>) -> Bail {
        self.diagnostics.push(Diagnostic::error(message, span));
        Bail
    }

    /// Runs a rule one level deeper. All recursion of the grammar goes through here.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Parser) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            let span = self.span();
            return Err(self.error_at(span, "Expressions are nested too deep"));
        }
        self.nesting += 1;
        let outside = std::mem::replace(&mut self.height, 0);
        let result = rule(self);
        self.nesting -= 1;
        self.height = outside.max(self.height + 1);
        if self.height > MAX_HEIGHT {
            let span = self.span();
            return Err(self.error_at(span, "Expressions are nested too deep"));
        }
        result
    }

    /// Counts a node put on top of what was built in this frame.
    fn grow(&mut self) -> Parsed<()> {
        self.height += 1;
        if self.height > MAX_HEIGHT {
            let span = self.span();
            return Err(self.error_at(span, "This chain of expressions is too long"));
        }
        Ok(())
    }

    /// `{ statements }`
    fn braced_block(&mut self) -> Parsed<Block> {
        let open = self.expect(TokenKind::LBrace)?;
        self.block_after(open)
    }

    /// `statements }`
    fn block_after(&mut self, open: Span) -> Parsed<Block> {
        let statements = self.nested(Parser::statements_until_brace)?;
        let close = self.expect(TokenKind::RBrace)?;
        Ok(Block { statements, span: open.to(close) })
    }

    fn define(&mut self, definition: Definition) {
        self.definitions.push(definition);
    }
}

/// A block around one expression.
fn single(expr: Expr) -> Block {
    Block { span: expr.span, statements: vec![expr] }
}
