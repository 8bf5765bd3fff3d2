//! `if`, `unless`, `case`.

use super::{Parsed, Parser, single};
use crate::ast::{Block, CaseOption, Expr, ExprKind};
use crate::lexer::TokenKind;
use crate::span::Span;

impl Parser {
    /// `if`, its `elsif`s and its `else`.
    pub(super) fn if_expression(&mut self) -> Parsed<Expr> {
        let mut parts: Vec<(Span, Expr, Block)> = Vec::new();
        let mut last = None;
        loop {
            let keyword = self.bump().span;
            let test = self.expression()?;
            let then = self.braced_block()?;
            parts.push((keyword, test, then));
            if self.at(TokenKind::Elsif) {
                self.grow()?;
                continue;
            }
            if self.eat(TokenKind::Else).is_some() {
                last = Some(self.braced_block()?).filter(|block| !block.is_empty());
            }
            break;
        }
        // From the last part to the first: each is the `else` of the one before it.
        let mut otherwise = last;
        while let Some((keyword, test, then)) = parts.pop() {
            let end = otherwise.as_ref().map_or(then.span, |block| block.span);
            let kind = ExprKind::If { test: Box::new(test), then, otherwise };
            let expr = Expr::new(kind, keyword.to(end));
            if parts.is_empty() {
                return Ok(expr);
            }
            otherwise = Some(single(expr));
        }
        Err(self.syntax_error())
    }

    /// `unless` and its `else`.
    pub(super) fn unless_expression(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let test = self.expression()?;
        let then = self.braced_block()?;
        let span = keyword.to(then.span);
        let otherwise = match self.eat(TokenKind::Else) {
            Some(_) => Some(self.braced_block()?).filter(|block| !block.is_empty()),
            None => None,
        };
        Ok(Expr::new(ExprKind::Unless { test: Box::new(test), then, otherwise }, span))
    }

    /// `case` and its options, at least one.
    pub(super) fn case_expression(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let subject = self.expression()?;
        self.expect(TokenKind::LBrace)?;
        let mut options = vec![self.case_option()?];
        while !self.at(TokenKind::RBrace) {
            options.push(self.case_option()?);
        }
        let close = self.expect(TokenKind::RBrace)?;
        Ok(Expr::new(ExprKind::Case { subject: Box::new(subject), options }, keyword.to(close)))
    }

    fn case_option(&mut self) -> Parsed<CaseOption> {
        let mut values = vec![self.expression()?];
        while self.eat(TokenKind::Comma).is_some() {
            values.push(self.expression()?);
        }
        let colon = self.expect(TokenKind::Colon)?;
        let body = self.braced_block()?;
        let span = colon.to(body.span);
        Ok(CaseOption { values, body, span })
    }
}
