//! Sequences of statements, and calls of statement functions without parentheses.

use super::{Parsed, Parser};
use crate::ast::{Block, Call, Expr, ExprKind};
use crate::diagnostic::Diagnostic;
use crate::lexer::TokenKind;
use crate::span::Span;

/// Functions that may be called without parentheses.
const STATEMENT_FUNCTIONS: [&str; 15] = [
    "require", "realize", "include", "contain", "tag", "debug", "info", "notice", "warning", "err", "fail",
    "import", "break", "next", "return",
];

/// One statement, or several expressions with commas between.
pub(super) struct Statement {
    pub first: Expr,
    /// Each with the comma before it.
    pub more: Vec<(Span, Expr)>,
}

impl Parser {
    /// A whole manifest.
    pub(super) fn top_level(&mut self) -> Block {
        let mut statements = Vec::new();
        let start = self.span();
        while !self.at(TokenKind::End) {
            let _ = self.statements(&mut statements, 0);
        }
        let end = self.span();
        Block { statements, span: start.to(end) }
    }

    /// Statements up to a closing brace, which stays. May be none.
    pub(super) fn statements_until_brace(&mut self) -> Parsed<Vec<Expr>> {
        let mut statements = Vec::new();
        let depth = self.open_braces;
        while !self.at(TokenKind::RBrace) {
            let _ = self.statements(&mut statements, depth);
            if self.at(TokenKind::End) {
                return Err(self.end_of_input());
            }
        }
        Ok(statements)
    }

    /// A missing brace at the end of input isn't worth a report when an error before may have swallowed it.
    fn end_of_input(&mut self) -> super::Bail {
        if self.diagnostics.iter().any(Diagnostic::is_error) { super::Bail } else { self.syntax_error() }
    }

    /// As many statements as there are. After an error, those before it are kept, and the position is where it goes
    /// on.
    fn statements(&mut self, into: &mut Vec<Expr>, depth: i64) -> Parsed<()> {
        let mut found = Vec::new();
        let mut result = Ok(());
        let mut first = true;
        while first || self.starts_expression() || self.at(TokenKind::Semic) {
            if !first {
                self.eat(TokenKind::Semic);
            }
            first = false;
            let before = self.pos;
            match self.statement() {
                Ok(statement) => found.push(statement),
                Err(bail) => {
                    self.recover(depth, before);
                    result = Err(bail);
                    break;
                }
            }
        }
        // Puppet makes the calls when it knows that no statement follows, before it looks whether what follows may
        // stand there; but a fault of the lexer keeps it from knowing.
        if result.is_ok() && self.at(TokenKind::Fault) {
            result = Err(self.syntax_error());
            self.recover(depth, self.pos);
        }
        let transformed = self.transform_calls(found, into);
        let ends = self.at(TokenKind::End) || (self.at(TokenKind::RBrace) && depth > 0);
        if result.is_ok() && !ends {
            result = Err(self.syntax_error());
            self.recover(depth, self.pos);
        }
        result.and(transformed)
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let first = self.nested(Parser::assignment)?;
        self.statement_after(first)
    }

    /// The rest of a statement whose first expression is known.
    pub(super) fn statement_after(&mut self, first: Expr) -> Parsed<Statement> {
        let mut more = Vec::new();
        while let Some(comma) = self.eat(TokenKind::Comma) {
            more.push((comma, self.nested(Parser::assignment)?));
        }
        Ok(Statement { first, more })
    }

    /// Statements after one that is already parsed, up to a closing brace, which stays.
    pub(super) fn statements_after(&mut self, first: Statement) -> Parsed<Vec<Expr>> {
        let mut found = vec![first];
        while self.starts_expression() || self.at(TokenKind::Semic) {
            self.eat(TokenKind::Semic);
            found.push(self.statement()?);
        }
        let mut statements = Vec::new();
        self.transform_calls(found, &mut statements)?;
        Ok(statements)
    }

    /// Makes calls of names of statement functions and what follows them.
    fn transform_calls(&mut self, found: Vec<Statement>, into: &mut Vec<Expr>) -> Parsed<()> {
        let floor = into.len();
        for Statement { first, more } in found {
            let callable = into.len() > floor
                && matches!(into.last(), Some(Expr { kind: ExprKind::Name(name), .. })
                    if STATEMENT_FUNCTIONS.contains(&name.as_ref()));
            if callable && let Some(function) = into.pop() {
                let mut arguments = vec![first];
                arguments.extend(more.into_iter().map(|(_, argument)| argument));
                into.push(statement_call(function, arguments));
                continue;
            }
            if let Some((comma, _)) = more.first() {
                let message = match into.last() {
                    Some(Expr { kind: ExprKind::Name(name), .. }) if into.len() > floor => format!(
                        "attempt to pass argument list to the function '{name}' which cannot be called without parentheses"
                    ),
                    _ => "illegal comma separated argument list".to_string(),
                };
                return Err(self.error_at(*comma, message));
            }
            let mut statement = first;
            if let ExprKind::Call(call) = &mut statement.kind {
                call.rvalue = false;
            }
            into.push(statement);
        }
        Ok(())
    }

    /// `name { a => b }`, which is a call with a hash or, for most names, a resource whose title is missing.
    pub(super) fn name_and_hash(&mut self, name: Expr, hash: Expr, span: Span) -> Expr {
        let callable =
            matches!(&name.kind, ExprKind::Name(text) if STATEMENT_FUNCTIONS.contains(&text.as_ref()));
        if callable {
            let mut call = statement_call(name, vec![hash]);
            call.span = span;
            call
        } else {
            Expr::new(ExprKind::Block(Block { statements: vec![name, hash], span }), span)
        }
    }

    /// Whether an expression can start at the current token.
    pub(super) fn starts_expression(&self) -> bool {
        use TokenKind as T;
        matches!(
            self.peek(),
            T::Variable
                | T::Case
                | T::If
                | T::Unless
                | T::Define
                | T::Class
                | T::Node
                | T::Function
                | T::Type
                | T::Plan
                | T::Apply
                | T::Private
                | T::Attr
                | T::RenderString
                | T::RenderExpr
                | T::ListStart
                | T::LBrack
                | T::LBrace
                | T::Regex
                | T::String
                | T::Word
                | T::DqPre
                | T::Heredoc
                | T::ClassRef
                | T::Number
                | T::True
                | T::False
                | T::Default
                | T::Undef
                | T::Name
                | T::Minus
                | T::Times
                | T::Not
                | T::LParen
                | T::WsLParen
                | T::At
                | T::AtAt
        )
    }
}

fn statement_call(function: Expr, arguments: Vec<Expr>) -> Expr {
    let span = arguments.last().map_or(function.span, |last| function.span.to(last.span));
    let call = Call { function: Box::new(function), arguments, lambda: None, rvalue: false };
    Expr::new(ExprKind::Call(call), span)
}
