//! `if`, `unless`, `case` and `?`.

use syntax::ast::{Block, CaseOption, Expr, ExprKind, SelectorEntry, UnaryOp};

use crate::eval::Evaluator;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::value::Value;

impl Evaluator<'_> {
    /// `if` runs `then` when the test is `wanted`, which for `unless` is false.
    pub(crate) fn eval_if(
        &mut self,
        test: &Expr,
        then: &Block,
        otherwise: Option<&Block>,
        wanted: bool,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        self.guarded(scope, |this| {
            if this.eval(test, scope)?.is_truthy() == wanted {
                this.eval_block(then, scope)
            } else {
                otherwise.map_or(Ok(Value::Undef), |block| this.eval_block(block, scope))
            }
        })
    }

    pub(crate) fn eval_case(
        &mut self,
        subject: &Expr,
        options: &[CaseOption],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        self.guarded(scope, |this| {
            let subject = this.eval(subject, scope)?;
            let mut fallback = None;
            for option in options {
                for value in &option.values {
                    let value = value.without_parens();
                    if matches!(value.kind, ExprKind::Default) {
                        fallback = Some(&option.body);
                    } else if this.option_matches(&subject, value, scope)? {
                        return this.eval_block(&option.body, scope);
                    }
                }
            }
            fallback.map_or(Ok(Value::Undef), |block| this.eval_block(block, scope))
        })
    }

    pub(crate) fn eval_selector(
        &mut self,
        subject_expr: &Expr,
        entries: &[SelectorEntry],
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        self.guarded(scope, |this| {
            let subject = this.eval(subject_expr, scope)?;
            let mut fallback = None;
            for entry in entries {
                let matching = entry.matching.without_parens();
                if matches!(matching.kind, ExprKind::Default) {
                    fallback = Some(&entry.value);
                } else if this.option_matches(&subject, matching, scope)? {
                    return this.eval(&entry.value, scope);
                }
            }
            match fallback {
                Some(value) => this.eval(value, scope),
                None => Err(this.blame(
                    subject_expr.span,
                    format_args!(
                        "No matching entry for selector parameter with value '{}'",
                        crate::format::ruby::to_s(&subject)
                    ),
                )),
            }
        })
    }

    /// A splat offers several values.
    fn option_matches(&mut self, subject: &Value, option: &Expr, scope: ScopeId) -> Result<bool, Failure> {
        let pattern = self.eval(option, scope)?;
        if let (ExprKind::Unary { op: UnaryOp::Splat, .. }, Value::Array(patterns)) = (&option.kind, &pattern)
        {
            for pattern in patterns.iter() {
                if self.matches(subject, pattern, Some(scope))? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        self.matches(subject, &pattern, Some(scope))
    }
}
