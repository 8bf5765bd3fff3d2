//! Resources: declarations, defaults, overrides, and collectors.

use super::{Parsed, Parser};
use crate::ast::{
    AttributeOperation, AttributeOperationKind, AttributeOperator, Collector, Expr, ExprKind, HashEntry,
    Query, Resource, ResourceBody, ResourceDefaults, ResourceForm, ResourceOverride,
};
use crate::lexer::TokenKind;
use crate::span::Span;

impl Parser {
    /// Whether the current token begins a resource that doesn't begin with an expression.
    pub(super) fn starts_resource(&self) -> bool {
        match self.peek() {
            TokenKind::At | TokenKind::AtAt => true,
            TokenKind::Class => self.peek_second() == TokenKind::LBrace,
            _ => false,
        }
    }

    /// A resource in any form, or just an expression.
    pub(super) fn resource(&mut self) -> Parsed<Expr> {
        let first = match self.peek() {
            TokenKind::At => return self.with_form(ResourceForm::Virtual),
            TokenKind::AtAt => return self.with_form(ResourceForm::Exported),
            TokenKind::Class if self.peek_second() == TokenKind::LBrace => self.class_resource()?,
            _ => self.expression()?,
        };
        self.resource_after(first)
    }

    /// Bodies in braces after an expression, as often as they come.
    pub(super) fn resource_after(&mut self, first: Expr) -> Parsed<Expr> {
        let mut left = first;
        while self.at(TokenKind::LBrace) {
            self.grow()?;
            left = self.bodies(left)?;
        }
        Ok(left)
    }

    fn with_form(&mut self, wanted: ResourceForm) -> Parsed<Expr> {
        let sign = self.bump().span;
        let mut inner = self.nested(Parser::resource)?;
        let form = match &mut inner.kind {
            ExprKind::Resource(resource) => &mut resource.form,
            ExprKind::ResourceDefaults(defaults) => &mut defaults.form,
            ExprKind::ResourceOverride(over) => &mut over.form,
            // Bodies in braces might have followed, so Puppet has looked at what does follow.
            _ if self.at(TokenKind::Fault) => return Err(self.syntax_error()),
            _ => {
                let name = if wanted == ResourceForm::Virtual { "Virtual (@)" } else { "Exported (@@)" };
                let message = format!("{name} can only be applied to a Resource Expression");
                return Err(self.error_at(sign, message));
            }
        };
        *form = wanted;
        inner.span = sign.to(inner.span);
        Ok(inner)
    }

    /// `class { title: … }`
    fn class_resource(&mut self) -> Parsed<Expr> {
        let class = self.bump();
        self.bump();
        let mut bodies = Vec::new();
        self.resource_bodies(&mut bodies)?;
        let close = self.expect(TokenKind::RBrace)?;
        let type_name = Box::new(Expr::new(ExprKind::Name(class.name()), class.span));
        let resource = Resource { form: ResourceForm::Regular, type_name, bodies };
        Ok(Expr::new(ExprKind::Resource(resource), class.span.to(close)))
    }

    /// `body; body`, at least one, and maybe a last semicolon.
    fn resource_bodies(&mut self, bodies: &mut Vec<ResourceBody>) -> Parsed<()> {
        loop {
            let title = self.expression()?;
            bodies.push(self.body_after(title)?);
            if self.eat(TokenKind::Semic).is_none() || self.at(TokenKind::RBrace) {
                return Ok(());
            }
        }
    }

    /// `: attributes` after a title.
    fn body_after(&mut self, title: Expr) -> Parsed<ResourceBody> {
        self.expect(TokenKind::Colon)?;
        let operations = self.attribute_operations()?;
        let span = title.span;
        Ok(ResourceBody { title, operations, span })
    }

    /// What stands in braces after an expression: bodies with titles, or just attributes.
    fn bodies(&mut self, left: Expr) -> Parsed<Expr> {
        let open = self.bump().span;
        if self.at_attributes() {
            let operations = self.attribute_operations()?;
            let close = self.expect(TokenKind::RBrace)?;
            return self.without_title(left, operations, open, close);
        }
        let title = self.expression()?;
        let mut bodies = vec![self.body_after(title)?];
        if self.eat(TokenKind::Semic).is_some() && !self.at(TokenKind::RBrace) {
            self.resource_bodies(&mut bodies)?;
        }
        let close = self.expect(TokenKind::RBrace)?;
        let span = left.span.to(close);
        let resource = Resource { form: ResourceForm::Regular, type_name: Box::new(left), bodies };
        Ok(Expr::new(ExprKind::Resource(resource), span))
    }

