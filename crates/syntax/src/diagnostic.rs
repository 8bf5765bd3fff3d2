//! What is wrong with a source text, and how to say it.

use crate::span::{Source, Span};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The text can't be evaluated.
    Error,
    /// It can.
    Warning,
    /// It can; Puppet counts these apart from other warnings.
    Deprecation,
}

/// One finding, in Puppet's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// Puppet's text, without the location.
    pub message: String,
    /// Where; `None` where Puppet names no line (the end of input).
    pub span: Option<Span>,
    /// What may help; not part of Puppet's text.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic { severity: Severity::Error, message: message.into(), span: Some(span), hint: None }
    }

    /// A warning.
    pub fn warning(message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, message: message.into(), span: Some(span), hint: None }
    }

    /// Whether it stops evaluation.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// `message (file: F, line: L, column: C)`, the form in which Puppet logs it; parts that aren't known are left
    /// out as Puppet does.
    pub fn one_line(&self, source: &Source) -> String {
        let named = !source.name().is_empty();
        match (self.span, named) {
            (Some(span), true) => {
                format!("{} (file: {}, {})", self.message, source.name(), source.location(span.start))
            }
            (Some(span), false) => format!("{} ({})", self.message, source.location(span.start)),
            (None, true) => format!("{} (file: {})", self.message, source.name()),
            (None, false) => self.message.clone(),
        }
    }
}

/// Several lines for a person: the message, the place in the source with a mark under it, and the hint.
pub fn pretty(diagnostic: &Diagnostic, source: &Source) -> String {
    render(diagnostic, source, Renderer::plain())
}

/// The same with colours for a terminal.
pub fn pretty_styled(diagnostic: &Diagnostic, source: &Source) -> String {
    render(diagnostic, source, Renderer::styled())
}

fn render(diagnostic: &Diagnostic, source: &Source, renderer: Renderer) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning | Severity::Deprecation => Level::WARNING,
    };
    let text = source.text();
    let (start, end) = match diagnostic.span {
        Some(span) => (span.start as usize, span.end as usize),
        None => (text.trim_end().len(), text.trim_end().len()),
    };
    let start = boundary(text, start);
    // What is marked stays on the line it starts on; a whole class under a mark helps no one.
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let end = boundary(text, end.max(start).min(line_end));
    let mut snippet = Snippet::source(text).annotation(AnnotationKind::Primary.span(start..end));
    if !source.name().is_empty() {
        snippet = snippet.path(source.name());
    }
    let mut group = level.primary_title(diagnostic.message.as_str()).element(snippet);
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The offset, or the start of the character it is in.
fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::FileId;

    #[test]
    fn one_line_leaves_out_what_is_not_known() {
        let span = Span::new(FileId(0), 2, 3);
        let named = Source::new(FileId(0), "/a.pp", "\n\n}");
        let nameless = Source::new(FileId(0), "", "\n\n}");
        let mut found = Diagnostic::error("Syntax error at '}'", span);
        assert_eq!(found.one_line(&named), "Syntax error at '}' (file: /a.pp, line: 3, column: 1)");
        assert_eq!(found.one_line(&nameless), "Syntax error at '}' (line: 3, column: 1)");
        found.span = None;
        assert_eq!(found.one_line(&named), "Syntax error at '}' (file: /a.pp)");
        assert_eq!(found.one_line(&nameless), "Syntax error at '}'");
    }

    #[test]
    fn pretty_shows_the_line_and_the_hint() {
        let source = Source::new(FileId(0), "site.pp", "class a {\n  $x = ;\n}\n");
        let (_, found) = crate::parse(source.text(), FileId(0));
        let text = pretty(&found[0], &source);
        assert!(text.starts_with("error: Syntax error at ';'"), "{text}");
        assert!(text.contains("site.pp:2:8"), "{text}");
        assert!(text.contains("$x = ;"), "{text}");
        let unclosed = Source::new(FileId(0), "site.pp", "class a {\n");
        let (_, found) = crate::parse(unclosed.text(), FileId(0));
        assert!(pretty(&found[0], &unclosed).contains("a '{' is still open"));
    }
}
