//! The content types of `certificate_status` and `certificate_statuses`: JSON under several names.

use crate::answer::{self, Answer};
use wire::http::HeaderMap;
use wire::http::header::{ACCEPT, CONTENT_TYPE};

/// Content type of the answer, and whether `Vary: Accept` goes with it: Puppet Server says so for the two names that
/// its negotiation knows, and not for those that it merely lets pass.
pub(super) fn answer_type(headers: &HeaderMap) -> Result<(String, bool), Answer> {
    let Some(accept) = headers.get(ACCEPT) else { return Ok((answer::JSON_UTF8.to_owned(), false)) };
    let accept = accept.to_str().unwrap_or_default();
    accept
        .split(',')
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .find_map(|range| match range {
            "application/json" | "application/*" => Some((answer::JSON_UTF8.to_owned(), true)),
            // It repeats the name that was asked for, real media type or not.
            "text/pson" => Some((format!("{range};charset=UTF-8"), true)),
            "pson" | "s" | "*/*" => Some((format!("{range};charset=UTF-8"), false)),
            _ => None,
        })
        .ok_or_else(|| Answer::new(406, answer::PLAIN_UTF8, "No acceptable resource available."))
}

/// Whether the body's content type is one that can hold the JSON of a status.
pub(super) fn body_type(headers: &HeaderMap) -> Result<(), Answer> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match given {
        "application/json" | "text/pson" | "pson" => Ok(()),
        _ => Err(Answer::new(415, answer::PLAIN_UTF8, "Unsupported media type.")),
    }
}