    /// Whether attributes follow a brace and not a title.
    fn at_attributes(&self) -> bool {
        use TokenKind as T;
        let arrow = matches!(self.peek_second(), T::FArrow | T::PArrow);
        match self.peek() {
            T::RBrace | T::Comma => true,
            T::Name | T::Times if arrow => true,
            // These begin no expression, so they can only be attributes, whatever follows.
            T::And | T::Or | T::In | T::Else | T::Elsif | T::Inherits => true,
            kind => kind.is_attribute_keyword() && arrow,
        }
    }

    /// `name => value, …` and maybe a last comma. May be none.
    fn attribute_operations(&mut self) -> Parsed<Vec<AttributeOperation>> {
        let mut operations = Vec::new();
        if self.at_attribute() {
            operations.push(self.attribute_operation()?);
        }
        while self.eat(TokenKind::Comma).is_some() && self.at_attribute() {
            operations.push(self.attribute_operation()?);
        }
        Ok(operations)
    }

    fn at_attribute(&self) -> bool {
        let kind = self.peek();
        kind == TokenKind::Name || kind == TokenKind::Times || kind.is_attribute_keyword()
    }

    fn attribute_operation(&mut self) -> Parsed<AttributeOperation> {
        let name = self.bump();
        let operator = match self.peek() {
            TokenKind::FArrow => AttributeOperator::Set,
            TokenKind::PArrow if name.kind != TokenKind::Times => AttributeOperator::Append,
            _ => return Err(self.syntax_error()),
        };
        self.bump();
        let value = self.expression()?;
        let span = name.span.to(value.span);
        let kind = match name.kind {
            TokenKind::Times => AttributeOperationKind::Splat(value),
            _ => AttributeOperationKind::Named { name: name.name(), operator, value },
        };
        Ok(AttributeOperation { kind, span })
    }

    /// What attributes in braces mean depends on what stands before them.
    fn without_title(
        &mut self,
        left: Expr,
        operations: Vec<AttributeOperation>,
        open: Span,
        close: Span,
    ) -> Parsed<Expr> {
        let span = left.span.to(close);
        let form = ResourceForm::Regular;
        match &left.kind {
            ExprKind::Name(_) => {
                let Some(entries) = as_hash(operations) else {
                    let message = "Syntax error resource body without title or hash with +>";
                    return Err(self.error_at(open, message));
                };
                let hash = Expr::new(ExprKind::Hash(entries), open.to(close));
                Ok(self.name_and_hash(left, hash, span))
            }
            ExprKind::TypeName(_) => {
                let defaults = ResourceDefaults { form, type_ref: Box::new(left), operations };
                Ok(Expr::new(ExprKind::ResourceDefaults(defaults), span))
            }
            ExprKind::Access { .. } => {
                let over = ResourceOverride { form, resources: Box::new(left), operations };
                Ok(Expr::new(ExprKind::ResourceOverride(over), span))
            }
            _ => {
                let message = "Expression is not valid as a resource, resource-default, or resource-override";
                Err(self.error_at(left.span, message))
            }
        }
    }

    /// `<| query |>` or `<<| query |>>`, and maybe attributes.
    pub(super) fn collector(&mut self, type_expr: Expr) -> Parsed<Expr> {
        let open = self.bump();
        let exported = open.kind == TokenKind::LlCollect;
        let closing = if exported { TokenKind::RrCollect } else { TokenKind::RCollect };
        let predicate = if self.at(closing) { None } else { Some(Box::new(self.expression()?)) };
        let close = self.expect(closing)?;
        let query = Query { exported, predicate, span: open.span.to(close) };
        let mut span = type_expr.span.to(close);
        let mut operations = Vec::new();
        if self.eat(TokenKind::LBrace).is_some() {
            operations = self.attribute_operations()?;
            span = span.to(self.expect(TokenKind::RBrace)?);
        }
        let collector = Collector { type_expr: Box::new(type_expr), query, operations };
        Ok(Expr::new(ExprKind::Collector(collector), span))
    }
}

/// Attributes read as a hash; `None` if one of them isn't a plain `=>`.
fn as_hash(operations: Vec<AttributeOperation>) -> Option<Vec<HashEntry>> {
    let mut entries = Vec::with_capacity(operations.len());
    for AttributeOperation { kind, span } in operations {
        let (key, value) = match kind {
            AttributeOperationKind::Named { name, operator: AttributeOperator::Set, value } => {
                (Expr::new(ExprKind::String(name), span), value)
            }
            AttributeOperationKind::Named { .. } => return None,
            AttributeOperationKind::Splat(value) => (Expr::new(ExprKind::Nop, span), value),
        };
        entries.push(HashEntry { key, value, span });
    }
    Some(entries)
}
