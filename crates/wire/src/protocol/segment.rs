//! Names in paths.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stands in a path segment as it is: unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name as one path segment (a `/` in it is encoded as well).
pub fn encode(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

/// The name in a path segment; `None` if it is not UTF-8.
pub fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(|name| name.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_name_survives(name in ".{0,40}") {
            let segment = encode(&name);
            prop_assert!(!segment.contains('/') && segment.is_ascii());
            prop_assert_eq!(decode(&segment), Some(name));
        }
    }

    #[test]
    fn what_is_not_utf8_is_no_name() {
        assert_eq!(decode("%ff"), None);
    }
}
