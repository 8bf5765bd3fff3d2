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

/// The label that the client accepts: of what it names the one with the highest weight, and of several the last, which is
/// Puppet Server's choice.
///
/// # Errors
/// 406 when it accepts no name under which JSON is known.
pub(super) fn answer_type(headers: &HeaderMap) -> Result<Label, Answer> {
    let lines = headers.get_all(ACCEPT).iter().map(|value| value.to_str().unwrap_or_default().trim());
    let accept = lines.collect::<Vec<_>>().join(",");
    if accept.is_empty() {
        let json = answer::JSON_UTF8.to_owned();
        return Ok(Label { missing: json.clone(), found: json, vary: false });
    }
    let mut ranges: Vec<(f64, &str)> = accept.split(',').map(weighed).collect();
    ranges.reverse();
    ranges.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranges
        .into_iter()
        .find_map(|(_, range)| label_of(&range.to_ascii_lowercase(), &accept))
        .ok_or_else(|| Answer::new(406, answer::PLAIN_UTF8, "No acceptable resource available."))
}

fn label_of(range: &str, accept: &str) -> Option<Label> {
    let label = |found: &str, missing: &str, vary| {
        Some(Label { found: found.to_owned(), missing: missing.to_owned(), vary })
    };
    match range {
        "application/json" | "application/*" => label(answer::JSON_UTF8, answer::JSON_UTF8, true),
        "text/pson" | "text/*" => label("text/pson;charset=UTF-8", "text/pson;charset=UTF-8", true),
        // The formats of Ruby's masters (`pson`, `s`, `raw`) are no media types. Like any word it does not know,
        // Puppet Server takes them for JSON, and repeats what was asked for.
        word if word == "*/*" || !word.is_empty() && !word.contains('/') => {
            label(&format!("{accept};charset=UTF-8"), answer::JSON_UTF8, false)
        }
        _ => None,
    }
}

/// A range of `Accept` and its weight, from 0 to 1.
fn weighed(range: &str) -> (f64, &str) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
    (weight.filter(|weight: &f64| weight.is_finite()).unwrap_or(1.0).clamp(0.0, 1.0), name)
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
        let pson = || "text/pson;charset=UTF-8".to_owned();
        assert_eq!(label("application/json, text/pson"), Some((pson(), true)));
        assert_eq!(label("text/pson, application/json"), Some((json(), true)));
        assert_eq!(label("application/json;q=0.9, text/pson; q=0.1"), Some((json(), true)));
        assert_eq!(label("text/pson;q=0.9,application/json;q=7"), Some((json(), true)));
        assert_eq!(label("application/json, */*; q=0.01"), Some((json(), true)));
        assert_eq!(label("text/plain"), None);
        assert_eq!(label(","), None);
    }
}
