//! `POST /bunraku/v1/reload`: reads the configuration again, and says what has changed or why it was refused.

use http::StatusCode;
use wire::protocol::internal::ReloadAnswer;
use wire::{Peer, Response, reply};

use super::is_operator;
use crate::answer;
use crate::front_end::FrontEnd;

pub async fn answer(front_end: &FrontEnd, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden(
            "only an operator (a certificate with pp_cli_auth) may have the configuration read again.",
        );
    }
    match front_end.reload().await {
        Ok(reloaded) => {
            let (changes, notes) = (reloaded.changes, reloaded.notes);
            reply::json(StatusCode::OK, &ReloadAnswer { changes, notes, refused: Vec::new() })
        }
        Err(refused) => {
            let answer = ReloadAnswer { refused, ..ReloadAnswer::default() };
            reply::json(StatusCode::UNPROCESSABLE_ENTITY, &answer)
        }
    }
}
