//! What begins with `type`.

use super::{Parsed, Parser};
use crate::ast::{Block, Definition, Expr, ExprKind, HashEntry, TypeAlias, TypeDefinition, TypeMapping};
use crate::lexer::TokenKind;
use crate::span::Span;
use std::sync::Arc;

impl Parser {
    /// A call of the function `type`, an alias, a mapping, or a type definition.
    pub(super) fn type_keyword(&mut self) -> Parsed<Expr> {
        let keyword = self.bump();
        if self.at(TokenKind::LParen) {
            // The call itself is what follows the name, as for any other function.
            return Ok(Expr::new(ExprKind::Name(keyword.name()), keyword.span));
        }
        if !self.at(TokenKind::ClassRef) {
            return Err(self.syntax_error());
        }
        if matches!(self.peek_second(), TokenKind::LBrace | TokenKind::Inherits) {
            return self.type_definition(keyword.span);
        }
        let left = self.type_reference()?;
        self.expect(TokenKind::Equals)?;
        let (right, end) = self.aliased()?;
        let span = left.span.to(end);
        match &left.kind {
            ExprKind::TypeName(name) => {
                let alias = Arc::new(TypeAlias { name: Arc::clone(name), type_expr: right, span });
                self.define(Definition::TypeAlias(Arc::clone(&alias)));
                Ok(Expr::new(ExprKind::TypeAlias(alias), span))
            }
            _ => {
                let mapping = Arc::new(TypeMapping { type_expr: left, mapping: right, span });
                self.define(Definition::TypeMapping(Arc::clone(&mapping)));
                Ok(Expr::new(ExprKind::TypeMapping(mapping), span))
            }
        }
    }

    /// The right side, and where it ends.
    fn aliased(&mut self) -> Parsed<(Expr, Span)> {
        match self.peek() {
            TokenKind::LBrace => {
                let hash = self.nested(Parser::hash)?;
                let end = hash.span;
                let object = Expr::new(ExprKind::TypeName("Object".into()), end);
                Ok((access(object, hash), end))
            }
            TokenKind::LBrack | TokenKind::ListStart => {
                let list = self.nested(Parser::list)?;
                let end = list.span;
                Ok((list, end))
            }
            _ => {
                let name = self.type_name()?;
                let name_span = name.span;
                match self.peek() {
                    TokenKind::LBrace => {
                        let hash = self.nested(Parser::hash)?;
                        let end = hash.span;
                        Ok((object_with_parent(name, hash), end))
                    }
                    TokenKind::LBrack => {
                        self.bump();
                        let keys = self.access_keys()?;
                        self.eat(TokenKind::Comma);
                        let end = self.expect(TokenKind::RBrack)?;
                        let span = name_span.to(end);
                        Ok((Expr::new(ExprKind::Access { target: Box::new(name), keys }, span), end))
                    }
                    _ => Ok((name, name_span)),
                }
            }
        }
    }

    fn type_definition(&mut self, keyword: Span) -> Parsed<Expr> {
        let name = self.bump().name();
        let parent = match self.eat(TokenKind::Inherits) {
            Some(_) if !self.at(TokenKind::ClassRef) => return Err(self.syntax_error()),
            Some(_) => Some(self.bump().name()),
            None => None,
        };
        let body: Block = self.braced_block()?;
        let span = keyword.to(body.span);
        let definition = Arc::new(TypeDefinition { name, parent, body, span });
        self.define(Definition::TypeDefinition(Arc::clone(&definition)));
        Ok(Expr::new(ExprKind::TypeDefinition(definition), span))
    }
}

fn access(target: Expr, key: Expr) -> Expr {
    let span = target.span;
    Expr::new(ExprKind::Access { target: Box::new(target), keys: vec![key] }, span)
}

/// `Parent { … }` means `Object[{…, parent => Parent}]`, but for `Object` and `TypeSet` just `Object[{…}]`.
fn object_with_parent(parent: Expr, mut hash: Expr) -> Expr {
    let span = parent.span;
    let base =
        matches!(&parent.kind, ExprKind::TypeName(name) if matches!(name.as_ref(), "Object" | "TypeSet"));
    if base {
        return access(parent, hash);
    }
    if let ExprKind::Hash(entries) = &mut hash.kind {
        let key = Expr::new(ExprKind::Name("parent".into()), span);
        entries.push(HashEntry { key, value: parent, span });
    }
    access(Expr::new(ExprKind::TypeName("Object".into()), span), hash)
}
