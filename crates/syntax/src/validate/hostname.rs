//! Hosts of node definitions.

use super::Validator;
use crate::ast::{Expr, ExprKind, Segment};

impl Validator<'_> {
    pub(super) fn check_host(&mut self, host: &Expr) {
        match &host.kind {
            ExprKind::String(name) => {
                let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
                if !name.chars().all(legal) {
                    let message = format!(
                        "The hostname '{name}' contains illegal characters \
                         (only letters, digits, '_', '-', and '.' are allowed)"
                    );
                    self.error(host.span, message);
                }
            }
            ExprKind::Interpolated(segments) => {
                let inner = segments.iter().find_map(|segment| match segment {
                    Segment::Expr(inner) => Some(inner.span),
                    Segment::Text(..) => None,
                });
                let message = "An interpolated expression is not allowed in a hostname of a node";
                self.error(inner.unwrap_or(host.span), message);
            }
            ExprKind::Default | ExprKind::Regex(_) => {}
            _ => self.unacceptable(host, "hostname", "a Node Definition"),
        }
    }
}
