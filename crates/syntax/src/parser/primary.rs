//! What operators apply to.

use super::{Parsed, Parser};
use crate::ast::{Expr, ExprKind, Radix};
use crate::lexer::{Token, TokenKind};

impl Parser {
    /// Literals, names, variables, parentheses, and everything that begins with a keyword.
    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        use TokenKind as T;
        match self.peek() {
            T::String | T::Word | T::DqPre | T::Heredoc => self.quoted_text(),
            T::LBrace => self.hash(),
            T::LBrack | T::ListStart => self.list(),
            T::LParen | T::WsLParen => self.parenthesized(),
            T::If => self.if_expression(),
            T::Unless => self.unless_expression(),
            T::Case => self.case_expression(),
            T::Class => self.class_definition(),
            T::Define => self.resource_type_definition(),
            T::Function => self.function_definition(),
            T::Node => self.node_definition(),
            T::Plan => self.plan_definition(),
            T::Apply => self.apply(),
            T::Type => self.type_keyword(),
            T::RenderExpr => self.render_expression(),
            T::Number => self.number(),
            T::Variable => Ok(self.leaf(|token| ExprKind::Variable(token.name()))),
            T::Name => Ok(self.leaf(|token| ExprKind::Name(token.name()))),
            T::ClassRef => Ok(self.leaf(|token| ExprKind::TypeName(token.name()))),
            T::Regex => Ok(self.leaf(|token| ExprKind::Regex(token.name()))),
            T::RenderString => Ok(self.leaf(|token| ExprKind::RenderText(token.name()))),
            T::Private | T::Attr => Ok(self.leaf(|token| ExprKind::Reserved(token.name()))),
            T::True => Ok(self.leaf(|_| ExprKind::Bool(true))),
            T::False => Ok(self.leaf(|_| ExprKind::Bool(false))),
            T::Default => Ok(self.leaf(|_| ExprKind::Default)),
            T::Undef => Ok(self.leaf(|_| ExprKind::Undef)),
            _ => Err(self.syntax_error()),
        }
    }

    fn leaf(&mut self, kind: impl FnOnce(&Token) -> ExprKind) -> Expr {
        let token = self.bump();
        Expr::new(kind(&token), token.span)
    }

    fn parenthesized(&mut self) -> Parsed<Expr> {
        let span = self.bump().span;
        let inner = self.nested(Parser::assignment)?;
        self.expect(TokenKind::RParen)?;
        Ok(Expr::new(ExprKind::Paren(Box::new(inner)), span))
    }

    fn number(&mut self) -> Parsed<Expr> {
        let token = self.bump();
        let text = token.name();
        let (digits, radix, base) = match text.as_bytes() {
            [b'0', b'x' | b'X', ..] => (&text[2..], Radix::Hexadecimal, 16),
            [b'0', b'0'..=b'9', ..] => (&text[1..], Radix::Octal, 8),
            bytes if bytes.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) => return self.float(&token),
            _ => (&text[..], Radix::Decimal, 10),
        };
        let value = match i64::from_str_radix(digits, base) {
            Ok(value) => value,
            Err(_) => {
                // The digits are valid, so it is too large. Validation says so in its turn.
                self.overflows.insert(token.span.start, hexadecimal(digits, base));
                i64::MAX
            }
        };
        Ok(Expr::new(ExprKind::Integer { value, radix }, token.span))
    }

    fn float(&mut self, token: &Token) -> Parsed<Expr> {
        let text = token.name();
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Expr::new(ExprKind::Float(value), token.span)),
            _ => {
                let message = format!("Internal Error, NUMBER token does not contain a valid number, {text}");
                Err(self.error_at(token.span, message))
            }
        }
    }
}

/// Digits of any base, in base 16.
fn hexadecimal(digits: &str, base: u32) -> String {
    // Sixteens' digits, least significant first.
    let mut result: Vec<u32> = Vec::new();
    for digit in digits.chars().filter_map(|c| c.to_digit(base)) {
        let mut carry = digit;
        for place in &mut result {
            let sum = *place * base + carry;
            *place = sum % 16;
            carry = sum / 16;
        }
        while carry > 0 {
            result.push(carry % 16);
            carry /= 16;
        }
    }
    result.iter().rev().filter_map(|place| char::from_digit(*place, 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::hexadecimal;

    #[test]
    fn large_numbers_are_shown_in_base_16() {
        assert_eq!(hexadecimal("99999999999999999999", 10), "56bc75e2d630fffff");
        assert_eq!(hexadecimal("8000000000000000", 16), "8000000000000000");
        assert_eq!(hexadecimal("1000000000000000000000", 8), "8000000000000000");
    }
}
