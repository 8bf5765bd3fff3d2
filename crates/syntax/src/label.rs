//! What Puppet's messages call a node of the syntax tree, and the article before it.

use crate::ast::{Expr, ExprKind, UnaryOp};

/// The name of a kind of node, without article.
pub fn of(expr: &Expr) -> String {
    let fixed = match &expr.kind {
        ExprKind::Nop => "Nop Expression",
        ExprKind::Undef => "'undef' expression",
        ExprKind::Default => "'default' expression",
        ExprKind::Bool(_) => "Boolean",
        ExprKind::Integer { .. } => "Literal Integer",
        ExprKind::Float(_) => "Literal Float",
        ExprKind::String(_) => "String",
        ExprKind::Interpolated(_) => "Double Quoted String",
        ExprKind::Heredoc { syntax, .. } => {
            return format!("'@({})' expression", syntax.as_deref().unwrap_or(""));
        }
        ExprKind::Regex(_) => "Regular Expression",
        ExprKind::List(_) => "Array Expression",
        ExprKind::Hash(_) => "Hash Expression",
        ExprKind::Variable(_) => "Variable",
        ExprKind::Name(_) => "Name",
        ExprKind::TypeName(_) => "Type-Name",
        ExprKind::Reserved(word) => return format!("Reserved Word '{word}'"),
        ExprKind::Access { .. } => "'[]' expression",
        ExprKind::Call(_) => "Function Call",
        ExprKind::MethodCall(_) => "Method call",
        ExprKind::Unary { op: UnaryOp::Minus, .. } => "Unary Minus",
        ExprKind::Unary { op: UnaryOp::Not, .. } => "'not' expression",
        ExprKind::Unary { op: UnaryOp::Splat, .. } => "Unfold",
        ExprKind::Binary { op, .. } => return format!("'{}' expression", op.symbol()),
        ExprKind::Paren(_) => "Parenthesized Expression",
        ExprKind::Assign { op, .. } => return format!("'{}' expression", op.symbol()),
        ExprKind::Relationship { op, .. } => return format!("'{}' expression", op.symbol()),
        ExprKind::If { .. } => "'if' statement",
        ExprKind::Unless { .. } => "'unless' Statement",
        ExprKind::Case { .. } => "'case' statement",
        ExprKind::Selector { .. } => "Selector Expression",
        ExprKind::Resource(_) => "Resource Statement",
        ExprKind::ResourceDefaults(_) => "Resource Defaults Expression",
        ExprKind::ResourceOverride(_) => "Resource Override",
        ExprKind::Collector(collector) if collector.query.exported => "Exported Query",
        ExprKind::Collector(_) => "Virtual Query",
        ExprKind::Block(_) => "Block Expression",
        ExprKind::Class(_) => "Host Class Definition",
        ExprKind::ResourceType(_) => "'define' expression",
        ExprKind::Function(_) => "Function Definition",
        ExprKind::Node(_) => "Node Definition",
        ExprKind::TypeAlias(_) => "Type Alias",
        ExprKind::TypeMapping(_) => "Type Mapping",
        ExprKind::TypeDefinition(_) => "Type Definition",
        ExprKind::Plan(_) => "Plan Definition",
        ExprKind::Apply { .. } => "'apply' expression",
        ExprKind::RenderText(_) => "Epp Text",
        ExprKind::Render(_) => "Epp Interpolated Expression",
    };
    fixed.to_string()
}

/// With "a" or "an" before it; quotes at its start don't count, and `y` is a vowel to Puppet.
pub fn with_article(label: &str) -> String {
    let first = label.chars().find(|c| !matches!(c, '\'' | '"'));
    let vowel = first.is_some_and(|c| matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'));
    format!("{} {label}", if vowel { "an" } else { "a" })
}

/// With "A" or "An" before it.
pub fn capitalized(label: &str) -> String {
    let mut text = with_article(label);
    text.replace_range(..1, "A");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_go_by_the_first_letter() {
        assert_eq!(with_article("'if' statement"), "an 'if' statement");
        assert_eq!(capitalized("Host Class Definition"), "A Host Class Definition");
        assert_eq!(capitalized("Unary Minus"), "An Unary Minus");
    }
}
