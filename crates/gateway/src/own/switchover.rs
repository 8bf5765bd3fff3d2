//! `POST /bunraku/v1/ca/switchover`: makes another CA member active, in order, and answers when it is.

use std::time::Duration;

use http::StatusCode;
use serde::de::DeserializeOwned;
use wire::protocol::internal::SwitchoverRequest;
use wire::{Peer, Request, Response, body, reply};

use super::{MAX_BODY, is_operator};
use crate::answer;
use crate::front_end::FrontEnd;
use crate::supervisor::Switched;

/// How long a registered primary may take to be active. It has everything; some milliseconds are usual.
const ACTIVE_WITHIN: Duration = Duration::from_secs(10);

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden("only an operator (a certificate with pp_cli_auth) may switch over.");
    }
    let asked: SwitchoverRequest = match read(request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match front_end.supervisor().switchover(asked.to).await {
        Ok(switched) => outcome(front_end, switched).await,
        Err(why) => reply::text(StatusCode::CONFLICT, format!("No switchover: {why}.")),
    }
}

/// The request's JSON; none at all is the default.
pub(super) async fn read<T: DeserializeOwned + Default>(request: Request) -> Result<T, Response> {
    let bytes = body::collect(request.into_body(), MAX_BODY)
        .await
        .map_err(|fault| answer::broken_body(&fault.to_string()))?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes).map_err(|fault| answer::broken_body(&fault.to_string()))
}

/// Tells who is primary, once it is active: and how long nobody was.
pub(super) async fn outcome(front_end: &FrontEnd, switched: Switched) -> Response {
    let acts = front_end.supervisor().active_in(switched.epoch, ACTIVE_WITHIN).await;
    let outlook = front_end.supervisor().outlook();
    let change = outlook.last_failover().filter(|change| change.epoch == switched.epoch);
    reply::json(
        StatusCode::OK,
        &serde_json::json!({
            "active": switched.primary,
            "epoch": switched.epoch,
            "acts": acts,
            "without_active_ms": change.map(|change| change.duration_ms),
            "held": change.map(|change| change.held),
        }),
    )
}
