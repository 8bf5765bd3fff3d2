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
    let outcome = parser::parse_program(text, file, false);
    let mut diagnostics = outcome.diagnostics;
    if !diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics.extend(validate::program(&outcome.tree, &outcome.overflows));
    }
    (outcome.tree, diagnostics)
}

/// Parses an EPP template, in the same way as [`parse`].
pub fn parse_epp(text: &str, file: FileId) -> (EppTemplate, Vec<Diagnostic>) {
    let outcome = parser::parse_template(text, file);
    let mut diagnostics = outcome.diagnostics;
    if !diagnostics.iter().any(Diagnostic::is_error) {
        diagnostics.extend(validate::template(&outcome.tree, &outcome.overflows));
    }
    (outcome.tree, diagnostics)
}
