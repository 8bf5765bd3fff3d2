//! Literal values, as far as they are known without evaluation.

use crate::ast::{Expr, ExprKind, Segment};
use std::fmt;
use std::sync::Arc;

/// A value that can be compared and shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    Undef,
    Default,
    Bool(bool),
    Integer(i64),
    /// The bits, so that it can be compared.
    Float(u64),
    String(Arc<str>),
    Regex(Arc<str>),
    List(Vec<Literal>),
    Hash(Vec<(Literal, Literal)>),
}

/// The value of an expression, if it is a literal.
pub(super) fn of(expr: &Expr) -> Option<Literal> {
    Some(match &expr.kind {
        ExprKind::Undef => Literal::Undef,
        ExprKind::Default => Literal::Default,
        ExprKind::Bool(value) => Literal::Bool(*value),
        ExprKind::Integer { value, .. } => Literal::Integer(*value),
        ExprKind::Float(value) => Literal::Float(value.to_bits()),
        ExprKind::String(text) | ExprKind::Name(text) => Literal::String(Arc::clone(text)),
        ExprKind::Regex(pattern) => Literal::Regex(Arc::clone(pattern)),
        ExprKind::Interpolated(segments) => match segments.as_slice() {
            [Segment::Text(text, _)] => Literal::String(Arc::clone(text)),
            _ => return None,
        },
        ExprKind::List(items) => Literal::List(items.iter().map(of).collect::<Option<_>>()?),
        ExprKind::Hash(entries) => {
            let pair = |entry: &crate::ast::HashEntry| Some((of(&entry.key)?, of(&entry.value)?));
            Literal::Hash(entries.iter().map(pair).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// As Ruby puts a value into a message.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Undef => Ok(()),
            Literal::Default => f.write_str("default"),
            Literal::String(text) => f.write_str(text),
            Literal::Regex(pattern) => write!(f, "(?-mix:{})", pattern.replace('/', "\\/")),
            _ => self.inspect(f),
        }
    }
}

impl Literal {
    /// As Ruby shows a value inside of another.
    fn inspect(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Undef => f.write_str("nil"),
            Literal::Default => f.write_str(":default"),
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Integer(value) => write!(f, "{value}"),
            Literal::Float(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
            Literal::String(text) => write!(f, "{text:?}"),
            Literal::Regex(pattern) => write!(f, "/{}/", pattern.replace('/', "\\/")),
            Literal::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    item.inspect(f)?;
                }
                f.write_str("]")
            }
            Literal::Hash(pairs) => {
                f.write_str("{")?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    key.inspect(f)?;
                    f.write_str("=>")?;
                    value.inspect(f)?;
                }
                f.write_str("}")
            }
        }
    }
}
