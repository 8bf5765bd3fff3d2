//! `If-Modified-Since`, as Puppet Server understands it: RFC 1123 dates only (of any day of the week and zone), compared with the file's time of
//! change in full precision; no `Last-Modified` is ever sent.

use jiff::Timestamp;
use std::path::Path;
use wire::http::HeaderMap;
use wire::http::header::IF_MODIFIED_SINCE;

/// Whether the client has the present content of `path` already.
pub(super) fn is_unmodified(headers: &HeaderMap, path: &Path) -> bool {
    let Some(since) = headers.get(IF_MODIFIED_SINCE).and_then(|value| parse(value.to_str().ok()?)) else {
        return false;
    };
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| Timestamp::try_from(modified).ok()).is_some_and(|modified| since >= modified)
}

/// `Sun, 22 Nov 2026 09:59:14 GMT`.
fn parse(text: &str) -> Option<Timestamp> {
    let (day, rest) = text.split_once(", ")?;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let rest = rest.strip_suffix(" GMT").map_or_else(|| rest.to_owned(), |rest| format!("{rest} +0000"));
    if !days.contains(&day.to_ascii_lowercase().as_str()) {
        return None;
    }
    jiff::fmt::strtime::parse("%d %b %Y %H:%M:%S %z", &rest).ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_form_of_date_counts() {
        let date = parse("Sun, 22 Nov 2026 09:59:14 GMT").unwrap();
        assert_eq!(date.to_string(), "2026-11-22T09:59:14Z");
        assert_eq!(parse("Mon, 22 Nov 2026 10:59:14 +0100"), Some(date));
        for other in ["Sunday, 22-Nov-26 09:59:14 GMT", "2026-11-22T09:59:14Z", "yesterday"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
