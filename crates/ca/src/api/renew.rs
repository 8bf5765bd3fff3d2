//! `POST /bunraku/v1/authority/renew`: an operator has a certificate renewed; it stands in the body.

use super::{Call, MAX_REQUEST_BODY, collect};
use crate::answer::{self, Answer, PLAIN_UTF8};
use crate::authority::{Caller, Failure};
use pki::Certificate;

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_REQUEST_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let old = match Certificate::from_pem(&body) {
        Ok(old) => old,
        Err(fault) => {
            return Answer::new(400, PLAIN_UTF8, format!("Request body is not a certificate: {fault}"));
        }
    };
    match call.authority.renew_by_operator(&caller, &old).await {
        Ok(pem) => answer::renewed(&pem),
        Err(Failure::Fault(fault)) => answer::renewal_refused(&fault),
        Err(failure) => answer::failure(&failure),
    }
}
