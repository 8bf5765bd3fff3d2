//! `POST /bunraku/v1/authority/local/operator`, on the local socket alone: a certificate that may operate the CA.

use super::{Call, MAX_REQUEST_BODY, collect};
use crate::answer::{self, Answer, PLAIN_UTF8};
use crate::authority::{Caller, Failure, OperatorRequest};

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_REQUEST_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let wanted: OperatorRequest = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(fault) => return Answer::new(400, PLAIN_UTF8, fault.to_string()),
    };
    match call.authority.issue_operator(&caller, &wanted).await {
        Ok(()) => Answer::new(204, PLAIN_UTF8, ""),
        Err(Failure::Fault(fault)) => Answer::new(400, PLAIN_UTF8, fault.to_string()),
        Err(failure) => answer::failure(&failure),
    }
}
