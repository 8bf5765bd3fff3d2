//! Going on after a syntax error, so that one run reports several.

use super::{MAX_ERRORS, Parser};
use crate::lexer::TokenKind;

impl Parser {
    /// Moves to where a statement of the block at brace depth `depth` may start, or to the brace that closes it.
    /// Faults on the way are reported.
    pub(super) fn recover(&mut self, depth: i64, begin: usize) {
        let errors = self.diagnostics.iter().filter(|d| d.is_error()).count();
        if errors >= MAX_ERRORS {
            self.pos = self.tokens.len() - 1;
            return;
        }
        // The fault or token that caused the error must not cause it again.
        let mut moved = self.pos > begin && !self.at(TokenKind::Fault);
        let mut fresh_fault = false;
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Fault => {
                    if fresh_fault {
                        self.syntax_error();
                    }
                    fresh_fault = true;
                    self.bump();
                    moved = true;
                    continue;
                }
                TokenKind::RBrace if self.open_braces <= depth && depth > 0 => return,
                TokenKind::RBrace => {
                    self.bump();
                    self.open_braces = self.open_braces.max(depth);
                    moved = true;
                    if self.open_braces <= depth && self.resumes() {
                        return;
                    }
                    continue;
                }
                _ if moved
                    && self.open_braces <= depth
                    && self.tokens[self.pos].first_on_line
                    && self.resumes() =>
                {
                    return;
                }
                _ => {}
            }
            fresh_fault = true;
            self.bump();
            moved = true;
        }
    }

    /// Whether a statement is likely to start here.
    fn resumes(&self) -> bool {
        use TokenKind as T;
        match self.peek() {
            T::Class | T::Define | T::Node | T::Function | T::Type | T::If | T::Unless | T::Case => true,
            T::At | T::AtAt | T::End => true,
            T::Variable => matches!(self.peek_second(), T::Equals | T::Dot | T::LBrack),
            T::Name => matches!(
                self.peek_second(),
                T::LBrace | T::LParen | T::Name | T::ClassRef | T::String | T::DqPre | T::Variable
            ),
            T::ClassRef => matches!(self.peek_second(), T::LBrace | T::LBrack | T::LCollect | T::LlCollect),
            _ => false,
        }
    }

    /// What may have caused a syntax error at the current token.
    pub(super) fn hint(&self) -> Option<String> {
        use TokenKind as T;
        let token = &self.tokens[self.pos];
        let before = self.pos.checked_sub(1).map(|index| self.tokens[index].kind);
        let is_value = |kind: T| {
            matches!(
                kind,
                T::String | T::DqPost | T::Name | T::Word | T::Number | T::Variable | T::True | T::False
            )
        };
        match token.kind {
            T::FArrow if token.first_on_line => None,
            T::FArrow => {
                Some("a comma may be missing after the attribute before, or a title after `{`".into())
            }
            T::Other => Some("this character means nothing in the Puppet language outside of strings".into()),
            T::RBrace if before == Some(T::Semic) => {
                Some("a semicolon must be followed by a statement".into())
            }
            kind if token.first_on_line
                && before.is_some_and(is_value)
                && (kind == T::Name || kind == T::String) =>
            {
                Some("a comma may be missing at the end of the line before".into())
            }
            T::Elsif => Some("`elsif` can only follow an `if` or another `elsif`".into()),
            T::Equals => Some("an assignment can't be used here; to compare, write `==`".into()),
            _ => None,
        }
    }

    /// Which bracket is still open at the end of input.
    pub(super) fn unclosed_hint(&self) -> Option<String> {
        use TokenKind as T;
        let mut open = Vec::new();
        for token in &self.tokens {
            match token.kind {
                T::LBrace | T::SelBrace | T::LBrack | T::ListStart | T::LParen | T::WsLParen => {
                    open.push(token.kind);
                }
                T::RBrace | T::RBrack | T::RParen => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.last().map(|kind| format!("a '{}' is still open", kind.symbol()))
    }
}
