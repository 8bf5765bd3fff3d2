//! `POST /bunraku/v1/ca/hold`: holds a CA member back for maintenance, or releases it.

use http::StatusCode;
use wire::protocol::internal::HoldRequest;
use wire::{Peer, Request, Response, reply};

use super::is_operator;
use super::switchover::read;
use crate::answer;
use crate::front_end::FrontEnd;

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden(
            "only an operator (a certificate with pp_cli_auth) may hold a member back.",
        );
    }
    let asked: HoldRequest = match read(request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match front_end.supervisor().maintain(asked.member, asked.hold).await {
        Ok(held_back) => reply::json(StatusCode::OK, &serde_json::json!({"held_back": held_back})),
        Err(why) => reply::text(StatusCode::CONFLICT, why),
    }
}
