//! The content types of `certificate_status` and `certificate_statuses`: JSON under several names.

use crate::answer::{self, Answer};
use wire::http::header::{ACCEPT, CONTENT_TYPE};
use wire::http::{HeaderMap, HeaderValue};

/// How an answer is labelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// `Content-Type` of what was found.
    pub found: String,
    /// `Content-Type` of an answer that nothing was found.
    pub missing: String,
    /// Whether `Vary: Accept` goes with it: Puppet Server says so for the two names that its negotiation knows, and not
    /// for those that it merely lets pass.
    pub vary: bool,
}

/// The label that the client accepts.
///
/// # Errors
/// 406 when it accepts no name under which JSON is known.
pub(super) fn answer_type(headers: &HeaderMap) -> Result<Label, Answer> {
    let accept = headers.get(ACCEPT).map_or("", |value| value.to_str().unwrap_or_default().trim());
    let json = |vary| Label { found: answer::JSON_UTF8.into(), missing: answer::JSON_UTF8.into(), vary };
    if accept.is_empty() {
        return Ok(json(false));
    }
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
        .find_map(|range| match range.as_str() {
            "application/json" | "application/*" => Some(json(true)),
            "text/pson" | "text/*" => {
                let found = "text/pson;charset=UTF-8".to_owned();
                Some(Label { missing: found.clone(), found, vary: true })
            }
            // The formats of Ruby's masters (`pson`, `s`, `raw`) are no media types. Like any word it does not know,
            // Puppet Server takes them for JSON, and repeats what was asked for.
            word if word == "*/*" || !word.is_empty() && !word.contains('/') => {
                Some(Label { found: format!("{accept};charset=UTF-8"), ..json(false) })
            }
            _ => None,
        })
        .ok_or_else(|| Answer::new(406, answer::PLAIN_UTF8, "No acceptable resource available."))
}

/// Ruby's masters knew two formats by names that are another one's today.
pub(super) fn present_form(headers: &mut HeaderMap) {
    let Some(accept) = headers.get(ACCEPT).and_then(|value| value.to_str().ok()) else { return };
    let mut present: Vec<String> = Vec::new();
    for name in accept.split(',').map(|name| name.trim().to_ascii_lowercase()) {
        let name = if matches!(name.as_str(), "raw" | "s") { "binary".to_owned() } else { name };
        if !present.contains(&name) {
            present.push(name);
        }
    }
    if let Ok(value) = HeaderValue::try_from(present.join(", ")) {
        headers.insert(ACCEPT, value);
    }
}

/// Whether the body's content type is one that can hold the JSON of a status.
pub(super) fn body_type(headers: &HeaderMap) -> Result<(), Answer> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match given.to_ascii_lowercase().as_str() {
        "application/json" | "text/pson" | "pson" => Ok(()),
        _ => Err(Answer::new(415, answer::PLAIN_UTF8, "Unsupported media type.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(accept: &str) -> Option<(String, bool)> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        answer_type(&headers).ok().map(|label| (label.found, label.vary))
    }

    #[test]
    fn json_goes_under_the_names_that_puppet_server_lets_pass() {
        let json = || "application/json;charset=utf-8".to_owned();
        assert_eq!(label(""), Some((json(), false)));
        assert_eq!(label("text/plain, Application/JSON"), Some((json(), true)));
        assert_eq!(label("text/*"), Some(("text/pson;charset=UTF-8".into(), true)));
        assert_eq!(label("pson, yaml"), Some(("pson, yaml;charset=UTF-8".into(), false)));
        assert_eq!(label("text/html,*/*;q=0.8"), Some(("text/html,*/*;q=0.8;charset=UTF-8".into(), false)));
        assert_eq!(label("text/plain"), None);
        assert_eq!(label(","), None);
    }
}
