//! What Puppet calls expressions and values in its messages.

use syntax::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

use crate::types::Type;
use crate::value::Value;

/// `a`/`an` and the text; quotes at its start don't count, and `y` is a vowel to Puppet.
pub(crate) fn with_article(text: &str) -> String {
    let letter = text.trim_start_matches(['"', '\'']).chars().next().unwrap_or(' ');
    let article = if "aeiouy".contains(letter.to_ascii_lowercase()) { "an" } else { "a" };
    format!("{article} {text}")
}

/// As [`with_article`], with a capital: `A String`.
pub(crate) fn with_capital_article(text: &str) -> String {
    let text = with_article(text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Puppet's name for an expression.
pub(crate) fn expression(expr: &Expr) -> String {
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
            return format!("'@({})' expression", syntax.as_deref().unwrap_or_default());
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
        ExprKind::Binary { op: BinaryOp::In, .. } => "'in' expression",
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
    fixed.to_owned()
}

/// Puppet's name for a value.
pub(crate) fn value(value: &Value) -> String {
    let fixed = match value {
        Value::Undef => "Undef Value",
        Value::Default | Value::Closure(_) | Value::Iterator(_) => "Object",
        Value::Bool(_) => "Boolean",
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
        Value::String(_) => "String",
        Value::Regex(_) => "Regexp",
        Value::Array(_) => "Array",
        Value::Hash(_) => "Hash",
        Value::Type(inner) => {
            return match &**inner {
                Type::Resource { title: Some(_), .. } => format!("{value} Resource-Reference"),
                _ => format!("{value}-Type"),
            };
        }
        Value::Sensitive(_) => "Sensitive",
        Value::Timestamp(_) => "Timestamp",
        Value::Timespan(_) => "Timespan",
        Value::SemVer(_) => "Semver",
        Value::SemVerRange(_) => "SemverRange",
        Value::Binary(_) => "Binary",
    };
    fixed.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_follow_puppet() {
        assert_eq!(with_article("'if' statement"), "an 'if' statement");
        assert_eq!(with_article("'+' expression"), "a '+' expression");
        assert_eq!(with_capital_article("String"), "A String");
    }
}
