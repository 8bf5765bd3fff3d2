//! Query strings and `application/x-www-form-urlencoded` bodies: pairs, in order, with repetition.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// The content type of a form body.
pub const FORM: &str = "application/x-www-form-urlencoded";

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// Writes pairs; blanks as `%20`, which every reader understands.
pub fn encode<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        out.extend(utf8_percent_encode(name, ENCODED));
        out.push('=');
        out.extend(utf8_percent_encode(value, ENCODED));
    }
    out
}

/// Reads pairs. `+` is a blank; a name without `=` has an empty value; what is not UTF-8 is replaced.
pub fn parse(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(name), unescape(value))
        })
        .collect()
}

/// The first value of a name.
pub fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn unescape(text: &str) -> String {
    let blanks: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&blanks).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_agents_send_is_read() {
        let pairs = parse("recurse=true&ignore=.svn&ignore=CVS&links=a+b%2B&flag&&x=");
        assert_eq!(first(&pairs, "ignore"), Some(".svn"));
        assert_eq!(pairs.iter().filter(|(name, _)| name == "ignore").count(), 2);
        assert_eq!(first(&pairs, "links"), Some("a b+"));
        assert_eq!(
            (first(&pairs, "flag"), first(&pairs, "x"), first(&pairs, "y")),
            (Some(""), Some(""), None)
        );
    }

    proptest! {
        #[test]
        fn pairs_survive(pairs in proptest::collection::vec((".{1,9}", ".{0,9}"), 0..5)) {
            let written = encode(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            prop_assert_eq!(parse(&written), pairs);
        }
    }
}
