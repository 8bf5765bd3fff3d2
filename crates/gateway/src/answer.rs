//! Answers that the front end gives in its own name, when it refuses a request or has nobody to pass it to.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use wire::{Response, reply};

use crate::route::Suspicion;

/// Shortest Retry-After, in seconds.
const RETRY_FROM: u64 = 5;
/// Spread of Retry-After, in seconds: agents that were sent away together must not come back together.
const RETRY_SPREAD: u64 = 16;

/// The target could be read in two ways.
pub fn suspicious(why: Suspicion) -> Response {
    reply::text(StatusCode::BAD_REQUEST, format!("Bad request: {why}."))
}

/// A body longer than its route allows.
pub fn too_large(limit: usize) -> Response {
    reply::text(StatusCode::PAYLOAD_TOO_LARGE, format!("The request body is longer than {limit} bytes."))
}

/// The client broke off, or sent a malformed body.
pub fn broken_body(why: &str) -> Response {
    reply::text(StatusCode::BAD_REQUEST, format!("The request body could not be read: {why}."))
}

/// Bunraku's own endpoints: who asks may not.
pub fn forbidden(what: &str) -> Response {
    reply::text(StatusCode::FORBIDDEN, format!("Forbidden: {what}"))
}

/// No such endpoint below /bunraku.
pub fn unknown() -> Response {
    reply::text(StatusCode::NOT_FOUND, "Not Found")
}

/// No catalog worker could be reached. `wait_hint` adds Retry-After: Puppet's agent then sleeps and repeats the
/// request, where a bare 503 is a failed run. A status probe must not get it: an agent with a `server_list` would
/// sleep instead of trying the next server.
pub fn no_worker(tried: &str, wait_hint: bool, dice: u64) -> Response {
    let text = format!(
        "No catalog worker can be reached ({tried}). Run `bunraku status` to see why, and start the worker that is down; requests are served again within half a second of its return."
    );
    unavailable(text, wait_hint, dice)
}

/// Every catalog worker has as many requests as it may: the request has waited for so many seconds, or not at all because
/// too many others do.
pub fn workers_full(waited_seconds: Option<u64>, wait_hint: bool, dice: u64) -> Response {
    let why = match waited_seconds {
        Some(seconds) => format!("for {seconds} s"),
        None => "and too many requests wait already".to_owned(),
    };
    let text = format!(
        "All catalog workers have as many requests as they may, {why}. Try again later; add workers, or raise max_requests, if this happens often."
    );
    unavailable(text, wait_hint, dice)
}

/// All bodies together take as much memory as they may.
pub fn no_room(dice: u64) -> Response {
    let text = "The front end holds as many requests as it may in memory. Try again later.".to_owned();
    unavailable(text, true, dice)
}

/// Who there is beside the certificate authority that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Further members.
    Standby,
    /// Nobody: it is Bunraku's only member.
    Nobody,
    /// Nobody: it is a Puppet Server.
    PuppetServer,
}

impl Others {
    /// What is to be done.
    fn remedy(self) -> &'static str {
        match self {
            Others::Standby => {
                "Run `bunraku status` to see the members: if the primary cannot be brought back, the standby takes over by itself as soon as it is in sync and can be reached."
            }
            Others::Nobody => {
                "Run `bunraku status` to see why, and start it again: it is the only one, and requests are answered as soon as it is back."
            }
            Others::PuppetServer => {
                "It is a Puppet Server, and nobody takes over from it: start it again, and requests are passed on as soon as it answers."
            }
        }
    }
}

/// No CA answered within the time a request is held.
pub fn no_ca(held_seconds: u64, why: &str, others: Others, dice: u64) -> Response {
    let remedy = others.remedy();
    let text = format!(
        "No certificate authority could take this request within {held_seconds} s ({why}). Nothing was changed. {remedy}"
    );
    unavailable(text, true, dice)
}

/// No CA answers now: for a question that is not held. No Retry-After, because whoever asks has others to ask.
pub fn no_ca_now(why: &str, others: Others) -> Response {
    let remedy = others.remedy();
    unavailable(format!("No certificate authority answers now ({why}). {remedy}"), false, 0)
}

/// A CA write was sent and no answer came, and no later primary could be asked what became of it. No Retry-After:
/// repeating is for somebody who has looked.
pub fn in_doubt(held_seconds: u64, why: &str, others: Others) -> Response {
    let list = match others {
        Others::Standby | Others::Nobody => "bunraku ca list --all",
        Others::PuppetServer => "puppetserver ca list --all",
    };
    reply::text(
        StatusCode::GATEWAY_TIMEOUT,
        format!(
            "The certificate authority took this request and did not answer within {held_seconds} s ({why}). It may or may not have been carried out: look with `{list}` before repeating it."
        ),
    )
}

/// The worker took the request and broke off, and the request may not be repeated.
pub fn bad_gateway(worker: &str, why: &str) -> Response {
    reply::text(
        StatusCode::BAD_GATEWAY,
        format!(
            "Worker {worker} took the request and gave no answer: {why}. It was not sent again, because it may have had effects."
        ),
    )
}

/// The worker took too long.
pub fn gateway_timeout(worker: &str, seconds: u64) -> Response {
    reply::text(StatusCode::GATEWAY_TIMEOUT, format!("Worker {worker} did not answer within {seconds} s."))
}

fn unavailable(text: String, wait_hint: bool, dice: u64) -> Response {
    let mut response = reply::text(StatusCode::SERVICE_UNAVAILABLE, text);
    if wait_hint {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after(dice)));
    }
    response
}

fn retry_after(dice: u64) -> u64 {
    RETRY_FROM + dice % RETRY_SPREAD
}

/// A number that differs from request to request; quality does not matter, only spread.
pub fn dice() -> u64 {
    use std::hash::BuildHasher;
    std::hash::RandomState::new().hash_one(0u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_asked_of_agents_but_not_of_status_probes() {
        let agent = no_worker("w1: connection refused", true, 3);
        assert_eq!(agent.status(), 503);
        assert_eq!(agent.headers()[RETRY_AFTER], "8");
        let probe = no_worker("w1: connection refused", false, 3);
        assert!(!probe.headers().contains_key(RETRY_AFTER));
    }

    #[tokio::test]
    async fn nobody_is_told_to_wait_for_a_standby_that_there_is_not() {
        for (others, has_standby, list) in [
            (Others::Standby, true, "`bunraku ca list"),
            (Others::Nobody, false, "`bunraku ca list"),
            (Others::PuppetServer, false, "`puppetserver ca list"),
        ] {
            let text = async |answer: Response| {
                let body = wire::body::collect(answer.into_body(), 10_000).await.unwrap();
                String::from_utf8(body.to_vec()).unwrap()
            };
            for answer in [no_ca(30, "ca: connection refused", others, 0), no_ca_now("-", others)] {
                assert_eq!(text(answer).await.contains("the standby takes over"), has_standby, "{others:?}");
            }
            assert!(text(in_doubt(30, "ca: reset", others)).await.contains(list), "{others:?}");
        }
    }

    #[test]
    fn waits_are_spread() {
        let waits: std::collections::BTreeSet<u64> = (0..200).map(|_| retry_after(dice())).collect();
        assert!(waits.len() > 5, "{waits:?}");
        assert!(waits.iter().all(|wait| (RETRY_FROM..RETRY_FROM + RETRY_SPREAD).contains(wait)));
    }
}
