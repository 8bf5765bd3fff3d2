//! Static checks on a tree that parsed without errors, with Puppet's texts and in Puppet's order.
//!
//! Puppet checks each node before the nodes in it, so the first finding here is the first one there.

mod assignment;
mod check;
mod definition;
mod effect;
mod embedded;
mod hostname;
mod json;
mod literal;
mod patterns;
mod placement;
mod walk;

pub use placement::check_placement;

use crate::ast::{EppTemplate, Expr, Program};
use crate::diagnostic::Diagnostic;
use crate::label;
use crate::span::Span;
use std::collections::HashMap;

/// What a node stands in, as far as some check needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Program,
    /// Several statements, or the body of a definition, a lambda or an option.
    Block,
    Class,
    Apply,
    Lambda,
    ResourceBody,
    ResourceDefaults,
    /// A collector or a resource override, whose attributes may be appended to.
    Appendable,
    Other,
}

struct Validator<'a> {
    diagnostics: Vec<Diagnostic>,
    overflows: &'a HashMap<u32, String>,
    path: Vec<Container>,
    /// How deep in texts that are checked as part of another one.
    depth: u32,
    /// Whether a text that is checked as part of this one has an error.
    embedded_fault: bool,
}

/// Checks a manifest. `overflows` has the integers that fit no 64 bits, by offset, in hexadecimal.
pub(crate) fn program(program: &Program, overflows: &HashMap<u32, String>, depth: u32) -> Vec<Diagnostic> {
    let mut validator =
        Validator { diagnostics: Vec::new(), overflows, path: Vec::new(), depth, embedded_fault: false };
    validator.within(Container::Program, |v| v.short_block(&program.body));
    validator.diagnostics
}

/// Checks a template.
pub(crate) fn template(
    template: &EppTemplate,
    overflows: &HashMap<u32, String>,
    depth: u32,
) -> Vec<Diagnostic> {
    let mut validator =
        Validator { diagnostics: Vec::new(), overflows, path: Vec::new(), depth, embedded_fault: false };
    validator.within(Container::Program, |v| v.epp(template));
    validator.diagnostics
}

impl Validator<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(message, span));
    }

    fn within(&mut self, container: Container, inside: impl FnOnce(&mut Self)) {
        self.path.push(container);
        inside(self);
        self.path.pop();
    }

    fn epp(&mut self, template: &EppTemplate) {
        let parameters = template.parameters.as_deref().unwrap_or(&[]);
        self.within(Container::Lambda, |v| {
            v.captures_rest_is_last(parameters);
            v.parameters(parameters);
            v.no_captures_rest(parameters, "Epp Template");
            v.unique_parameters(parameters);
            v.within(Container::Other, |v| v.body(&template.body));
        });
    }

    /// An expression that must have a value.
    fn value(&mut self, expr: &Expr) {
        if let Some(culprit) = check::without_value(expr) {
            let label = label::capitalized(&label::of(culprit));
            self.error(culprit.span, format!("Invalid use of expression. {label} does not produce a value"));
        }
    }
}
