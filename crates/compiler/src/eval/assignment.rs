//! `$x = …`, `[$a, $b] = …`

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{AssignOp, Expr, ExprKind};

use crate::eval::Evaluator;
use crate::eval::scope::{Found, ScopeId};
use crate::failure::Failure;
use crate::label;
use crate::types::Type;
use crate::value::{Key, Value};

/// Variables that every class and define has.
const BUILT_IN: [&str; 2] = ["name", "title"];

impl Evaluator<'_> {
    pub(crate) fn eval_assignment(
        &mut self,
        op: AssignOp,
        target: &Expr,
        value_expr: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let value = self.eval(value_expr, scope)?;
        if op != AssignOp::Set {
            return Err(Failure::issue(format!("The operator '{}' is not supported.", op.symbol())));
        }
        self.assign(target, value.clone(), value_expr, span, scope)?;
        Ok(value)
    }

    fn assign(
        &mut self,
        target: &Expr,
        value: Value,
        value_expr: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<(), Failure> {
        match &target.kind {
            ExprKind::Variable(name) => self.assign_variable(name, value, target.span, scope),
            ExprKind::List(targets) => self.assign_list(targets, &value, value_expr, span, scope),
            _ => {
                let shown = label::with_article(&label::of(target));
                Err(self.blame(
                    target.span,
                    format_args!("Illegal attempt to assign to '{shown}'. Not an assignable reference"),
                ))
            }
        }
    }

    fn assign_variable(
        &mut self,
        name: &Arc<str>,
        value: Value,
        target: Span,
        scope: ScopeId,
    ) -> Result<(), Failure> {
        if name.contains("::") {
            let text = format!(
                "Illegal attempt to assign to '{name}'. Cannot assign to variables in other namespaces"
            );
            return Err(self.blame(target, text));
        }
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            let text = format!(
                "Illegal attempt to assign to the numeric match result variable '${name}'. \
                 Numeric variables are not assignable"
            );
            return Err(self.blame(target, text));
        }
        let reserved = ["trusted", "facts"].contains(&&**name);
        if &**name == "server_facts" || (reserved && self.is_bound(scope, name)) {
            return Err(Failure::issue(format!("Attempt to assign to a reserved variable name: '${name}'")));
        }
        if reserved {
            return Err(Failure::raised(format!("Attempt to assign to a reserved variable name: '{name}'")));
        }
        if self.is_bound(scope, name) {
            let what = if BUILT_IN.contains(&&**name) {
                "built in (or already assigned) variable"
            } else {
                "variable"
            };
            return Err(Failure::issue(format!("Cannot reassign {what} '${name}'")));
        }
        self.set_variable(scope, name, value)
    }

    fn assign_list(
        &mut self,
        targets: &[Expr],
        value: &Value,
        value_expr: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<(), Failure> {
        match value {
            Value::Hash(hash) => {
                for target in targets {
                    let ExprKind::Variable(name) = &target.kind else {
                        return Err(self.blame(
                            target.span,
                            "Illegal attempt to assign to 'an Array Expression'. Not an assignable reference",
                        ));
                    };
                    let Some(item) = hash.get(&Key(name)) else {
                        return Err(Failure::issue(format!(
                            "No value for required key '{name}' in assignment to variables from hash"
                        )));
                    };
                    self.assign(target, item.clone(), value_expr, span, scope)?;
                }
                Ok(())
            }
            Value::Type(of) if matches!(**of, Type::Class(_)) => {
                let Type::Class(Some(class)) = &**of else {
                    return Err(self.blame(value_expr.span, "Resource not found: Class['']"));
                };
                self.assign_from_class(targets, class, value_expr, span, scope)
            }
            other => {
                let items = match other {
                    Value::Array(items) => items.to_vec(),
                    single => vec![single.clone()],
                };
                if items.len() != targets.len() {
                    return Err(Failure::issue(format!(
                        "Mismatched number of assignable entries and values, expected {}, got {}",
                        targets.len(),
                        items.len()
                    )));
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, value_expr, span, scope)?;
                }
                Ok(())
            }
        }
    }

    fn assign_from_class(
        &mut self,
        targets: &[Expr],
        class: &str,
        value_expr: &Expr,
        span: Span,
        scope: ScopeId,
    ) -> Result<(), Failure> {
        if self.draft.find("Class", class).is_none() {
            return Err(self.blame(value_expr.span, format_args!("Resource not found: Class['{class}']")));
        }
        for target in targets {
            let ExprKind::Variable(name) = &target.kind else { continue };
            let full = format!("{class}::{name}");
            let Found::Value(value) = self.find_variable(scope, &full)? else {
                let text = format!(
                    "No value for required variable '${full}' in assignment to variables from class reference"
                );
                return Err(self.blame(target.span, text));
            };
            self.assign(target, value, value_expr, span, scope)?;
        }
        Ok(())
    }
}
