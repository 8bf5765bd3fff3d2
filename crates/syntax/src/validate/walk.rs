//! The way through the tree: each node is checked, then what is in it.

use super::{Container, Validator};
use crate::ast::*;

impl Validator<'_> {
    /// Statements where Puppet has a block only if there are several.
    pub(super) fn short_block(&mut self, block: &Block) {
        match block.statements.as_slice() {
            [] => {}
            [only] => self.expr(only),
            _ => self.body(block),
        }
    }

    /// Statements where Puppet always has a block.
    pub(super) fn body(&mut self, block: &Block) {
        if block.is_empty() {
            return;
        }
        self.check_block(block);
        self.within(Container::Block, |v| {
            for statement in &block.statements {
                v.expr(statement);
            }
        });
    }

    pub(super) fn parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            self.check_parameter(parameter);
            self.within(Container::Other, |v| {
                if let Some(default) = &parameter.default {
                    v.expr(default);
                }
                if let Some(type_expr) = &parameter.type_expr {
                    v.expr(type_expr);
                }
            });
        }
    }

    fn all(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn definition(
        &mut self,
        container: Container,
        parameters: &[Parameter],
        body: &Block,
        return_type: Option<&Expr>,
    ) {
        self.within(container, |v| {
            v.parameters(parameters);
            v.body(body);
            if let Some(return_type) = return_type {
                v.expr(return_type);
            }
        });
    }

    fn operations(&mut self, operations: &[AttributeOperation]) {
        for operation in operations {
            self.check_attribute_operation(operation);
            let (AttributeOperationKind::Named { value, .. } | AttributeOperationKind::Splat(value)) =
                &operation.kind;
            self.within(Container::Other, |v| v.expr(value));
        }
    }

    /// Checks a node and all below it.
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.check(expr);
        match &expr.kind {
            ExprKind::Class(d) => self.definition(Container::Class, &d.parameters, &d.body, None),
            ExprKind::ResourceType(d) => self.definition(Container::Other, &d.parameters, &d.body, None),
            ExprKind::Function(d) => {
                self.definition(Container::Other, &d.parameters, &d.body, d.return_type.as_ref());
            }
            ExprKind::Plan(d) => self.definition(Container::Other, &d.parameters, &d.body, None),
            ExprKind::Block(block) => {
                self.within(Container::Block, |v| v.all(&block.statements));
            }
            _ => self.within(Container::Other, |v| v.inside(expr)),
        }
    }

    fn inside(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Hash(entries) => {
                for entry in entries {
                    self.value(&entry.key);
                    self.value(&entry.value);
                    self.expr(&entry.key);
                    self.expr(&entry.value);
                }
            }
            ExprKind::Call(call) => {
                self.expr(&call.function);
                self.all(&call.arguments);
                self.lambda(call.lambda.as_deref());
            }
            ExprKind::MethodCall(call) => {
                self.expr(&call.receiver);
                self.all(&call.arguments);
                self.lambda(call.lambda.as_deref());
            }
            ExprKind::If { test, then, otherwise } | ExprKind::Unless { test, then, otherwise } => {
                self.expr(test);
                self.short_block(then);
                if let Some(otherwise) = otherwise {
                    self.short_block(otherwise);
                }
            }
            ExprKind::Case { subject, options } => {
                self.expr(subject);
                for option in options {
                    for value in &option.values {
                        self.value(value);
                    }
                    self.all(&option.values);
                    self.body(&option.body);
                }
            }
            ExprKind::Selector { subject, entries } => {
                self.expr(subject);
                for entry in entries {
                    self.value(&entry.matching);
                    self.expr(&entry.matching);
                    self.expr(&entry.value);
                }
            }
            ExprKind::Resource(resource) => {
                self.expr(&resource.type_name);
                for body in &resource.bodies {
                    self.check_resource_body(body);
                    self.within(Container::ResourceBody, |v| {
                        v.expr(&body.title);
                        v.operations(&body.operations);
                    });
                }
            }
            ExprKind::ResourceDefaults(defaults) => {
                self.expr(&defaults.type_ref);
                self.within(Container::ResourceDefaults, |v| v.operations(&defaults.operations));
            }
            ExprKind::ResourceOverride(over) => {
                self.expr(&over.resources);
                self.within(Container::Appendable, |v| v.operations(&over.operations));
            }
            ExprKind::Collector(collector) => {
                self.expr(&collector.type_expr);
                if let Some(predicate) = &collector.query.predicate {
                    self.check_query(predicate);
                    self.expr(predicate);
                }
                self.within(Container::Appendable, |v| v.operations(&collector.operations));
            }
            ExprKind::Node(node) => {
                if let Some(parent) = &node.parent {
                    self.expr(parent);
                }
                self.all(&node.hosts);
                self.body(&node.body);
            }
            ExprKind::TypeDefinition(d) => self.body(&d.body),
            ExprKind::Apply { arguments, body } => {
                self.all(arguments);
                self.within(Container::Apply, |v| v.body(body));
            }
            _ => expr.for_each_child(&mut |child| self.expr(child)),
        }
    }

    fn lambda(&mut self, lambda: Option<&Lambda>) {
        let Some(lambda) = lambda else { return };
        self.captures_rest_is_last(&lambda.parameters);
        if let Some(return_type) = &lambda.return_type {
            self.check_type_reference(return_type, "Lambda");
        }
        self.definition(Container::Lambda, &lambda.parameters, &lambda.body, lambda.return_type.as_ref());
    }
}
