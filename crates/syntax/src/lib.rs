//! The Puppet language: text → tokens → syntax tree and diagnostics.
//!
//! Pure and total: every text yields a tree, and what is wrong with it is said in diagnostics. See ARCHITECTURE.md.

#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
pub mod dump;
pub mod label;
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
    let (program, diagnostics, _) = program_at(text, file, 0, false);
    (program, diagnostics)
}

/// Parses a manifest with the keywords `plan` and `apply`, which Puppet has only when it runs tasks. Without them, as
/// in [`parse`], both are names.
pub fn parse_tasks(text: &str, file: FileId) -> (Program, Vec<Diagnostic>) {
    let (program, diagnostics, _) = program_at(text, file, 0, true);
    (program, diagnostics)
}

/// Parses an EPP template, in the same way as [`parse`].
pub fn parse_epp(text: &str, file: FileId) -> (EppTemplate, Vec<Diagnostic>) {
    let (template, diagnostics, _) = template_at(text, file, 0);
    (template, diagnostics)
}

/// As [`parse`], also saying whether the text kept to the grammar. Of a text that didn't Puppet reports the first
/// error only; of one that did, all that the validator finds.
pub fn parse_with_verdict(text: &str, file: FileId) -> (Program, Vec<Diagnostic>, bool) {
    program_at(text, file, 0, false)
}

/// As [`parse_with_verdict`] for a template.
pub fn parse_epp_with_verdict(text: &str, file: FileId) -> (EppTemplate, Vec<Diagnostic>, bool) {
    template_at(text, file, 0)
}

/// Parses a manifest in a text `depth` levels inside of another. Also says whether the grammar was kept to.
fn program_at(text: &str, file: FileId, depth: u32, tasks: bool) -> (Program, Vec<Diagnostic>, bool) {
    let outcome = parser::parse_program(text, file, tasks);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_need_their_keyword() {
        let text = "plan foo($x) { apply($x) { class a { } } }";
        let (program, found) = parse_tasks(text, FileId(0));
        assert_eq!(found, vec![]);
        assert_eq!(
            dump::program(&program),
            "(plan foo (parameters x) (block\n  (apply $x (block\n    (class foo::a ())\n  ))\n))"
        );
        let (_, found) = parse(text, FileId(0));
        assert!(found[0].is_error());
    }

    #[test]
    fn definitions_are_listed_with_their_full_names() {
        let text = "class a { class b { define c { } } }\nfunction a::f() { }\nnode default { }\n";
        let (program, found) = parse(text, FileId(7));
        assert_eq!(found, vec![]);
        let names: Vec<_> = program.definitions.iter().map(|definition| definition.name()).collect();
        assert_eq!(names, [Some("a::b::c"), Some("a::b"), Some("a"), Some("a::f"), None]);
        assert_eq!(program.definitions[2].span(), Span::new(FileId(7), 0, 36));
    }

    #[test]
    fn files_of_modules_hold_only_what_their_place_says() {
        let text = "class apache::mod { }\ndefine other { }\nnotice(1)\n";
        let source = Source::new(FileId(0), "/m/apache/manifests/mod.pp", text);
        let (program, found) = parse(text, FileId(0));
        assert_eq!(found, vec![]);
        let found = validate::check_placement(&program, &source, Some("apache::mod"));
        let messages: Vec<_> = found.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "This Function Call is unacceptable as a top level construct in this location",
                "Unacceptable location. The name 'other' is unacceptable in file '/m/apache/manifests/mod.pp'",
            ]
        );
    }
}
