//! Visiting the direct children of a node.

use super::{AttributeOperation, AttributeOperationKind, Block, Expr, ExprKind, Lambda, Parameter, Segment};

impl Expr {
    /// Calls `visit` with each expression directly under this one, in Puppet's order of model attributes. Bodies of
    /// lambdas and definitions count.
    pub fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Nop
            | ExprKind::Undef
            | ExprKind::Default
            | ExprKind::Bool(_)
            | ExprKind::Integer { .. }
            | ExprKind::Float(_)
            | ExprKind::String(_)
            | ExprKind::Regex(_)
            | ExprKind::Variable(_)
            | ExprKind::Name(_)
            | ExprKind::TypeName(_)
            | ExprKind::Reserved(_)
            | ExprKind::RenderText(_) => {}
            ExprKind::Interpolated(segments) => {
                for segment in segments {
                    if let Segment::Expr(inner) = segment {
                        visit(inner);
                    }
                }
            }
            ExprKind::Heredoc { text, .. } => visit(text),
            ExprKind::List(items) => items.iter().for_each(visit),
            ExprKind::Hash(entries) => {
                for entry in entries {
                    visit(&entry.key);
                    visit(&entry.value);
                }
            }
            ExprKind::Access { target, keys } => {
                visit(target);
                keys.iter().for_each(visit);
            }
            ExprKind::Call(call) => {
                visit(&call.function);
                call.arguments.iter().for_each(&mut *visit);
                if let Some(lambda) = &call.lambda {
                    lambda.for_each_child(visit);
                }
            }
            ExprKind::MethodCall(call) => {
                visit(&call.receiver);
                call.arguments.iter().for_each(&mut *visit);
                if let Some(lambda) = &call.lambda {
                    lambda.for_each_child(visit);
                }
            }
            ExprKind::Unary { operand, .. } => visit(operand),
            ExprKind::Paren(inner) | ExprKind::Render(inner) => visit(inner),
            ExprKind::Binary { left, right, .. } | ExprKind::Relationship { left, right, .. } => {
                visit(left);
                visit(right);
            }
            ExprKind::Assign { target, value, .. } => {
                visit(target);
                visit(value);
            }
            ExprKind::If { test, then, otherwise } | ExprKind::Unless { test, then, otherwise } => {
                visit(test);
                then.for_each_child(visit);
                if let Some(otherwise) = otherwise {
                    otherwise.for_each_child(visit);
                }
            }
            ExprKind::Case { subject, options } => {
                visit(subject);
                for option in options {
                    option.values.iter().for_each(&mut *visit);
                    option.body.for_each_child(visit);
                }
            }
            ExprKind::Selector { subject, entries } => {
                visit(subject);
                for entry in entries {
                    visit(&entry.matching);
                    visit(&entry.value);
                }
            }
            ExprKind::Resource(resource) => {
                visit(&resource.type_name);
                for body in &resource.bodies {
                    visit(&body.title);
                    operations(&body.operations, visit);
                }
            }
            ExprKind::ResourceDefaults(defaults) => {
                visit(&defaults.type_ref);
                operations(&defaults.operations, visit);
            }
            ExprKind::ResourceOverride(over) => {
                visit(&over.resources);
                operations(&over.operations, visit);
            }
            ExprKind::Collector(collector) => {
                visit(&collector.type_expr);
                if let Some(predicate) = &collector.query.predicate {
                    visit(predicate);
                }
                operations(&collector.operations, visit);
            }
            ExprKind::Block(block) => block.for_each_child(visit),
            ExprKind::Class(d) => named(&d.parameters, None, &d.body, visit),
            ExprKind::ResourceType(d) => named(&d.parameters, None, &d.body, visit),
            ExprKind::Function(d) => named(&d.parameters, d.return_type.as_ref(), &d.body, visit),
            ExprKind::Plan(d) => named(&d.parameters, None, &d.body, visit),
            ExprKind::Node(d) => {
                if let Some(parent) = &d.parent {
                    visit(parent);
                }
                d.hosts.iter().for_each(&mut *visit);
                d.body.for_each_child(visit);
            }
            ExprKind::TypeAlias(d) => visit(&d.type_expr),
            ExprKind::TypeMapping(d) => {
                visit(&d.type_expr);
                visit(&d.mapping);
            }
            ExprKind::TypeDefinition(d) => d.body.for_each_child(visit),
            ExprKind::Apply { arguments, body } => {
                arguments.iter().for_each(&mut *visit);
                body.for_each_child(visit);
            }
        }
    }
}

impl Block {
    /// Calls `visit` with each statement.
    pub fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        self.statements.iter().for_each(visit);
    }
}

impl Lambda {
    /// Calls `visit` with types and defaults of the parameters, the statements, and the return type.
    pub fn for_each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        named(&self.parameters, None, &self.body, visit);
        if let Some(return_type) = &self.return_type {
            visit(return_type);
        }
    }
}

fn named<'a>(
    parameters: &'a [Parameter],
    return_type: Option<&'a Expr>,
    body: &'a Block,
    visit: &mut dyn FnMut(&'a Expr),
) {
    for parameter in parameters {
        if let Some(default) = &parameter.default {
            visit(default);
        }
        if let Some(type_expr) = &parameter.type_expr {
            visit(type_expr);
        }
    }
    body.for_each_child(visit);
    if let Some(return_type) = return_type {
        visit(return_type);
    }
}

fn operations<'a>(operations: &'a [AttributeOperation], visit: &mut dyn FnMut(&'a Expr)) {
    for operation in operations {
        match &operation.kind {
            AttributeOperationKind::Named { value, .. } => visit(value),
            AttributeOperationKind::Splat(value) => visit(value),
        }
    }
}
