//! From an expression to the chapter that evaluates it.

use syntax::ast::{BinaryOp, Block, Expr, ExprKind, UnaryOp};

use crate::eval::scope::ScopeId;
use crate::eval::{DEPTH_LIMIT, Evaluator};
use crate::failure::Failure;
use crate::label;
use crate::value::Value;

impl Evaluator<'_> {
    /// Evaluates an expression.
    ///
    /// # Errors
    /// Placed failures and control transfers.
    pub(crate) fn eval(&mut self, expr: &Expr, scope: ScopeId) -> Result<Value, Failure> {
        if self.depth >= DEPTH_LIMIT {
            return Err(self.blame(expr.span, "stack level too deep"));
        }
        self.depth += 1;
        let result = self.eval_kind(expr, scope);
        self.depth -= 1;
        match result {
            Ok(value) => Ok(value),
            Err(failure) => Err(self.placed(failure, expr.span, || label::of(expr))),
        }
    }

    fn eval_kind(&mut self, expr: &Expr, scope: ScopeId) -> Result<Value, Failure> {
        match &expr.kind {
            ExprKind::Nop | ExprKind::Undef => Ok(Value::Undef),
            ExprKind::Default => Ok(Value::Default),
            ExprKind::Bool(value) => Ok(Value::Bool(*value)),
            ExprKind::Integer { value, .. } => Ok(Value::Int(*value)),
            ExprKind::Float(value) => Ok(Value::Float(*value)),
            ExprKind::String(text) | ExprKind::Name(text) => Ok(Value::String(text.clone())),
            ExprKind::Interpolated(segments) => self.eval_interpolated(segments, scope),
            ExprKind::Heredoc { syntax, text } => self.eval_heredoc(syntax.as_deref(), text, scope),
            ExprKind::Regex(source) => self.eval_regex(source),
            ExprKind::List(items) => Ok(Value::array(self.eval_arguments(items, scope)?)),
            ExprKind::Hash(entries) => self.eval_hash(entries, scope),
            ExprKind::Variable(name) => self.read_variable(scope, name, expr.span),
            ExprKind::TypeName(name) => self.eval_type_name(name),
            ExprKind::Reserved(word) => Err(Failure::issue(format!(
                "Use of reserved word: {word}, must be quoted if intended to be a String value"
            ))),
            ExprKind::Access { target, keys } => self.eval_access(expr, target, keys, scope),
            ExprKind::Call(call) => self.eval_call(call, expr.span, scope),
            ExprKind::MethodCall(call) => self.eval_method_call(call, expr.span, scope),
            ExprKind::Unary { op, operand } => match op {
                UnaryOp::Not => Ok(Value::Bool(!self.eval(operand, scope)?.is_truthy())),
                UnaryOp::Minus => self.eval_minus(operand, expr.span, scope),
                UnaryOp::Splat => Ok(Value::array(self.eval_splat(operand, scope)?)),
            },
            ExprKind::Binary { op, left, right } => match op {
                BinaryOp::And => Ok(Value::Bool(
                    self.eval(left, scope)?.is_truthy() && self.eval(right, scope)?.is_truthy(),
                )),
                BinaryOp::Or => Ok(Value::Bool(
                    self.eval(left, scope)?.is_truthy() || self.eval(right, scope)?.is_truthy(),
                )),
                op => self.eval_binary(*op, left, right, expr.span, scope),
            },
            ExprKind::Paren(inner) => self.eval(inner, scope),
            ExprKind::Assign { op, target, value } => {
                self.eval_assignment(*op, target, value, expr.span, scope)
            }
            ExprKind::Relationship { op, left, right } => self.eval_relationship(*op, left, right, scope),
            ExprKind::If { test, then, otherwise } => {
                self.eval_if(test, then, otherwise.as_ref(), true, scope)
            }
            ExprKind::Unless { test, then, otherwise } => {
                self.eval_if(test, then, otherwise.as_ref(), false, scope)
            }
            ExprKind::Case { subject, options } => self.eval_case(subject, options, scope),
            ExprKind::Selector { subject, entries } => self.eval_selector(subject, entries, scope),
            ExprKind::Resource(resource) => self.eval_resource(resource, expr.span, scope),
            ExprKind::ResourceDefaults(defaults) => self.eval_defaults(defaults, scope),
            ExprKind::ResourceOverride(overrides) => self.eval_override(overrides, expr.span, scope),
            ExprKind::Collector(collector) => self.eval_collector(collector, expr.span, scope),
            ExprKind::Block(block) => self.eval_block(block, scope),
            // Definitions were entered into the environment's tables when their file was loaded.
            ExprKind::Class(_)
            | ExprKind::ResourceType(_)
            | ExprKind::Function(_)
            | ExprKind::Node(_)
            | ExprKind::TypeAlias(_)
            | ExprKind::TypeMapping(_)
            | ExprKind::TypeDefinition(_)
            | ExprKind::Plan(_) => Ok(Value::Undef),
            ExprKind::Apply { .. } => Err(Failure::unsupported("an apply expression")),
            ExprKind::RenderText(text) => self.eval_render_text(text, scope),
            ExprKind::Render(inner) => self.eval_render(inner, scope),
        }
    }

    /// Evaluates statements in order; the value is the last one's.
    ///
    /// # Errors
    /// Those of the statements.
    pub(crate) fn eval_block(&mut self, block: &Block, scope: ScopeId) -> Result<Value, Failure> {
        let mut last = Value::Undef;
        for statement in &block.statements {
            last = self.eval(statement, scope)?;
        }
        Ok(last)
    }

    /// Evaluates a list of expressions, splats (`*$x`) unfolded in place.
    pub(crate) fn eval_arguments(&mut self, items: &[Expr], scope: ScopeId) -> Result<Vec<Value>, Failure> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let inner = item.without_parens();
            if let ExprKind::Unary { op: UnaryOp::Splat, .. } = &inner.kind {
                match self.eval(inner, scope)? {
                    Value::Array(unfolded) => values.extend(unfolded.iter().cloned()),
                    other => values.push(other),
                }
            } else {
                values.push(self.eval(inner, scope)?);
            }
        }
        Ok(values)
    }

    fn eval_splat(&mut self, operand: &Expr, scope: ScopeId) -> Result<Vec<Value>, Failure> {
        Ok(match self.eval(operand, scope)? {
            Value::Undef => Vec::new(),
            Value::Array(items) => items.to_vec(),
            Value::Hash(hash) => pairs(&hash),
            Value::Iterator(sequence) => sequence.iter().collect(),
            other => vec![other],
        })
    }
}

/// A hash as an array of `[key, value]`.
pub(crate) fn pairs(hash: &crate::value::Hash) -> Vec<Value> {
    hash.iter().map(|(key, value)| Value::array(vec![key.clone(), value.clone()])).collect()
}
