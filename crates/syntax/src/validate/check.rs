//! The checks of each kind of node.

use super::{Container, Validator, effect, literal, patterns};
use crate::ast::*;
use crate::diagnostic::Diagnostic;
use crate::label;
use std::collections::HashSet;

/// The part of an expression that makes it have no value; `None` if it has one.
pub(super) fn without_value(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Collector(_)
        | ExprKind::Class(_)
        | ExprKind::ResourceType(_)
        | ExprKind::Function(_)
        | ExprKind::Plan(_)
        | ExprKind::Node(_)
        | ExprKind::TypeAlias(_)
        | ExprKind::TypeMapping(_)
        | ExprKind::TypeDefinition(_) => Some(expr),
        ExprKind::Unary { operand: inner, .. } | ExprKind::Paren(inner) | ExprKind::Render(inner) => {
            without_value(inner)
        }
        _ => None,
    }
}

impl Validator<'_> {
    /// Checks a node for itself.
    pub(super) fn check(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Assign { op, target, value } => self.check_assignment(expr, *op, target, value),
            ExprKind::Binary { left, right, .. } => {
                self.value(left);
                self.value(right);
            }
            ExprKind::Relationship { left, right, .. } => {
                for side in [left, right] {
                    if !matches!(side.kind, ExprKind::Collector(_) | ExprKind::Relationship { .. }) {
                        self.value(side);
                    }
                }
            }
            ExprKind::Unary { operand: inner, .. } | ExprKind::Paren(inner) | ExprKind::Render(inner) => {
                self.value(inner);
            }
            ExprKind::Interpolated(segments) => {
                for segment in segments {
                    if let Segment::Expr(inner) = segment {
                        self.value(inner);
                    }
                }
            }
            ExprKind::List(items) => {
                for item in items {
                    self.value(item);
                }
            }
            ExprKind::If { test, .. } | ExprKind::Unless { test, .. } => self.value(test),
            ExprKind::Case { subject, options } => {
                self.value(subject);
                self.one_default(
                    options.iter().flat_map(|option| &option.values).filter(|value| is_default(value)),
                    "'case' statement",
                );
            }
            ExprKind::Selector { subject, entries } => {
                self.value(subject);
                let defaults = entries.iter().map(|entry| &entry.matching).filter(|value| is_default(value));
                self.one_default(defaults.take(2), "Selector Expression");
            }
            ExprKind::Hash(entries) => self.check_hash(entries),
            ExprKind::Integer { .. } => self.check_integer(expr),
            ExprKind::Variable(name) => self.check_variable(expr, name),
            ExprKind::Reserved(word) => self.error(
                expr.span,
                format!("Use of reserved word: {word}, must be quoted if intended to be a String value"),
            ),
            ExprKind::Call(call) => self.check_call(expr, call),
            ExprKind::Collector(collector) => {
                if !matches!(collector.type_expr.kind, ExprKind::TypeName(_)) {
                    let query =
                        if collector.query.exported { "an Exported Query" } else { "a Virtual Query" };
                    self.unacceptable(&collector.type_expr, "type name", query);
                }
            }
            ExprKind::Resource(resource) => {
                let class =
                    matches!(&resource.type_name.kind, ExprKind::Name(name) if name.as_ref() == "class");
                if class && resource.form != ResourceForm::Regular {
                    self.error(expr.span, "Classes are not virtualizable");
                }
            }
            ExprKind::ResourceDefaults(ResourceDefaults { form, .. })
            | ExprKind::ResourceOverride(ResourceOverride { form, .. }) => {
                if *form != ResourceForm::Regular {
                    self.error(expr.span, "Resource Defaults are not virtualizable");
                }
            }
            ExprKind::Block(block) => self.check_block(block),
            ExprKind::Heredoc { syntax: Some(syntax), text } => self.check_heredoc(syntax, text),
            _ => self.check_definition(expr),
        }
    }

    /// "X is unacceptable as Y in Z"; the last with its article.
    pub(super) fn unacceptable(&mut self, culprit: &Expr, feature: &str, container: &str) {
        let label = label::capitalized(&label::of(culprit));
        self.error(
            culprit.span,
            format!("Illegal expression. {label} is unacceptable as {feature} in {container}"),
        );
    }

    pub(super) fn check_block(&mut self, block: &Block) {
        if let Some(name) = effect::resource_without_title(block) {
            let message = format!(
                "This expression is invalid. Did you try declaring a '{name}' resource without a title?"
            );
            let span = block.statements.first().map_or(block.span, |first| first.span);
            self.error(span, message);
            return;
        }
        let Some((_, but_last)) = block.statements.split_last() else { return };
        if let Some(statement) = but_last.iter().find(|statement| effect::is_idle(statement)) {
            let label = label::of(statement);
            self.error(
                statement.span,
                format!(
                    "This {label} has no effect. A value was produced and then forgotten \
                     (one or more preceding expressions may have the wrong form)"
                ),
            );
        }
    }

    fn one_default<'e>(&mut self, defaults: impl Iterator<Item = &'e Expr>, container: &str) {
        for duplicate in defaults.skip(1) {
            let message = format!("This {container} already has a 'default' entry - this is a duplicate");
            self.error(duplicate.span, message);
        }
    }

    fn check_hash(&mut self, entries: &[HashEntry]) {
        let mut seen = HashSet::new();
        for entry in entries {
            if let Some(key) = literal::of(&entry.key) {
                let shown = key.to_string();
                if !seen.insert(key) {
                    let message = format!("The key '{shown}' is declared more than once");
                    self.diagnostics.push(Diagnostic::warning(message, entry.span));
                }
            }
        }
    }

    fn check_integer(&mut self, expr: &Expr) {
        if let Some(digits) = self.overflows.get(&expr.span.start) {
            let message = format!(
                "A Literal Integer resulted in a value outside of Puppet Integer max range, got '+0x{digits}'"
            );
            self.error(expr.span, message);
        }
    }

    fn check_variable(&mut self, expr: &Expr, name: &str) {
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            if !patterns::is_numeric_variable(name) {
                let message = format!(
                    "Illegal numeric variable name, The given name '{name}' must be a decimal value \
                     if it starts with a digit 0-9"
                );
                self.error(expr.span, message);
            }
        } else if !patterns::is_variable(name) {
            let message = format!(
                "Illegal variable name, The given name '{name}' does not conform to the naming rule \
                 /^((::)?[a-z]\\w*)*((::)?[a-z_]\\w*)$/"
            );
            self.error(expr.span, message);
        }
    }

    fn check_call(&mut self, expr: &Expr, call: &Call) {
        match &call.function.kind {
            ExprKind::Name(_) | ExprKind::TypeName(_) => {}
            ExprKind::Access { target, .. } if matches!(target.kind, ExprKind::TypeName(_)) => {}
            ExprKind::RenderText(_) => self.error(
                expr.span,
                "Ambiguous EPP parameter expression. Probably missing '<%-' before parameters \
                 to remove leading whitespace",
            ),
            _ => self.unacceptable(&call.function, "function name", "a Function Call"),
        }
    }

    /// Only `==` and `!=`, joined by `and` and `or`, over simple values.
    pub(super) fn check_query(&mut self, query: &Expr) {
        match &query.kind {
            ExprKind::Binary { op: BinaryOp::Equal | BinaryOp::NotEqual, .. } => {}
            ExprKind::Binary { op: BinaryOp::And | BinaryOp::Or, left, right } => {
                self.check_query(left);
                self.check_query(right);
            }
            ExprKind::Paren(inner) => self.check_query(inner),
            ExprKind::Variable(_)
            | ExprKind::Name(_)
            | ExprKind::Integer { .. }
            | ExprKind::Float(_)
            | ExprKind::String(_)
            | ExprKind::Bool(_) => {}
            _ => {
                let label = label::capitalized(&label::of(query));
                let message = format!("Illegal query expression. {label} cannot be used in a query");
                self.error(query.span, message);
            }
        }
    }

    pub(super) fn check_resource_body(&mut self, body: &ResourceBody) {
        let splats = body.operations.iter().filter(|op| matches!(op.kind, AttributeOperationKind::Splat(_)));
        for splat in splats.skip(1) {
            let message = "Unfolding of attributes from Hash can only be used once per resource body";
            self.error(splat.span, message);
        }
    }

    pub(super) fn check_attribute_operation(&mut self, operation: &AttributeOperation) {
        match &operation.kind {
            AttributeOperationKind::Named { name, operator, value } => {
                let container = match self.path.last() {
                    Some(Container::ResourceBody) => Some("a Resource Instance Definition"),
                    Some(Container::ResourceDefaults) => Some("a Resource Defaults Expression"),
                    _ => None,
                };
                if let (AttributeOperator::Append, Some(container)) = (operator, container) {
                    let message = format!(
                        "Illegal +> operation on attribute {name}. This operator can not be used in {container}"
                    );
                    self.error(operation.span, message);
                }
                self.value(value);
            }
            AttributeOperationKind::Splat(value) => self.value(value),
        }
    }
}

fn is_default(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Default)
}
