//! Texts of heredocs that say which language they are in.

use super::{Validator, json};
use crate::ast::{Expr, ExprKind};
use crate::diagnostic::{Diagnostic, Severity};
use crate::span::{FileId, Source};

/// How deep texts in texts are checked. Each level is a parse in a parse.
const MAX_DEPTH: u32 = 2;

impl Validator<'_> {
    /// Checks a text without interpolation if its syntax is a known one. `a+b` is a `b` if no `a+b` is known.
    pub(super) fn check_heredoc(&mut self, syntax: &str, text: &Expr) {
        let ExprKind::String(content) = &text.kind else { return };
        let fault = match syntax.rsplit('+').next() {
            Some("json") => json::fault(content)
                .map(|fault| format!("JSON syntax checker: Cannot parse invalid JSON string. \"{fault}\"")),
            Some("base64") => base64(content),
            Some("pp") if syntax == "pp" => {
                self.embedded(content, false).map(|fault| format!("PP syntax checker: \"{fault}\""))
            }
            Some("epp") if syntax == "epp" => {
                self.embedded(content, true).map(|fault| format!("EPP syntax checker: \"{fault}\""))
            }
            _ => None,
        };
        if let Some(fault) = fault {
            let message = format!("Invalid produced text having syntax: '{syntax}'. {fault}");
            // Puppet stops at the first of these and reports nothing else.
            let place = if self.embedded_fault { self.diagnostics.len() } else { 0 };
            self.diagnostics.insert(place, Diagnostic::error(message, text.span));
            self.embedded_fault = true;
        }
    }

    fn embedded(&self, text: &str, epp: bool) -> Option<String> {
        if self.depth >= MAX_DEPTH {
            return Some("Texts are nested too deep".to_string());
        }
        let file = FileId::default();
        let (found, parsed) = if epp {
            let (_, found, parsed) = crate::template_at(text, file, self.depth + 1);
            (found, parsed)
        } else {
            let (_, found, parsed) = crate::program_at(text, file, self.depth + 1, false);
            (found, parsed)
        };
        let mut errors = found.iter().filter(|diagnostic| diagnostic.is_error());
        let first = errors.next()?;
        let more = errors.count();
        let message = if parsed && more > 0 {
            let warnings = found.iter().filter(|diagnostic| diagnostic.severity != Severity::Error).count();
            let warnings = if warnings > 0 { format!(", and {warnings} warnings") } else { String::new() };
            format!("Language validation logged {} errors{warnings}. Giving up", more + 1)
        } else {
            first.one_line(&Source::new(file, "", text))
        };
        Some(message.replace("\r\n", "\\n").replace('\n', "\\n"))
    }
}

/// What is wrong with a Base64 text, white space aside.
fn base64(text: &str) -> Option<String> {
    let digits: Vec<u8> =
        text.bytes().filter(|b| !matches!(b, b'\r' | b'\n' | b'?' | b' ' | b'\t')).collect();
    let padding = digits.iter().rev().take_while(|&&b| b == b'=').count();
    let (body, _) = digits.split_at(digits.len() - padding);
    let known = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    if digits.len().is_multiple_of(4) && padding <= 2 && body.iter().all(known) {
        return None;
    }
    let detail = if !(digits.len() * 8).is_multiple_of(6) {
        "padding is not correct"
    } else {
        "contains letters outside strict base 64 range (or whitespace)"
    };
    Some(format!("Base64 syntax checker: Cannot parse invalid Base64 string - {detail}"))
}
