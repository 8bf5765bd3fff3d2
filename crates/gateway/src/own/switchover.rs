//! `POST /bunraku/v1/ca/switchover`: makes another CA member active, in order, and answers when it is done.

use http::StatusCode;
use wire::protocol::internal::SwitchoverRequest;
use wire::{Peer, Request, Response, body, reply};

use super::{MAX_BODY, is_operator};
use crate::answer;
use crate::front_end::FrontEnd;

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden("only an operator (a certificate with pp_cli_auth) may switch over.");
    }
    let bytes = match body::collect(request.into_body(), MAX_BODY).await {
        Ok(bytes) => bytes,
        Err(fault) => return answer::broken_body(&fault.to_string()),
    };
    let asked: SwitchoverRequest = match bytes.is_empty() {
        true => SwitchoverRequest::default(),
        false => match serde_json::from_slice(&bytes) {
            Ok(asked) => asked,
            Err(fault) => return answer::broken_body(&fault.to_string()),
        },
    };
    match front_end.supervisor().switchover(asked.to).await {
        Ok(switched) => reply::json(
            StatusCode::OK,
            &serde_json::json!({"active": switched.primary, "epoch": switched.epoch}),
        ),
        Err(why) => reply::text(StatusCode::CONFLICT, format!("No switchover: {why}.")),
    }
}
