//! The Puppet language: text → tokens → syntax tree and diagnostics.
//!
//! Pure and total: every text yields a tree, and what is wrong with it is said in diagnostics. See ARCHITECTURE.md.

#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod dump;
mod lexer;
mod parser;
pub mod span;
pub mod validate;

pub use ast::{EppTemplate, Program};
pub use diagnostic::{Diagnostic, Severity};
pub use span::{FileId, Location, Source, Span};

/// Parses a manifest.
///
/// Never fails: where the text has errors, the tree has what could be made of it, and the diagnostics say what is
/// wrong, the first one being what Puppet would report. A tree with errors isn't fit for evaluation.
pub fn parse(text: &str, file: FileId) -> (Program, Vec<Diagnostic>) {
    let (program, diagnostics, _) = program_at(text, file, 0);
    (program, diagnostics)
}

/// Parses an EPP template, in the same way as [`parse`].
pub fn parse_epp(text: &str, file: FileId) -> (EppTemplate, Vec<Diagnostic>) {
    let (template, diagnostics, _) = template_at(text, file, 0);
    (template, diagnostics)
}

/// Parses a manifest in a text `depth` levels inside of another. Also says whether the grammar was kept to.
fn program_at(text: &str, file: FileId, depth: u32) -> (Program, Vec<Diagnostic>, bool) {
    let outcome = parser::parse_program(text, file, false);
    let mut diagnostics = outcome.diagnostics;
    let parsed = !diagnostics.iter().any(Diagnostic::is_error);
    if parsed {
        diagnostics.extend(validate::program(&outcome.tree, &outcome.overflows, depth));
    }
    (outcome.tree, diagnostics, parsed)
}

/// As [`program_at`] for a template.
fn template_at(text: &str, file: FileId, depth: u32) -> (EppTemplate, Vec<Diagnostic>, bool) {
    let outcome = parser::parse_template(text, file);
    let mut diagnostics = outcome.diagnostics;
    let parsed = !diagnostics.iter().any(Diagnostic::is_error);
    if parsed {
        diagnostics.extend(validate::template(&outcome.tree, &outcome.overflows, depth));
    }
    (outcome.tree, diagnostics, parsed)
}
