//! `a -> b`, `a ~> b` and their reverses.

use syntax::ast::{Edge, Expr, ExprKind};

use crate::catalog::relationship::{End, Relationship, reference_parts};
use crate::eval::Evaluator;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::label;
use crate::types::{Type, print};
use crate::value::Value;

impl Evaluator<'_> {
    pub(crate) fn eval_relationship(
        &mut self,
        op: Edge,
        left: &Expr,
        right: &Expr,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        let (value, _) = self.relate_ends(op, left, right, scope)?;
        Ok(value)
    }

    /// The value of the whole is its right side's, so that chains go on from there.
    fn relate_ends(
        &mut self,
        op: Edge,
        left: &Expr,
        right: &Expr,
        scope: ScopeId,
    ) -> Result<(Value, Vec<End>), Failure> {
        let (left_value, left) = self.eval_end(left, scope)?;
        let (right_value, right) = self.eval_end(right, scope)?;
        let (left, right) = (unique(left), unique(right));
        let notifies = matches!(op, Edge::Notify | Edge::Subscribe);
        let (sources, targets) = match op {
            Edge::Before | Edge::Notify => (&left, &right),
            Edge::Require | Edge::Subscribe => (&right, &left),
        };
        for source in sources {
            for target in targets {
                let (source, target) = (source.clone(), target.clone());
                self.relationships.push(Relationship { source, target, notifies });
            }
        }
        if right.is_empty() {
            return Ok((left_value, left));
        }
        if let [End::Collector(id)] = right[..] {
            self.set_alternative(id, left);
        }
        Ok((right_value, right))
    }

    /// Collectors are ends where they stand in an arrow's operand; as plain values they don't exist.
    fn eval_end(&mut self, expr: &Expr, scope: ScopeId) -> Result<(Value, Vec<End>), Failure> {
        let result = match &expr.kind {
            ExprKind::Paren(inner) => return self.eval_end(inner, scope),
            ExprKind::Collector(collector) => self
                .add_collector(collector, expr.span, scope)
                .map(|id| (Value::Undef, vec![End::Collector(id)])),
            ExprKind::Relationship { op, left, right } => self.relate_ends(*op, left, right, scope),
            ExprKind::List(items) => {
                let mut ends = Vec::new();
                let mut values = Vec::new();
                for item in items {
                    let (value, more) = self.eval_end(item, scope)?;
                    values.push(value);
                    ends.extend(more);
                }
                Ok((Value::array(values), ends))
            }
            _ => {
                let value = self.eval(expr, scope)?;
                let mut ends = Vec::new();
                // Errors from here on belong to the arrow, which adds their place.
                self.transform_into(&mut ends, &value)?;
                return Ok((value, ends));
            }
        };
        result.map_err(|failure| self.placed(failure, expr.span, || label::of(expr)))
    }

    fn transform_into(&mut self, ends: &mut Vec<End>, value: &Value) -> Result<(), Failure> {
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.transform_into(ends, item)),
            Value::Type(of) => transform_type(ends, of),
            Value::String(text) => {
                let of = self.type_from_text(text)?;
                transform_type(ends, &of)
            }
            other => Err(Failure::issue(format!(
                "Illegal relationship operand, can not form a relationship with {}. A Catalog type is required.",
                label::with_article(&label::value(other))
            ))),
        }
    }
}

fn unique(ends: Vec<End>) -> Vec<End> {
    let mut unique: Vec<End> = Vec::with_capacity(ends.len());
    for end in ends {
        if !unique.contains(&end) {
            unique.push(end);
        }
    }
    unique
}

fn transform_type(ends: &mut Vec<End>, of: &Type) -> Result<(), Failure> {
    if let Some((type_name, title)) = reference_parts(of) {
        ends.push(End::Reference(type_name, title));
        return Ok(());
    }
    match of {
        Type::Resource { name: Some(name), title: None } => {
            ends.push(End::Reference(name.to_string(), String::new()));
            Ok(())
        }
        other => Err(Failure::issue(format!(
            "Illegal relationship operand, can not form a relationship with something of type {}. \
             A Catalog type is required.",
            print(other)
        ))),
    }
}
