//! `/bunraku/…`: the status page on the front end's own port, for operators and roles.

use http::{Method, StatusCode};
use wire::{Peer, Request, Response, reply};

use super::{is_operator, is_role};
use crate::answer;
use crate::front_end::FrontEnd;
use crate::page::{self, Part};

/// A part of the page.
pub async fn answer(front_end: &FrontEnd, part: Part, request: Request, peer: &Peer) -> Response {
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        return page::wrong_method("GET, HEAD");
    }
    if is_operator(peer) {
        page::for_operator(front_end, part, peer).await
    } else if is_role(front_end, peer) {
        page::for_role(front_end, part)
    } else {
        answer::forbidden(
            "the status page is for operators: show the browser the operator's certificate (one with pp_cli_auth; \
             docs/OBSERVING.md says how).",
        )
    }
}

/// Something is to be done.
pub async fn act(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if *request.method() != Method::POST {
        return page::wrong_method("POST");
    }
    if !is_operator(peer) {
        return answer::forbidden("only an operator (a certificate with pp_cli_auth) may do something here.");
    }
    page::act(front_end, request, peer).await
}

/// The address without its last slash.
pub fn with_slash(request: &Request) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => page::with_slash(),
        _ => reply::text(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"),
    }
}
