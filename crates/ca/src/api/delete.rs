//! `POST /bunraku/v1/authority/delete`: signed certificates are dropped from the directory; this revokes nothing.
//! Body: `{"expired":bool,"revoked":bool,"all":bool,"certnames":[…]}`, each of them optional.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, JSON_UTF8, PLAIN_UTF8};
use crate::authority::{Caller, Deletion};

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let wanted: Deletion = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(fault) => return Answer::new(400, PLAIN_UTF8, fault.to_string()),
    };
    match call.authority.delete_signed(&caller, &wanted).await {
        Ok(deleted) => Answer::new(200, JSON_UTF8, answer::deleted_many(&deleted)),
        Err(failure) => answer::failure(&failure),
    }
}
