//! `POST /bunraku/v1/authority/rollover`: a longer life for the CA's own certificate; or the request for it, where an issuer
//! above has to sign.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, PLAIN, PLAIN_UTF8};
use crate::authority::Caller;
use wire::protocol::internal::{RolloverAction, RolloverRequest};

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let asked: RolloverRequest = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(fault) => {
            return Answer::new(400, PLAIN_UTF8, format!("Request body is not a rollover: {fault}"));
        }
    };
    match asked.action {
        RolloverAction::Request => match call.authority.authority_request() {
            Ok(pem) => Answer::new(200, PLAIN, pem),
            Err(failure) => answer::failure(&failure),
        },
        RolloverAction::SameKey => {
            let submitted = asked.certificate.as_deref().map(str::as_bytes);
            match call.authority.renew_authority(&caller, asked.life, submitted).await {
                Ok(outcome) => outcome.into(),
                Err(failure) => answer::failure(&failure),
            }
        }
    }
}
