//! Operators, from assignment down to what binds tightest.

use super::{Parsed, Parser};
use crate::ast::{AssignOp, BinaryOp, Edge, Expr, ExprKind, SelectorEntry, UnaryOp};
use crate::lexer::TokenKind;

/// Binding powers; a higher one binds tighter. Selectors stand between comparison and `and`.
const OR: u8 = 1;
const AND: u8 = 2;
const SELECTOR: u8 = 3;
const ORDER: u8 = 4;
const EQUALITY: u8 = 5;
const SHIFT: u8 = 6;
const SUM: u8 = 7;
const PRODUCT: u8 = 8;
const MATCH: u8 = 9;
const IN: u8 = 10;
const PREFIX: u8 = 11;

fn binary(kind: TokenKind) -> Option<(BinaryOp, u8)> {
    use TokenKind as T;
    Some(match kind {
        T::Or => (BinaryOp::Or, OR),
        T::And => (BinaryOp::And, AND),
        T::GreaterThan => (BinaryOp::Greater, ORDER),
        T::GreaterEqual => (BinaryOp::GreaterOrEqual, ORDER),
        T::LessThan => (BinaryOp::Less, ORDER),
        T::LessEqual => (BinaryOp::LessOrEqual, ORDER),
        T::IsEqual => (BinaryOp::Equal, EQUALITY),
        T::NotEqual => (BinaryOp::NotEqual, EQUALITY),
        T::LShift => (BinaryOp::ShiftLeft, SHIFT),
        T::RShift => (BinaryOp::ShiftRight, SHIFT),
        T::Plus => (BinaryOp::Add, SUM),
        T::Minus => (BinaryOp::Subtract, SUM),
        T::Times => (BinaryOp::Multiply, PRODUCT),
        T::Div => (BinaryOp::Divide, PRODUCT),
        T::Modulo => (BinaryOp::Modulo, PRODUCT),
        T::Match => (BinaryOp::Match, MATCH),
        T::NoMatch => (BinaryOp::NoMatch, MATCH),
        T::In => (BinaryOp::In, IN),
        _ => return None,
    })
}

fn edge(kind: TokenKind) -> Option<Edge> {
    Some(match kind {
        TokenKind::InEdge => Edge::Before,
        TokenKind::InEdgeSub => Edge::Notify,
        TokenKind::OutEdge => Edge::Require,
        TokenKind::OutEdgeSub => Edge::Subscribe,
        _ => return None,
    })
}

fn assignment(kind: TokenKind) -> Option<AssignOp> {
    Some(match kind {
        TokenKind::Equals => AssignOp::Set,
        TokenKind::Appends => AssignOp::Append,
        TokenKind::Deletes => AssignOp::Delete,
        _ => return None,
    })
}

impl Parser {
    /// The widest expression: assignments of relationships of resources.
    pub(super) fn assignment(&mut self) -> Parsed<Expr> {
        let left = self.resource()?;
        self.assignment_after(left)
    }

    /// The rest of an assignment that begins with a resource, or with any expression.
    pub(super) fn assignment_after(&mut self, first: Expr) -> Parsed<Expr> {
        let mut left = first;
        while let Some(op) = edge(self.peek()) {
            let span = self.bump().span;
            self.grow()?;
            let right = self.nested(Parser::resource)?;
            left =
                Expr::new(ExprKind::Relationship { op, left: Box::new(left), right: Box::new(right) }, span);
        }
        let Some(op) = assignment(self.peek()) else { return Ok(left) };
        let span = self.bump().span;
        let value = self.nested(Parser::assignment)?;
        Ok(Expr::new(ExprKind::Assign { op, target: Box::new(left), value: Box::new(value) }, span))
    }

    /// Whether the current token would make more of an expression than an expression: a resource, relationship or
    /// assignment.
    pub(super) fn continues_as_statement(&self) -> bool {
        let kind = self.peek();
        kind == TokenKind::LBrace || edge(kind).is_some() || assignment(kind).is_some()
    }

    /// An expression: operators, but no resources, relationships or assignments outside of parentheses.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.nested(|parser| parser.operators(0))
    }

    /// Operators of at least this binding power.
    fn operators(&mut self, minimum: u8) -> Parsed<Expr> {
        let left = self.prefix()?;
        self.operators_from(left, minimum)
    }

    /// The operators after an expression that is already parsed.
    pub(super) fn operators_after(&mut self, left: Expr) -> Parsed<Expr> {
        self.operators_from(left, 0)
    }

    fn operators_from(&mut self, first: Expr, minimum: u8) -> Parsed<Expr> {
        let mut left = first;
        loop {
            let kind = self.peek();
            if let Some((op, power)) = binary(kind) {
                if power < minimum {
                    return Ok(left);
                }
                let span = self.bump().span;
                self.grow()?;
                let right = self.nested(|parser| parser.operators(power + 1))?;
                left = Expr::new(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, span);
            } else if kind == TokenKind::QMark && SELECTOR >= minimum {
                self.grow()?;
                left = self.selector(left)?;
            } else if self.at_postfix() {
                self.grow()?;
                left = self.postfix(left)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn prefix(&mut self) -> Parsed<Expr> {
        let op = match self.peek() {
            TokenKind::Minus => UnaryOp::Minus,
            TokenKind::Not => UnaryOp::Not,
            TokenKind::Times => UnaryOp::Splat,
            _ => return self.primary(),
        };
        let span = self.bump().span;
        let operand = self.nested(|parser| parser.operators(PREFIX))?;
        Ok(Expr::new(ExprKind::Unary { op, operand: Box::new(operand) }, span))
    }

    /// Calls, accesses and queries bind to what is directly before them.
    fn at_postfix(&self) -> bool {
        use TokenKind as T;
        matches!(self.peek(), T::LParen | T::LBrack | T::Dot | T::LCollect | T::LlCollect)
    }

    fn postfix(&mut self, left: Expr) -> Parsed<Expr> {
        match self.peek() {
            TokenKind::LParen => self.call(left),
            TokenKind::Dot => self.method_call(left),
            TokenKind::LBrack => {
                self.bump();
                let keys = self.access_keys()?;
                self.eat(TokenKind::Comma);
                let close = self.expect(TokenKind::RBrack)?;
                let span = left.span.to(close);
                Ok(Expr::new(ExprKind::Access { target: Box::new(left), keys }, span))
            }
            _ => self.collector(left),
        }
    }

    /// `? value` with one entry, or with several in braces.
    fn selector(&mut self, subject: Expr) -> Parsed<Expr> {
        self.bump();
        let mut entries = Vec::new();
        if self.eat(TokenKind::SelBrace).is_some() {
            entries.push(self.selector_entry()?);
            while self.eat(TokenKind::Comma).is_some() {
                if self.at(TokenKind::RBrace) {
                    break;
                }
                entries.push(self.selector_entry()?);
            }
            self.expect(TokenKind::RBrace)?;
        } else {
            entries.push(self.selector_entry()?);
        }
        let span = subject.span;
        Ok(Expr::new(ExprKind::Selector { subject: Box::new(subject), entries }, span))
    }

    fn selector_entry(&mut self) -> Parsed<SelectorEntry> {
        let matching = self.expression()?;
        let span = self.expect(TokenKind::FArrow)?;
        let value = self.expression()?;
        Ok(SelectorEntry { matching, value, span })
    }
}
