//! Parameter lists and return types.

use super::{Parsed, Parser};
use crate::ast::{Expr, ExprKind, Parameter};
use crate::lexer::TokenKind;

impl Parser {
    /// `(parameters)`, or nothing.
    pub(super) fn optional_parameters(&mut self) -> Parsed<Vec<Parameter>> {
        if !matches!(self.peek(), TokenKind::LParen | TokenKind::WsLParen) {
            return Ok(Vec::new());
        }
        self.bump();
        let parameters = self.parameters_until(TokenKind::RParen)?;
        self.expect(TokenKind::RParen)?;
        Ok(parameters)
    }

    /// Parameters up to the closing token, which stays.
    pub(super) fn parameters_until(&mut self, close: TokenKind) -> Parsed<Vec<Parameter>> {
        let mut parameters = Vec::new();
        if self.at(close) {
            return Ok(parameters);
        }
        parameters.push(self.parameter()?);
        while self.eat(TokenKind::Comma).is_some() && !self.at(close) {
            parameters.push(self.parameter()?);
        }
        Ok(parameters)
    }

    fn parameter(&mut self) -> Parsed<Parameter> {
        let type_expr = if self.at(TokenKind::ClassRef) { Some(self.type_reference()?) } else { None };
        let captures_rest = self.eat(TokenKind::Times).is_some();
        if !self.at(TokenKind::Variable) {
            return Err(self.syntax_error());
        }
        let variable = self.bump();
        let default = if self.eat(TokenKind::Equals).is_some() { Some(self.expression()?) } else { None };
        Ok(Parameter { name: variable.name(), type_expr, default, captures_rest, span: variable.span })
    }

    /// `>> Type`, or nothing.
    pub(super) fn optional_return_type(&mut self) -> Parsed<Option<Expr>> {
        if self.eat(TokenKind::RShift).is_none() {
            return Ok(None);
        }
        Ok(Some(self.type_reference()?))
    }

    /// `Type` or `Type[…]`, where no comma may follow the last key.
    pub(super) fn type_reference(&mut self) -> Parsed<Expr> {
        let name = self.type_name()?;
        if self.eat(TokenKind::LBrack).is_none() {
            return Ok(name);
        }
        let keys = self.access_keys()?;
        if self.eat(TokenKind::Comma).is_some() {
            return Err(self.syntax_error());
        }
        let close = self.expect(TokenKind::RBrack)?;
        let span = name.span.to(close);
        Ok(Expr::new(ExprKind::Access { target: Box::new(name), keys }, span))
    }

    /// `Type`
    pub(super) fn type_name(&mut self) -> Parsed<Expr> {
        if !self.at(TokenKind::ClassRef) {
            return Err(self.syntax_error());
        }
        let token = self.bump();
        Ok(Expr::new(ExprKind::TypeName(token.name()), token.span))
    }
}
