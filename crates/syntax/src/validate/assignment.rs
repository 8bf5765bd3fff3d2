//! What may be assigned to.

use super::{Validator, patterns};
use crate::ast::{AssignOp, Expr, ExprKind};
use crate::label;

impl Validator<'_> {
    pub(super) fn check_assignment(&mut self, expr: &Expr, op: AssignOp, target: &Expr, value: &Expr) {
        if op != AssignOp::Set {
            let symbol = op.symbol();
            let message = format!(
                "The operator '{symbol}' is no longer supported. See http://links.puppet.com/remove-plus-equals"
            );
            self.error(expr.span, message);
            return;
        }
        self.check_target(target);
        self.value(value);
    }

    fn check_target(&mut self, target: &Expr) {
        match &target.kind {
            ExprKind::Variable(name) => {
                if patterns::is_numeric_variable(name) {
                    let message = format!(
                        "Illegal attempt to assign to the numeric match result variable '${name}'. \
                         Numeric variables are not assignable"
                    );
                    self.error(target.span, message);
                }
                if name.contains("::") {
                    let message = format!(
                        "Illegal attempt to assign to '{name}'. Cannot assign to variables in other namespaces"
                    );
                    self.error(target.span, message);
                }
            }
            ExprKind::Access { .. } => {
                let message = "Illegal attempt to assign via [index/key]. Not an assignable reference";
                self.error(target.span, message);
            }
            ExprKind::List(items) => {
                for item in items {
                    self.check_target(item);
                }
            }
            _ => {
                let label = label::with_article(&label::of(target));
                let message = format!("Illegal attempt to assign to '{label}'. Not an assignable reference");
                self.error(target.span, message);
            }
        }
    }

    /// A default value may contain no assignment, except in a lambda.
    pub(super) fn no_assignment(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Assign { .. } => self.error(expr.span, "Assignment not allowed here"),
            ExprKind::Call(call) => {
                self.no_assignment(&call.function);
                call.arguments.iter().for_each(|argument| self.no_assignment(argument));
            }
            ExprKind::MethodCall(call) => {
                self.no_assignment(&call.receiver);
                call.arguments.iter().for_each(|argument| self.no_assignment(argument));
            }
            _ => expr.for_each_child(&mut |child| self.no_assignment(child)),
        }
    }
}
