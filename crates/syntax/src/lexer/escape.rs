//! Escape sequences.

use std::borrow::Cow;

/// Which characters after a backslash mean something.
#[derive(Debug, Clone, Default)]
pub(super) struct Escapes {
    /// The characters. A quote or a backslash stands for itself, the letters for what they mean.
    pub chars: String,
    /// Whether a backslash at a line's end joins the lines.
    pub line_breaks: bool,
    /// Whether to warn about others.
    pub warn: bool,
}

impl Escapes {
    /// Those of `"…"`.
    pub fn double_quoted() -> Escapes {
        Escapes { chars: "\\$'\"rntsu".to_string(), line_breaks: true, warn: true }
    }
}

/// Replaces the escapes. In an unknown one, the backslash stays.
pub(super) fn unescape(raw: &str, escapes: &Escapes, warnings: &mut Vec<String>) -> String {
    // Unicode escapes come first, as in Puppet: what they yield may be part of another escape.
    let source: Cow<'_, str> =
        if escapes.chars.contains('u') { unicode(raw, warnings).into() } else { Cow::Borrowed(raw) };
    let mut text = String::with_capacity(source.len());
    let mut rest = source.as_ref();
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(next) = rest.chars().next() else {
            text.push('\\');
            break;
        };
        match next {
            '\n' | '\r' => {
                let width = if rest.starts_with("\r\n") { 2 } else { 1 };
                if escapes.line_breaks && (next == '\n' || width == 2) {
                    rest = &rest[width..];
                } else {
                    text.push('\\');
                }
                continue;
            }
            'u' if escapes.chars.contains('u') => {
                warnings.push(BAD_UNICODE.to_string());
                text.push_str("\\u");
            }
            _ if escapes.chars.contains(next) => text.push(match next {
                'r' => '\r',
                'n' => '\n',
                't' => '\t',
                's' => ' ',
                other => other,
            }),
            _ => {
                if escapes.warn {
                    warnings.push(format!("Unrecognized escape sequence '\\{next}'"));
                }
                text.push('\\');
                text.push(next);
            }
        }
        rest = &rest[next.len_utf8()..];
    }
    text.push_str(rest);
    text
}

const BAD_UNICODE: &str =
    "Unicode escape '\\u' was not followed by 4 hex digits or 1-6 hex digits in {} or was > 10ffff";

/// Replaces `\uXXXX` and `\u{X…}`. Those that name no character stay, and are warned of later.
fn unicode(raw: &str, _warnings: &mut Vec<String>) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        match code_point(rest) {
            Some((c, length)) => {
                text.push(c);
                rest = &rest[length..];
            }
            None => {
                // The backslash and what it escapes, whatever that is.
                let width = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                text.push_str(&rest[..width]);
                rest = &rest[width..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The character of a Unicode escape at the start of a text, and the escape's length.
fn code_point(text: &str) -> Option<(char, usize)> {
    let after = text.strip_prefix("\\u")?;
    let (digits, length) = match after.strip_prefix('{') {
        Some(inner) => {
            let end = inner.find('}').filter(|end| (1..=6).contains(end))?;
            (&inner[..end], end + 4)
        }
        None => (after.get(..4)?, 6),
    };
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    Some((c, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(raw: &str) -> (String, usize) {
        let mut warnings = Vec::new();
        let text = unescape(raw, &Escapes::double_quoted(), &mut warnings);
        (text, warnings.len())
    }

    #[test]
    fn known_escapes_are_replaced() {
        assert_eq!(double(r"a\tb\n\s\\\$\'x"), ("a\tb\n \\$'x".to_string(), 0));
        assert_eq!(double("a\\\nb\\\r\nc"), ("abc".to_string(), 0));
    }

    #[test]
    fn unknown_escapes_stay_with_a_warning() {
        assert_eq!(double(r"a\qb"), (r"a\qb".to_string(), 1));
        assert_eq!(double(r"\u12"), (r"\u12".to_string(), 1));
        assert_eq!(double(r"\u{110000}"), (r"\u{110000}".to_string(), 1));
    }

    #[test]
    fn unicode_escapes_have_two_forms() {
        assert_eq!(double(r"\u0041\u{1F600}\\u0041"), ("A😀\\u0041".to_string(), 0));
    }
}
