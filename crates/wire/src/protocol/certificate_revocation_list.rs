//! `GET /puppet-ca/v1/certificate_revocation_list/ca`: the CA's revocation lists in PEM, leaf first. With
//! `If-Modified-Since` the answer is 304 when nothing changed since.

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::{CA_PREFIX, ca_name};

/// Its path.
pub fn path() -> String {
    format!("{CA_PREFIX}/certificate_revocation_list/ca")
}

/// The name in a path of this endpoint (only `ca` exists), also of the legacy
/// `/{environment}/certificate_revocation_list/{name}`; still encoded.
pub fn name_in(path: &str) -> Option<&str> {
    ca_name(path, "certificate_revocation_list")
}

/// Reads `If-Modified-Since` as Unix seconds: the preferred form of RFC 9110, 5.6.7 alone. Anything else is `None`,
/// and then as if it had not been sent, as Puppet Server does it.
pub fn parse_if_modified_since(value: &str) -> Option<i64> {
    let is_preferred_form = value.ends_with(" GMT") && value.as_bytes().get(3) == Some(&b',');
    if !is_preferred_form {
        return None;
    }
    rfc2822::DateTimeParser::new().parse_timestamp(value).ok().map(Timestamp::as_second)
}

/// Writes Unix seconds for `If-Modified-Since`; `None` outside of the years that can be written.
pub fn format_if_modified_since(seconds: i64) -> Option<String> {
    let at = Timestamp::from_second(seconds).ok()?;
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_preferred_form_of_a_date_counts() {
        assert_eq!(parse_if_modified_since("Sun, 22 Nov 2026 09:55:00 GMT"), Some(1_795_341_300));
        for other in ["Sunday, 22-Nov-26 09:55:00 GMT", "2026-11-22T09:55:00Z", "yesterday", ""] {
            assert_eq!(parse_if_modified_since(other), None, "{other}");
        }
    }

    #[test]
    fn a_date_survives() {
        let text = format_if_modified_since(1_795_341_300).unwrap();
        assert_eq!(text, "Sun, 22 Nov 2026 09:55:00 GMT");
        assert_eq!(parse_if_modified_since(&text), Some(1_795_341_300));
    }
}
