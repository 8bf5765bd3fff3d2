//! Strings as Puppet source text.

/// In single quotes, or in double quotes when there are control characters in it.
pub fn quote(text: &str) -> String {
    if text.chars().any(|c| c < ' ') {
        return double_quote(text);
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    let mut backslash = false;
    for c in text.chars() {
        if backslash {
            quoted.push('\\');
            quoted.push(c);
            backslash = false;
        } else if c == '\\' {
            backslash = true;
        } else {
            if c == '\'' {
                quoted.push('\\');
            }
            quoted.push(c);
        }
    }
    if backslash {
        quoted.push('\\');
    }
    quoted.push('\'');
    quoted
}

/// In double quotes.
pub fn double_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' => quoted.push_str("\\\""),
            '$' => quoted.push_str("\\$"),
            '\\' => quoted.push_str("\\\\"),
            c if c < ' ' => quoted.push_str(&format!("\\u{{{:X}}}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// First letter in upper case, the rest in lower case (Ruby's `capitalize`).
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_puppet_does() {
        assert_eq!(quote("a"), "'a'");
        assert_eq!(quote("it's"), r"'it\'s'");
        assert_eq!(quote("a\nb$"), r#""a\nb\$""#);
        assert_eq!(quote(r"a\b"), r"'a\b'");
        assert_eq!(capitalize("fOO bar"), "Foo bar");
    }
}
