//! `GET /bunraku/v1/status`: the front end's view, for operators and roles.

use http::StatusCode;
use wire::{Peer, Response, reply};

use super::{is_operator, is_role};
use crate::answer;
use crate::front_end::FrontEnd;

pub fn answer(front_end: &FrontEnd, peer: &Peer) -> Response {
    if is_operator(peer) || is_role(front_end, peer) {
        reply::json(StatusCode::OK, &front_end.status())
    } else {
        answer::forbidden(
            "the status is for operators (a certificate with pp_cli_auth) and for Bunraku's own roles.",
        )
    }
}
