//! Whether evaluating an expression can change anything.

use crate::ast::{BinaryOp, Block, Expr, ExprKind};

/// Whether an expression just yields a value. Functions may do anything, so a call never counts as idle.
pub(super) fn is_idle(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Nop
        | ExprKind::Undef
        | ExprKind::Default
        | ExprKind::Bool(_)
        | ExprKind::Integer { .. }
        | ExprKind::Float(_)
        | ExprKind::String(_)
        | ExprKind::Interpolated(_)
        | ExprKind::Heredoc { .. }
        | ExprKind::Regex(_)
        | ExprKind::List(_)
        | ExprKind::Hash(_)
        | ExprKind::Variable(_)
        | ExprKind::Name(_)
        | ExprKind::TypeName(_)
        | ExprKind::Reserved(_)
        | ExprKind::Access { .. }
        | ExprKind::Unary { .. }
        | ExprKind::Selector { .. } => true,
        // A match sets $0 and so on.
        ExprKind::Binary { op, .. } => !matches!(op, BinaryOp::Match | BinaryOp::NoMatch),
        ExprKind::Paren(inner) => is_idle(inner),
        ExprKind::Block(block) => is_idle_block(block),
        ExprKind::If { test, then, otherwise } | ExprKind::Unless { test, then, otherwise } => {
            is_idle(test) && is_idle_block(then) && otherwise.as_ref().is_none_or(is_idle_block)
        }
        ExprKind::Case { subject, options } => {
            is_idle(subject)
                && options
                    .iter()
                    .all(|option| option.values.iter().all(is_idle) && is_idle_block(&option.body))
        }
        _ => false,
    }
}

fn is_idle_block(block: &Block) -> bool {
    block.statements.iter().all(is_idle)
}

/// The name in `name { … }` with attributes but no title, which reads as a name and a hash.
pub(super) fn resource_without_title(block: &Block) -> Option<&str> {
    match block.statements.as_slice() {
        [Expr { kind: ExprKind::Name(name), .. }, Expr { kind: ExprKind::Hash(_), .. }] => Some(name),
        _ => None,
    }
}
