//! `POST /bunraku/v1/ca/force`: first what it would cost to make a member primary that may lack acknowledged changes;
//! then, with the version of the register for which that was said, the deed.

use http::StatusCode;
use wire::protocol::internal::ForceRequest;
use wire::{Peer, Request, Response, reply};

use super::is_operator;
use super::switchover::{outcome, read};
use crate::answer;
use crate::front_end::FrontEnd;

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden("only an operator (a certificate with pp_cli_auth) may force a failover.");
    }
    let asked: ForceRequest = match read(request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match asked.version {
        None => match front_end.supervisor().plan_force(asked.to).await {
            Ok(plan) => reply::json(
                StatusCode::OK,
                &serde_json::json!({
                    "plan": plan,
                    "left_in_sync": front_end.supervisor().outlook().record.left_in_sync,
                }),
            ),
            Err(why) => reply::text(StatusCode::CONFLICT, why),
        },
        Some(version) => match front_end.supervisor().force(asked.to, version).await {
            Ok(switched) => outcome(front_end, switched).await,
            Err(why) => reply::text(StatusCode::CONFLICT, why),
        },
    }
}
