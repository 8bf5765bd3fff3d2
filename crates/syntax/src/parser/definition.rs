//! Classes, defined types, functions, nodes, plans.

use super::{Parsed, Parser};
use crate::ast::{
    Block, ClassDefinition, Definition, Expr, ExprKind, FunctionDefinition, NodeDefinition, Parameter,
    PlanDefinition, ResourceTypeDefinition,
};
use crate::lexer::TokenKind;
use std::sync::Arc;

impl Parser {
    /// `class name(parameters) inherits parent { body }`
    pub(super) fn class_definition(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let name = self.definition_name()?;
        self.namespace.push(Arc::clone(&name));
        let rest = self.class_rest();
        self.namespace.pop();
        let (parameters, parent, body) = rest?;
        let span = keyword.to(body.span);
        let name = self.qualified(&name);
        let class = Arc::new(ClassDefinition { name, parameters, parent, body, span });
        self.define(Definition::Class(Arc::clone(&class)));
        Ok(Expr::new(ExprKind::Class(class), span))
    }

    fn class_rest(&mut self) -> Parsed<(Vec<Parameter>, Option<Arc<str>>, Block)> {
        let parameters = self.optional_parameters()?;
        let parent = match self.eat(TokenKind::Inherits) {
            None => None,
            Some(_) if self.at(TokenKind::Default) => Some(self.bump().name()),
            Some(_) => Some(self.definition_name()?),
        };
        Ok((parameters, parent, self.braced_block()?))
    }

    /// `define name(parameters) { body }`
    pub(super) fn resource_type_definition(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let name = self.definition_name()?;
        let parameters = self.optional_parameters()?;
        let body = self.braced_block()?;
        let span = keyword.to(body.span);
        let name = self.qualified(&name);
        let definition = Arc::new(ResourceTypeDefinition { name, parameters, body, span });
        self.define(Definition::ResourceType(Arc::clone(&definition)));
        Ok(Expr::new(ExprKind::ResourceType(definition), span))
    }

    /// `function name(parameters) >> Type { body }`
    pub(super) fn function_definition(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let name = self.definition_name()?;
        let parameters = self.optional_parameters()?;
        let return_type = self.optional_return_type()?;
        let body = self.braced_block()?;
        let span = keyword.to(body.span);
        let function = Arc::new(FunctionDefinition { name, parameters, return_type, body, span });
        self.define(Definition::Function(Arc::clone(&function)));
        Ok(Expr::new(ExprKind::Function(function), span))
    }

    /// `plan name(parameters) { body }`
    pub(super) fn plan_definition(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let name = self.definition_name()?;
        self.namespace.push(Arc::clone(&name));
        let parameters = self.optional_parameters();
        let body = match &parameters {
            Ok(_) => self.braced_block(),
            Err(_) => Err(super::Bail),
        };
        self.namespace.pop();
        let (parameters, body) = (parameters?, body?);
        let span = keyword.to(body.span);
        let name = self.qualified(&name);
        let plan = Arc::new(PlanDefinition { name, parameters, body, span });
        self.define(Definition::Plan(Arc::clone(&plan)));
        Ok(Expr::new(ExprKind::Plan(plan), span))
    }

    /// `apply(arguments) { body }`
    pub(super) fn apply(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        self.expect(TokenKind::LParen)?;
        let arguments = self.call_arguments()?;
        if arguments.is_empty() {
            return Err(self.syntax_error());
        }
        self.expect(TokenKind::RParen)?;
        let body = self.braced_block()?;
        let span = keyword.to(body.span);
        Ok(Expr::new(ExprKind::Apply { arguments, body }, span))
    }

    /// `node hosts inherits parent { body }`
    pub(super) fn node_definition(&mut self) -> Parsed<Expr> {
        let keyword = self.bump().span;
        let mut hosts = vec![self.host_name()?];
        while self.eat(TokenKind::Comma).is_some() {
            if matches!(self.peek(), TokenKind::LBrace | TokenKind::Inherits) {
                break;
            }
            hosts.push(self.host_name()?);
        }
        let parent = match self.eat(TokenKind::Inherits) {
            Some(_) => Some(Box::new(self.host_name()?)),
            None => None,
        };
        let body = self.braced_block()?;
        let span = keyword.to(body.span);
        let node = Arc::new(NodeDefinition { hosts, parent, body, span });
        self.define(Definition::Node(Arc::clone(&node)));
        Ok(Expr::new(ExprKind::Node(node), span))
    }

    /// A string, a regular expression, `default`, or names and numbers with dots between them.
    fn host_name(&mut self) -> Parsed<Expr> {
        match self.peek() {
            TokenKind::Default => {
                let token = self.bump();
                Ok(Expr::new(ExprKind::Default, token.span))
            }
            TokenKind::Regex => {
                let token = self.bump();
                Ok(Expr::new(ExprKind::Regex(token.name()), token.span))
            }
            TokenKind::Name | TokenKind::Number => {
                let first = self.bump();
                let mut name = first.name().to_string();
                let mut span = first.span;
                while self.eat(TokenKind::Dot).is_some() {
                    if !matches!(self.peek(), TokenKind::Name | TokenKind::Number) {
                        return Err(self.syntax_error());
                    }
                    let part = self.bump();
                    name.push('.');
                    name.push_str(&part.name());
                    span = span.to(part.span);
                }
                Ok(Expr::new(ExprKind::String(name.into()), span))
            }
            _ => self.quoted_text(),
        }
    }

    /// The name in a definition. Names that can't be one are refused by validation, not here.
    fn definition_name(&mut self) -> Parsed<Arc<str>> {
        match self.peek() {
            TokenKind::Name | TokenKind::Word | TokenKind::ClassRef => Ok(self.bump().name()),
            TokenKind::Class => {
                let span = self.span();
                Err(self.error_at(span, "'class' keyword not allowed at this location"))
            }
            TokenKind::String => {
                let span = self.span();
                Err(self.error_at(span, "A quoted string is not valid as a name here"))
            }
            _ => Err(self.syntax_error()),
        }
    }

    /// The name with the classes around it.
    fn qualified(&self, name: &str) -> Arc<str> {
        let full = format!("{}::{name}", self.namespace.join("::"));
        Arc::from(full.strip_prefix("::").unwrap_or(&full))
    }
}
