//! `POST sign` and `POST sign/all`: many requests are signed at once.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, JSON};
use crate::authority::{Authority, Caller};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn named(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let submitted = body.get("certnames").unwrap_or(&Value::Null);
    let names = submitted.as_array().map(|names| names.iter().map(Value::as_str));
    match names.and_then(|names| names.map(|name| name.map(str::to_owned)).collect::<Option<Vec<_>>>()) {
        Some(certnames) => sign(&call.authority, &caller, &certnames).await,
        None => {
            let error = "certnames must be a list of strings";
            let text = json!({"kind": "schema-violation", "submitted": submitted, "error": error});
            Answer::new(422, JSON, text.to_string())
        }
    }
}

pub(super) async fn all(call: Call, caller: Caller) -> Answer {
    let waiting = call
        .authority
        .ledger()
        .read(|state| state.pending().keys().map(|name| name.to_string()).collect::<Vec<_>>());
    match waiting {
        Some(certnames) => sign(&call.authority, &caller, &certnames).await,
        None => answer::not_ready(0, None),
    }
}

async fn sign(authority: &Arc<Authority>, caller: &Caller, certnames: &[String]) -> Answer {
    match authority.sign_many(caller, certnames).await {
        Ok(result) => answer::signed_many(&result),
        Err(failure) => answer::failure(&failure),
    }
}
