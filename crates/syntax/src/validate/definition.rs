//! Checks of definitions and their parameters.

use super::{Container, Validator, effect, patterns};
use crate::ast::*;
use crate::diagnostic::{Diagnostic, Severity};
use crate::label;
use crate::span::Span;
use std::collections::HashSet;

/// Names of types that no class, defined type or function may have.
const RESERVED_TYPE_NAMES: [&str; 28] = [
    "type",
    "any",
    "unit",
    "scalar",
    "boolean",
    "numeric",
    "integer",
    "float",
    "collection",
    "array",
    "hash",
    "tuple",
    "struct",
    "variant",
    "optional",
    "enum",
    "regexp",
    "pattern",
    "runtime",
    "init",
    "object",
    "sensitive",
    "semver",
    "semverrange",
    "string",
    "timestamp",
    "timespan",
    "typeset",
];

impl Validator<'_> {
    pub(super) fn check_definition(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Class(d) => {
                self.check_named(expr, &d.name, &d.parameters, &d.body);
            }
            ExprKind::ResourceType(d) => {
                self.check_named(expr, &d.name, &d.parameters, &d.body);
            }
            ExprKind::Function(d) => {
                self.check_name(expr, &d.name);
                if let Some(return_type) = &d.return_type {
                    self.check_type_reference(return_type, "Function Definition");
                }
                self.unique_parameters(&d.parameters);
            }
            ExprKind::Plan(d) => {
                self.check_name(expr, &d.name);
                self.unique_parameters(&d.parameters);
            }
            ExprKind::Node(node) => {
                for host in &node.hosts {
                    self.check_host(host);
                }
                self.check_level(expr);
                self.no_idle_end(&node.body, "A Node Definition");
                if let Some(parent) = &node.parent {
                    let message = "Node inheritance is not supported in Puppet >= 4.0.0. \
                                   See http://links.puppet.com/puppet-node-inheritance-deprecation";
                    self.error(parent.span, message);
                }
            }
            ExprKind::TypeAlias(alias) => {
                self.check_level(expr);
                if !patterns::is_alias_name(&alias.name) {
                    self.bad_name(expr, &alias.name);
                }
                self.check_reserved(expr, &alias.name);
                self.check_type_reference(&alias.type_expr, "Type Alias");
            }
            ExprKind::TypeMapping(mapping) => {
                self.check_level(expr);
                self.check_mapping(expr, mapping);
            }
            ExprKind::TypeDefinition(d) => {
                self.check_level(expr);
                self.check_reserved(expr, &d.name);
                self.unsupported(expr);
            }
            _ => {}
        }
    }

    /// For classes and defined types.
    fn check_named(&mut self, expr: &Expr, name: &str, parameters: &[Parameter], body: &Block) {
        let label = label::of(expr);
        self.check_name(expr, name);
        self.no_captures_rest(parameters, &label);
        self.unique_parameters(parameters);
        for parameter in parameters {
            if matches!(parameter.name.as_ref(), "name" | "title") {
                let message = format!(
                    "The parameter ${} redefines a built in parameter in the {label}",
                    parameter.name
                );
                self.error(parameter.span, message);
            }
        }
        self.no_idle_end(body, &label::capitalized(&label));
    }

    fn check_name(&mut self, expr: &Expr, name: &str) {
        self.check_level(expr);
        if !patterns::is_definition_name(name) {
            self.bad_name(expr, name);
        }
        self.check_reserved(expr, name);
        self.check_future(expr.span, name);
    }

    fn bad_name(&mut self, expr: &Expr, name: &str) {
        let label = label::with_article(&label::of(expr));
        let message = format!("Unacceptable name. The name '{name}' is unacceptable as the name of {label}");
        self.error(expr.span, message);
    }

    fn check_reserved(&mut self, expr: &Expr, name: &str) {
        if RESERVED_TYPE_NAMES.contains(&name) {
            let label = label::with_article(&label::of(expr));
            let message = format!(
                "The name: '{name}' is already defined by Puppet and can not be used as the name of {label}."
            );
            self.error(expr.span, message);
        }
    }

    fn check_future(&mut self, span: Span, name: &str) {
        if name == "plan" {
            let mut diagnostic = Diagnostic::warning(format!("Use of future reserved word: '{name}'"), span);
            diagnostic.severity = Severity::Deprecation;
            self.diagnostics.push(diagnostic);
        }
    }

    fn unsupported(&mut self, expr: &Expr) {
        let label = label::with_article(&label::of(expr));
        let message = format!("Expressions of type {label} are not supported in this version of Puppet");
        self.error(expr.span, message);
    }

    /// Classes, defined types and nodes stand at top level or in classes; functions and types only at top level.
    fn check_level(&mut self, expr: &Expr) {
        let absolute = matches!(
            expr.kind,
            ExprKind::Function(_) | ExprKind::Plan(_) | ExprKind::TypeAlias(_) | ExprKind::TypeDefinition(_)
        );
        let mut outwards = self.path.iter().rev().peekable();
        while let Some(container) = outwards.next() {
            match container {
                Container::Program | Container::Class | Container::Apply => return,
                Container::Block => {
                    let at_top = matches!(outwards.peek(), Some(Container::Program));
                    if absolute && !at_top {
                        let label = label::capitalized(&label::of(expr));
                        self.error(expr.span, format!("{label} may only appear at toplevel"));
                        return;
                    }
                }
                _ => {
                    let message =
                        "Classes, definitions, and nodes may only appear at toplevel or inside other classes";
                    self.error(expr.span, message);
                    return;
                }
            }
        }
    }

    fn no_idle_end(&mut self, body: &Block, container: &str) {
        let Some(last) = body.statements.last() else { return };
        if !effect::is_idle(last) {
            return;
        }
        if let ExprKind::Block(inner) = &last.kind
            && effect::resource_without_title(inner).is_some()
        {
            return;
        }
        let label = label::of(last);
        let message = format!(
            "This {label} has no effect. {container} can not end with a value-producing expression \
             without other effect"
        );
        self.error(last.span, message);
    }

    pub(super) fn check_parameter(&mut self, parameter: &Parameter) {
        let name = &parameter.name;
        let digits = name.strip_prefix("0x").unwrap_or(name);
        if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!(
                "The numeric parameter name '${name}' cannot be used (clashes with numeric match result variables)"
            );
            self.error(parameter.span, message);
        }
        if !patterns::is_parameter(name) {
            let message = format!(
                "Illegal parameter name. The given name '{name}' does not conform to the naming rule /^[a-z_]\\w*$/"
            );
            self.error(parameter.span, message);
        }
        if let Some(default) = &parameter.default {
            self.no_assignment(default);
        }
    }

    pub(super) fn unique_parameters(&mut self, parameters: &[Parameter]) {
        let mut seen = HashSet::new();
        for parameter in parameters {
            if !seen.insert(&parameter.name) {
                let message = format!(
                    "The parameter '{}' is declared more than once in the parameter list",
                    parameter.name
                );
                self.error(parameter.span, message);
            }
        }
    }

    pub(super) fn captures_rest_is_last(&mut self, parameters: &[Parameter]) {
        let Some((_, but_last)) = parameters.split_last() else { return };
        for parameter in but_last.iter().filter(|parameter| parameter.captures_rest) {
            let message = format!("Parameter ${} is not last, and has 'captures rest'", parameter.name);
            self.error(parameter.span, message);
        }
    }

    pub(super) fn no_captures_rest(&mut self, parameters: &[Parameter], label: &str) {
        let container = label::with_article(label);
        for parameter in parameters.iter().filter(|parameter| parameter.captures_rest) {
            let message =
                format!("Parameter ${} has 'captures rest' - not supported in {container}", parameter.name);
            self.error(parameter.span, message);
        }
    }

    /// A type name, or an access on one.
    pub(super) fn check_type_reference(&mut self, type_expr: &Expr, container: &str) {
        let base = match &type_expr.kind {
            ExprKind::Access { target, .. } => target,
            _ => type_expr,
        };
        match &base.kind {
            ExprKind::TypeName(name) => self.check_future(type_expr.span, &name.to_lowercase()),
            _ => self.unacceptable(type_expr, "a type reference", &label::with_article(container)),
        }
    }

    fn check_mapping(&mut self, expr: &Expr, mapping: &TypeMapping) {
        let keys = match &mapping.type_expr.kind {
            ExprKind::Access { target, keys } if matches!(&target.kind, ExprKind::TypeName(name) if name.as_ref() == "Runtime") => {
                keys
            }
            _ => return self.unsupported(expr),
        };
        let by_pattern = matches!(keys.as_slice(), [_, second] if is_replacement(second));
        let fits =
            if by_pattern { is_replacement(&mapping.mapping) } else { is_type_reference(&mapping.mapping) };
        if !fits {
            let wanted = if by_pattern { "Tuple[Regexp,String]" } else { "Type" };
            let message =
                format!("Illegal type mapping. Expected a {wanted} on the left side, got A Type Mapping");
            self.error(expr.span, message);
        }
    }
}

/// `[/pattern/, 'replacement']`
fn is_replacement(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::List(items) => matches!(
            items.as_slice(),
            [Expr { kind: ExprKind::Regex(_), .. }, Expr { kind: ExprKind::String(_), .. }]
        ),
        _ => false,
    }
}

fn is_type_reference(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Access { target, .. } => matches!(target.kind, ExprKind::TypeName(_)),
        kind => matches!(kind, ExprKind::TypeName(_)),
    }
}
