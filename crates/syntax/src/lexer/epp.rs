//! Templates: text with tags.

use super::{Fault, Lexer, Step, TokenKind};
use std::sync::Arc;

/// Where in a template the lexer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EppMode {
    /// Not in a template.
    Off,
    /// Outside of tags.
    Text,
    /// In `<% … %>`
    Code,
    /// In `<%= … %>`
    Expression,
}

impl Lexer<'_> {
    /// `%>` or `-%>`, and the text after it.
    pub(super) fn close_tag(&mut self, width: usize, kind: TokenKind) -> Result<Step, Fault> {
        let start = self.pos;
        self.pos += width;
        if self.epp == EppMode::Expression {
            self.push(kind, None, start, width);
        }
        self.epp = EppMode::Text;
        self.matched = None;
        self.template_text(kind == TokenKind::EppEndTrim)?;
        Ok(Step::Queued)
    }

    /// Text up to the next tag. `trim`: the tag before ended with `-%>`.
    pub(super) fn template_text(&mut self, trim: bool) -> Result<(), Fault> {
        let start = self.pos;
        let mut trim = trim;
        let mut text = String::new();
        loop {
            if self.pos >= self.text.len() {
                // Nothing follows the last tag. After a comment or `<%%` Puppet loses the text before it, too.
                self.epp_open = false;
                return Ok(());
            }
            let tag = self.rest().find("<%");
            let part_end = tag.map_or(self.text.len(), |at| self.pos + at);
            let mut part = &self.text[self.pos..part_end];
            if trim {
                part = skip_line_end(part);
                trim = false;
            }
            text.push_str(&part.replace("%%>", "%>"));
            if tag.is_none() {
                self.pos = part_end;
                self.render(text, start);
                self.epp_open = false;
                return Ok(());
            }
            self.pos = part_end + 2;
            match self.bytes.get(self.pos) {
                None => {
                    let message = "Unbalanced embedded expression - opening <% and reaching end of input";
                    self.epp_open = false;
                    return Err(Fault::new(message, self.pos, self.pos));
                }
                Some(b'-') => {
                    self.pos += 1;
                    text.truncate(text.trim_end_matches([' ', '\t']).len());
                    return self.open_tag(EppMode::Code, text, start);
                }
                Some(b'%') => {
                    self.pos += 1;
                    text.push_str("<%");
                }
                Some(b'=') => {
                    self.pos += 1;
                    return self.open_tag(EppMode::Expression, text, start);
                }
                Some(b'#') => trim = self.template_comment(&mut text)?,
                Some(_) => return self.open_tag(EppMode::Code, text, start),
            }
        }
    }

    fn open_tag(&mut self, mode: EppMode, text: String, start: usize) -> Result<(), Fault> {
        if !text.is_empty() {
            self.render(text, start);
        }
        if mode == EppMode::Expression {
            self.push(TokenKind::RenderExpr, None, start, 0);
        }
        self.epp = mode;
        self.epp_open = true;
        Ok(())
    }

    fn render(&mut self, text: String, start: usize) {
        let length = self.pos - start;
        self.push(TokenKind::RenderString, Some(Arc::from(text)), start, length);
    }

    /// `<%# … %>`: returns whether it ended with `-%>`.
    fn template_comment(&mut self, text: &mut String) -> Result<bool, Fault> {
        let rest = self.rest();
        let end = rest
            .match_indices("%>")
            .map(|(at, _)| at)
            .find(|&at| at > 0 && rest.as_bytes()[at - 1] != b'%')
            .map(|at| at + 2);
        let Some(end) = end else {
            self.epp_open = false;
            let end = self.text.len();
            return Err(Fault::new("Reaching end after opening <%# without seeing %>", self.pos, end));
        };
        let comment = &rest[..end];
        if comment.as_bytes().get(1) == Some(&b'-') {
            text.truncate(text.trim_end_matches([' ', '\t']).len());
        }
        self.pos += end;
        Ok(comment.ends_with("-%>"))
    }
}

/// Without blanks at the start, and without one line break after them.
fn skip_line_end(text: &str) -> &str {
    let text = text.trim_start_matches([' ', '\t']);
    let text = text.strip_prefix('\r').unwrap_or(text);
    text.strip_prefix('\n').unwrap_or(text)
}
