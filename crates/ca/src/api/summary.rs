//! `summary`, for front ends: what they show of the CA to people, without a node's name.

use crate::authority::Authority;
use wire::http::{Method, StatusCode};
use wire::protocol::internal::{CaSummary, EndWarning};
use wire::{Peer, Request, Response, reply};

/// Answers one question.
pub(crate) fn answer(
    authority: &Authority,
    front_ends: &[String],
    request: &Request,
    peer: &Peer,
) -> Response {
    if !peer.certname().is_some_and(|name| front_ends.iter().any(|front_end| front_end == name)) {
        return reply::text(StatusCode::FORBIDDEN, "the summary is for the front ends of this estate");
    }
    if *request.method() != Method::GET {
        return reply::text(StatusCode::METHOD_NOT_ALLOWED, "GET");
    }
    let ledger = authority.ledger();
    let waiting = ledger.role().reads.then(|| ledger.read(|state| state.pending().len())).flatten();
    let Some(waiting) = waiting else {
        return reply::text(StatusCode::MISDIRECTED_REQUEST, "this member does not answer now");
    };
    let warnings = authority.expiry_warnings().into_iter().map(|warning| EndWarning {
        urgency: match serde_json::to_value(warning.urgency) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        },
        text: warning.text,
    });
    reply::json(StatusCode::OK, &CaSummary { waiting, warnings: warnings.collect() })
}
