//! Whether a file of a module defines what its path says.

use crate::ast::{Expr, ExprKind, Program};
use crate::diagnostic::Diagnostic;
use crate::label;
use crate::span::Source;

/// Checks a file of a module: each definition's name must start with the name that the file's place stands for
/// (`apache::mod` for `apache/manifests/mod.pp`; `None` for a `.pp` file of a module in a folder that holds no
/// definitions), and nothing but definitions may stand at top level.
///
/// Not for the main manifest, which may hold anything.
pub fn check_placement(program: &Program, source: &Source, expected: Option<&str>) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for statement in &program.body.statements {
        let definition = matches!(
            statement.kind,
            ExprKind::Class(_)
                | ExprKind::ResourceType(_)
                | ExprKind::Function(_)
                | ExprKind::Plan(_)
                | ExprKind::TypeAlias(_)
                | ExprKind::TypeMapping(_)
                | ExprKind::TypeDefinition(_)
        );
        if !definition {
            let label = label::of(statement);
            let message = format!("This {label} is unacceptable as a top level construct in this location");
            diagnostics.push(Diagnostic::error(message, statement.span));
        }
    }
    for statement in &program.body.statements {
        misplaced(statement, source, expected, &mut diagnostics);
    }
    diagnostics
}

fn misplaced(expr: &Expr, source: &Source, expected: Option<&str>, diagnostics: &mut Vec<Diagnostic>) {
    let name = match &expr.kind {
        ExprKind::Class(d) => Some(&d.name),
        ExprKind::ResourceType(d) => Some(&d.name),
        ExprKind::Function(d) => Some(&d.name),
        ExprKind::Plan(d) => Some(&d.name),
        _ => None,
    };
    if let Some(name) = name
        && !expected.is_some_and(|prefix| name.to_lowercase().starts_with(prefix))
    {
        let file = source.name();
        let message = format!("Unacceptable location. The name '{name}' is unacceptable in file '{file}'");
        diagnostics.push(Diagnostic::error(message, expr.span));
    }
    expr.for_each_child(&mut |child| misplaced(child, source, expected, diagnostics));
}
