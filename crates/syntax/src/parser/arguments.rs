//! Lists of things with commas between: arguments, access keys, list and hash literals; calls and lambdas.

use super::{Parsed, Parser};
use crate::ast::{Call, Expr, ExprKind, HashEntry, Lambda, MethodCall};
use crate::lexer::TokenKind;
use crate::span::Span;
use std::sync::Arc;

/// Which elements a list takes, besides `key => value`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elements {
    /// Any expression, also assignments and resources.
    Arguments,
    /// The same, and the words `type` and `function`.
    ListItems,
    /// Expressions in the narrow sense.
    AccessKeys,
}

/// An element; pairs are gathered to hashes later.
enum Element {
    Value(Expr),
    Pair(HashEntry),
}

impl Parser {
    /// `(arguments)`, maybe with a lambda, after what is called.
    pub(super) fn call(&mut self, function: Expr) -> Parsed<Expr> {
        self.bump();
        let arguments = self.elements(Elements::Arguments, TokenKind::RParen)?;
        let mut span = function.span.to(self.expect(TokenKind::RParen)?);
        let lambda = self.optional_lambda()?;
        if let Some(lambda) = &lambda {
            span = span.to(lambda.span);
        }
        let call = Call { function: Box::new(function), arguments, lambda, rvalue: true };
        Ok(Expr::new(ExprKind::Call(call), span))
    }

    /// `.name`, maybe with arguments, maybe with a lambda. Here a comma may not follow the last argument.
    pub(super) fn method_call(&mut self, receiver: Expr) -> Parsed<Expr> {
        let dot = self.bump().span;
        if !matches!(self.peek(), TokenKind::Name | TokenKind::Type) {
            return Err(self.syntax_error());
        }
        let name = self.bump();
        let method_span = dot.to(name.span);
        let mut span = method_span;
        let mut arguments = Vec::new();
        if let Some(open) = self.eat(TokenKind::LParen) {
            arguments = self.elements(Elements::Arguments, TokenKind::RParen)?;
            let trailing =
                self.pos.checked_sub(1).map(|index| self.tokens[index].kind) == Some(TokenKind::Comma);
            if trailing {
                return Err(self.syntax_error());
            }
            span = open.to(self.expect(TokenKind::RParen)?);
        }
        let lambda = self.optional_lambda()?;
        let call =
            MethodCall { receiver: Box::new(receiver), method: name.name(), method_span, arguments, lambda };
        Ok(Expr::new(ExprKind::MethodCall(call), span))
    }

    fn optional_lambda(&mut self) -> Parsed<Option<Arc<Lambda>>> {
        if !self.at(TokenKind::Pipe) {
            return Ok(None);
        }
        let start = self.bump().span;
        let parameters = self.parameters_until(TokenKind::Pipe)?;
        self.expect(TokenKind::Pipe)?;
        let return_type = self.optional_return_type()?;
        let body = self.braced_block()?;
        let span = start.to(body.span);
        Ok(Some(Arc::new(Lambda { parameters, body, return_type, span })))
    }

