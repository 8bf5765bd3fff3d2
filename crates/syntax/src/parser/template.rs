//! EPP templates.

use super::{Parsed, Parser};
use crate::ast::{Block, EppTemplate, Expr, ExprKind};
use crate::lexer::TokenKind;
use crate::span::Span;

impl Parser {
    /// A whole template.
    pub(super) fn template(&mut self, span: Span) -> EppTemplate {
        self.bump();
        let mut parameters = None;
        if self.at(TokenKind::Pipe) {
            let begin = self.pos;
            match self.template_parameters() {
                Ok(list) => parameters = Some(list),
                Err(_) => self.recover(0, begin),
            }
        }
        let body = self.top_level();
        EppTemplate {
            file: self.file,
            parameters,
            body,
            definitions: std::mem::take(&mut self.definitions),
            span,
        }
    }

    fn template_parameters(&mut self) -> Parsed<Vec<crate::ast::Parameter>> {
        self.bump();
        let parameters = self.parameters_until(TokenKind::Pipe)?;
        self.expect(TokenKind::Pipe)?;
        Ok(parameters)
    }

    /// `<%= expression %>` or `<%= { statements } %>`
    pub(super) fn render_expression(&mut self) -> Parsed<Expr> {
        let start = self.bump().span;
        let value = self.nested(Parser::rendered)?;
        if !matches!(self.peek(), TokenKind::EppEnd | TokenKind::EppEndTrim) {
            return Err(self.syntax_error());
        }
        let end = self.bump().span;
        Ok(Expr::new(ExprKind::Render(Box::new(value)), start.to(end)))
    }

    /// Only what follows the first expression tells statements in braces from a hash.
    fn rendered(&mut self) -> Parsed<Expr> {
        if !self.at(TokenKind::LBrace) || self.peek_second() == TokenKind::RBrace {
            return self.expression();
        }
        let open = self.bump().span;
        let (first, word) = match self.lone_keyword() {
            Some(word) => (word, true),
            None => (self.nested(Parser::assignment)?, false),
        };
        if word || self.at(TokenKind::FArrow) {
            let hash = self.hash_after(open, first)?;
            return self.operators_after(hash);
        }
        let first = self.statement_after(first)?;
        let statements = self.statements_after(first)?;
        let close = self.expect(TokenKind::RBrace)?;
        let span = open.to(close);
        match <[Expr; 1]>::try_from(statements) {
            Ok([only]) => Ok(only),
            Err(statements) => Ok(Expr::new(ExprKind::Block(Block { statements, span }), span)),
        }
    }
}
