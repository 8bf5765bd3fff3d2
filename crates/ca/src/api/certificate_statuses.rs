//! `GET certificate_statuses/ANY`: everything the authority knows of every name, or of those in one state.
//!
//! Long lists (a hundred thousand certificates are 90 MB of JSON) are made while they are sent, from the state as it
//! was when the request came, by a thread that waits when the client is slow.

use super::{Call, negotiate, respond};
use crate::answer::{self, Answer};
use crate::state::{Standing, State};
use crate::status_json;
use std::sync::Arc;
use wire::protocol::query;
use wire::{Bytes, Response, body};

/// Longest list that is made before it is sent, in names.
const SHORT: usize = 256;
/// Octets handed over at a time.
const CHUNK: usize = 128 * 1024;
/// Chunks made ahead of the client.
const AHEAD: usize = 4;

pub(super) fn get(call: &Call) -> Response {
    let label = match negotiate::answer_type(call.request.headers()) {
        Ok(label) => label,
        Err(refused) => return respond(refused),
    };
    let pairs = query::parse(&call.target.query);
    let states: Vec<&str> =
        pairs.iter().filter(|(name, _)| name == "state").map(|(_, value)| value.as_str()).collect();
    let wanted = match states[..] {
        ["requested"] => Some(Standing::Requested),
        ["signed"] => Some(Standing::Signed),
        ["revoked"] => Some(Standing::Revoked),
        // Any other word is as good as none, and so are two.
        _ => None,
    };
    let Some(state) = call.authority.ledger().state() else { return respond(answer::not_ready(0, None)) };
    let head = Answer::new(200, &label.found, "").vary(label.vary);
    if state.names() <= SHORT {
        let mut json = Vec::new();
        write(&state, wanted, &mut json, |_| true);
        return respond(Answer { body: json, ..head });
    }
    let (sender, streamed) = body::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut json = Vec::with_capacity(CHUNK + 4096);
        let whole = write(&state, wanted, &mut json, |json| {
            json.len() < CHUNK
                || sender
                    .blocking_send(Bytes::from(std::mem::replace(json, Vec::with_capacity(CHUNK + 4096))))
        });
        // A client that has gone away needs no end.
        let _ = whole && sender.blocking_send(json.into());
    });
    respond(head).map(|_| streamed)
}

/// Writes the list; false when `passed_on` said to stop, which is asked after each entry.
fn write(
    state: &Arc<State>,
    wanted: Option<Standing>,
    json: &mut Vec<u8>,
    mut passed_on: impl FnMut(&mut Vec<u8>) -> bool,
) -> bool {
    json.push(b'[');
    let mut first = true;
    let waiting = state.pending().keys().filter(|name| !state.signed().contains_key(&***name));
    for name in waiting.chain(state.signed().keys()) {
        if wanted.is_some() && state.standing(name) != wanted {
            continue;
        }
        if !std::mem::take(&mut first) {
            json.push(b',');
        }
        status_json::write(state, name, json);
        if !passed_on(json) {
            return false;
        }
    }
    json.push(b']');
    true
}