    /// What stands in the parentheses of `apply`.
    pub(super) fn call_arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.elements(Elements::Arguments, TokenKind::RParen)
    }

    /// The keys between `[` and `]`, at least one.
    pub(super) fn access_keys(&mut self) -> Parsed<Vec<Expr>> {
        let first = self.element(Elements::AccessKeys)?;
        let mut items = Vec::new();
        gather(&mut items, first);
        while self.at(TokenKind::Comma) && self.peek_second() != TokenKind::RBrack {
            self.bump();
            let next = self.element(Elements::AccessKeys)?;
            gather(&mut items, next);
        }
        Ok(finish(items))
    }

    /// `[a, b]` from the bracket on.
    pub(super) fn list(&mut self) -> Parsed<Expr> {
        let open = self.bump().span;
        let items = self.elements(Elements::ListItems, TokenKind::RBrack)?;
        let close = self.expect(TokenKind::RBrack)?;
        Ok(Expr::new(ExprKind::List(items), open.to(close)))
    }

    /// `{a => b}` from the brace on.
    pub(super) fn hash(&mut self) -> Parsed<Expr> {
        let open = self.expect(TokenKind::LBrace)?;
        let mut entries = Vec::new();
        if !self.at(TokenKind::RBrace) {
            entries.push(self.hash_pair()?);
            self.more_pairs(&mut entries)?;
        }
        let close = self.expect(TokenKind::RBrace)?;
        Ok(Expr::new(ExprKind::Hash(entries), open.to(close)))
    }

    /// The rest of a hash whose first key is known.
    pub(super) fn hash_after(&mut self, open: Span, key: Expr) -> Parsed<Expr> {
        let mut entries = vec![self.pair_after(key)?];
        self.more_pairs(&mut entries)?;
        let close = self.expect(TokenKind::RBrace)?;
        Ok(Expr::new(ExprKind::Hash(entries), open.to(close)))
    }

    /// `, key => value` as often as it comes, and maybe a last comma.
    fn more_pairs(&mut self, entries: &mut Vec<HashEntry>) -> Parsed<()> {
        while self.eat(TokenKind::Comma).is_some() && !self.at(TokenKind::RBrace) {
            entries.push(self.hash_pair()?);
        }
        Ok(())
    }

    fn hash_pair(&mut self) -> Parsed<HashEntry> {
        let key = self.hash_side()?;
        self.pair_after(key)
    }

    /// `=> value` after a key.
    fn pair_after(&mut self, key: Expr) -> Parsed<HashEntry> {
        let span = self.expect(TokenKind::FArrow)?;
        let value = self.hash_side()?;
        Ok(HashEntry { key, value, span })
    }

    /// A key or a value of a hash.
    fn hash_side(&mut self) -> Parsed<Expr> {
        match self.lone_keyword() {
            Some(word) => Ok(word),
            None => self.nested(Parser::assignment),
        }
    }

    /// `type` or `function` as a word, where nothing follows that makes more of it.
    pub(super) fn lone_keyword(&mut self) -> Option<Expr> {
        use TokenKind as T;
        let lone = match self.peek() {
            T::Type => !matches!(self.peek_second(), T::ClassRef | T::LParen),
            T::Function => {
                !matches!(self.peek_second(), T::Name | T::Word | T::ClassRef | T::Class | T::String)
            }
            _ => false,
        };
        if !lone {
            return None;
        }
        let token = self.bump();
        Some(Expr::new(ExprKind::String(token.name()), token.span))
    }

    /// Elements up to the closing token, which stays. One comma may follow the last.
    fn elements(&mut self, which: Elements, close: TokenKind) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        if self.at(close) {
            return Ok(Vec::new());
        }
        let first = self.element(which)?;
        gather(&mut items, first);
        while self.eat(TokenKind::Comma).is_some() && !self.at(close) {
            let next = self.element(which)?;
            gather(&mut items, next);
        }
        Ok(finish(items))
    }

    fn element(&mut self, which: Elements) -> Parsed<Element> {
        if let Some(word) = self.lone_keyword() {
            // As the key of a pair it may always stand, on its own only in a list.
            if self.at(TokenKind::FArrow) {
                return Ok(Element::Pair(self.pair_after(word)?));
            }
            return if which == Elements::ListItems {
                Ok(Element::Value(word))
            } else {
                Err(self.syntax_error())
            };
        }
        let (value, narrow) = self.nested(|parser| parser.value(which))?;
        if self.at(TokenKind::FArrow) {
            return Ok(Element::Pair(self.pair_after(value)?));
        }
        if !narrow {
            return Err(self.syntax_error());
        }
        Ok(Element::Value(value))
    }

    /// A value, and whether it may stand alone in such a list. The key of a pair may be wider than an access key.
    fn value(&mut self, which: Elements) -> Parsed<(Expr, bool)> {
        if which != Elements::AccessKeys {
            return Ok((self.assignment()?, true));
        }
        if self.starts_resource() {
            return Ok((self.assignment()?, false));
        }
        let value = self.expression()?;
        if self.continues_as_statement() {
            let resource = self.resource_after(value)?;
            return Ok((self.assignment_after(resource)?, false));
        }
        Ok((value, true))
    }
}

/// Adjacent pairs make up one hash.
fn gather(items: &mut Vec<(Expr, bool)>, element: Element) {
    match element {
        Element::Value(value) => items.push((value, false)),
        Element::Pair(entry) => {
            if let Some((Expr { kind: ExprKind::Hash(entries), .. }, true)) = items.last_mut() {
                entries.push(entry);
            } else {
                let span = entry.span;
                items.push((Expr::new(ExprKind::Hash(vec![entry]), span), true));
            }
        }
    }
}

fn finish(items: Vec<(Expr, bool)>) -> Vec<Expr> {
    items.into_iter().map(|(item, _)| item).collect()
}
