//! `POST /bunraku/v1/authority/prune`: entries leave our own revocation list.
//! Body: `{"duplicates":bool,"expired":bool,"serials":[…],"certnames":[…]}`, each of them optional.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, JSON_UTF8, PLAIN_UTF8};
use crate::authority::{Caller, PruneRequest};
use pki::Serial;
use serde_json::json;

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let wanted: PruneRequest = match serde_json::from_slice(&body) {
        Ok(wanted) => wanted,
        Err(fault) => return Answer::new(400, PLAIN_UTF8, fault.to_string()),
    };
    if let Some(wrong) = wanted.serials.iter().find(|hex| Serial::parse_hex(hex).is_err()) {
        return Answer::new(400, PLAIN_UTF8, format!("'{wrong}' is not a serial number in hexadecimal"));
    }
    match call.authority.prune(&caller, &wanted).await {
        Ok(pruned) => {
            let text =
                json!({"total": pruned.total, "duplicates": pruned.duplicates, "removed": pruned.removed});
            Answer::new(200, JSON_UTF8, text.to_string())
        }
        Err(failure) => answer::failure(&failure),
    }
}
