//! What is wrong with a source text, and how to say it.

use crate::span::{Source, Span};

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
