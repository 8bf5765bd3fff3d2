//! `File <| title == '/a' |> { mode => '0644' }`

use std::sync::Arc;

use syntax::Span;
use syntax::ast::{BinaryOp, Collector as CollectorExpr, Expr, ExprKind};

use crate::catalog::capitalize;
use crate::catalog::collect::{Collector, CollectorId, Overrides, Query, Search};
use crate::eval::Evaluator;
use crate::eval::scope::ScopeId;
use crate::failure::Failure;
use crate::value::Value;

impl Evaluator<'_> {
    pub(crate) fn eval_collector(
        &mut self,
        collector: &CollectorExpr,
        span: Span,
        scope: ScopeId,
    ) -> Result<Value, Failure> {
        self.add_collector(collector, span, scope)?;
        Ok(Value::Undef)
    }

    pub(crate) fn add_collector(
        &mut self,
        collector: &CollectorExpr,
        span: Span,
        scope: ScopeId,
    ) -> Result<CollectorId, Failure> {
        let ExprKind::TypeName(name) = &collector.type_expr.kind else {
            return Err(Failure::issue("The left side of a collector must be a resource type"));
        };
        if collector.query.exported {
            let location = self.locate(span);
            self.warn(
                "You cannot collect exported resources without storeconfigs being set; the collection will be ignored",
                Some(&location),
            );
        }
        if name.eq_ignore_ascii_case("class") {
            return Err(Failure::raised("Classes cannot be collected"));
        }
        if self.find_resource_type(name)?.is_none() {
            let name = name.to_lowercase();
            return Err(Failure::raised(format!("Resource type {name} doesn't exist")));
        }
        let overrides = if collector.operations.is_empty() {
            None
        } else {
            Some(Overrides {
                parameters: self.eval_operations(&collector.operations, scope)?,
                source: self.scope(scope).source.clone(),
                scope,
                location: self.locate(span),
            })
        };
        let query = match &collector.query.predicate {
            Some(predicate) => Some(self.eval_query(predicate, scope)?),
            None => None,
        };
        let search = if collector.query.exported {
            Search::Nothing
        } else {
            let name = name.strip_prefix("::").unwrap_or(name);
            Search::Query { type_name: capitalize(name).into(), query }
        };
        Ok(self.push_collector(search, overrides))
    }

    pub(crate) fn push_collector(&mut self, search: Search, overrides: Option<Overrides>) -> CollectorId {
        let id = CollectorId(self.collectors.len());
        self.collectors.push(Collector {
            search,
            overrides,
            collected: Vec::new(),
            alternative: Vec::new(),
            done: false,
        });
        id
    }

    fn eval_query(&mut self, expr: &Expr, scope: ScopeId) -> Result<Query, Failure> {
        match &expr.kind {
            ExprKind::Paren(inner) => self.eval_query(inner, scope),
            ExprKind::Binary { op: BinaryOp::And, left, right } => Ok(Query::And(
                Box::new(self.eval_query(left, scope)?),
                Box::new(self.eval_query(right, scope)?),
            )),
            ExprKind::Binary { op: BinaryOp::Or, left, right } => Ok(Query::Or(
                Box::new(self.eval_query(left, scope)?),
                Box::new(self.eval_query(right, scope)?),
            )),
            ExprKind::Binary { op: BinaryOp::Equal, left, right } => {
                let name = self.query_name(left, scope)?;
                let wanted = self.eval(right, scope)?;
                if &*name != "tag" {
                    return Ok(Query::Equal(name, wanted));
                }
                let tags = match wanted {
                    Value::Array(items) => items.to_vec(),
                    single => vec![single],
                };
                if tags.iter().any(|tag| matches!(tag, Value::Int(_) | Value::Float(_))) {
                    return Err(Failure::raised("Cannot transform a number to a tag"));
                }
                Ok(Query::Tagged(tags.iter().map(|tag| tag.to_string().to_lowercase()).collect()))
            }
            ExprKind::Binary { op: BinaryOp::NotEqual, left, right } => {
                Ok(Query::NotEqual(self.query_name(left, scope)?, self.eval(right, scope)?))
            }
            _ => Err(Failure::unsupported("this kind of condition in a collector")),
        }
    }

    fn query_name(&mut self, expr: &Expr, scope: ScopeId) -> Result<Arc<str>, Failure> {
        match self.eval(expr, scope)? {
            Value::String(name) => Ok(name),
            other => {
                Err(Failure::raised(format!("Cannot use {other} as the name of a parameter in a query")))
            }
        }
    }
}
