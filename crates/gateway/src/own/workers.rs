//! `POST /bunraku/v1/workers`: takes a catalog worker out of use, or puts it back.

use http::StatusCode;
use wire::protocol::internal::WorkerRequest;
use wire::{Peer, Request, Response, reply};

use super::is_operator;
use super::switchover::read;
use crate::answer;
use crate::front_end::FrontEnd;

pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if !is_operator(peer) {
        return answer::forbidden(
            "only an operator (a certificate with pp_cli_auth) may take workers out of use.",
        );
    }
    let asked: WorkerRequest = match read(request).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match front_end.use_worker(&asked.worker, asked.usage) {
        Ok(Some(status)) => reply::json(StatusCode::OK, &status),
        Ok(None) => {
            let names: Vec<String> =
                front_end.status().workers.into_iter().map(|worker| worker.name).collect();
            let text = format!(
                "There is no catalog worker {}; the front end knows: {}.",
                asked.worker,
                names.join(", ")
            );
            reply::text(StatusCode::NOT_FOUND, text)
        }
        Err(fault) => reply::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("It is as asked now, and will not be after a restart of the front end: {fault}"),
        ),
    }
}
