//! Strings with interpolation, and heredocs.

use super::{Parsed, Parser};
use crate::ast::{Expr, ExprKind, Radix, Segment};
use crate::lexer::{Token, TokenKind};
use std::sync::Arc;

impl Parser {
    /// A string without interpolation, one with, or a heredoc.
    pub(super) fn quoted_text(&mut self) -> Parsed<Expr> {
        match self.peek() {
            TokenKind::String | TokenKind::Word => {
                let token = self.bump();
                Ok(Expr::new(ExprKind::String(token.name()), token.span))
            }
            TokenKind::DqPre => self.interpolated(),
            TokenKind::Heredoc => {
                let tag = self.bump();
                let text = self.nested(Parser::quoted_text)?;
                let syntax = tag.text.filter(|syntax| !syntax.is_empty());
                Ok(Expr::new(ExprKind::Heredoc { syntax, text: Box::new(text) }, tag.span))
            }
            _ => Err(self.syntax_error()),
        }
    }

    fn interpolated(&mut self) -> Parsed<Expr> {
        let first = self.bump();
        let start = first.span;
        let mut segments = Vec::new();
        push_text(&mut segments, first);
        loop {
            let mut inner = self.nested(Parser::assignment)?;
            name_to_variable(&mut inner);
            segments.push(Segment::Expr(inner));
            match self.peek() {
                TokenKind::DqMid => {
                    let middle = self.bump();
                    push_text(&mut segments, middle);
                }
                TokenKind::DqPost => {
                    let last = self.bump();
                    let span = start.to(last.span);
                    push_text(&mut segments, last);
                    return Ok(Expr::new(ExprKind::Interpolated(segments), span));
                }
                _ => return Err(self.syntax_error()),
            }
        }
    }
}

/// A name or number means the variable, also with keys and methods after it. The lexer has seen to most of these, but
/// not where a heredoc ends before the closing brace, which Puppet lets pass.
fn name_to_variable(expr: &mut Expr) {
    let name = match &mut expr.kind {
        ExprKind::Name(name) => Arc::clone(name),
        ExprKind::Integer { value, radix: Radix::Decimal } => Arc::from(value.to_string()),
        ExprKind::Access { target: inner, .. } => return name_to_variable(inner),
        ExprKind::MethodCall(call) => return name_to_variable(&mut call.receiver),
        _ => return,
    };
    expr.kind = ExprKind::Variable(name);
}

fn push_text(segments: &mut Vec<Segment>, token: Token) {
    if let Some(text) = token.text
        && !text.is_empty()
    {
        segments.push(Segment::Text(text, token.span));
    }
}
