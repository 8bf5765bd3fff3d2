//! `POST /bunraku/v1/authority/rollover`: a longer life for the CA's own certificate (or the request for it, where an issuer
//! above has to sign), or a step on the way to a new key. `GET`: how far that is.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, JSON_UTF8, PLAIN, PLAIN_UTF8};
use crate::authority::{Caller, NewKey};
use pki::KeyKind;
use wire::protocol::internal::{RolloverAction, RolloverRequest};

pub(super) fn get(call: &Call) -> Answer {
    match call.authority.key_status().map(|status| serde_json::to_vec(&status)) {
        Some(Ok(json)) => Answer::new(200, JSON_UTF8, json),
        Some(Err(fault)) => Answer::new(500, PLAIN_UTF8, fault.to_string()),
        None => answer::not_ready(0, None),
    }
}

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
    let authority = &call.authority;
    let done = match asked.action {
        RolloverAction::Request => {
            return match authority.authority_request() {
                Ok(pem) => Answer::new(200, PLAIN, pem),
                Err(failure) => answer::failure(&failure),
            };
        }
        RolloverAction::SameKey => {
            let submitted = asked.certificate.as_deref().map(str::as_bytes);
            match submitted {
                // The key says which of the two it is for.
                Some(pem) if authority.awaits(pem) => authority.certify_key(&caller, pem).await,
                _ => authority.renew_authority(&caller, asked.life, submitted).await,
            }
        }
        RolloverAction::NewKey if asked.certificate.is_some() => {
            let submitted = asked.certificate.unwrap_or_default();
            authority.certify_key(&caller, submitted.as_bytes()).await
        }
        RolloverAction::NewKey => {
            let kind = match asked.key_type.as_deref().map(|name| KeyKind::named(name).ok_or(name)) {
                None => None,
                Some(Ok(kind)) => Some(kind),
                Some(Err(name)) => {
                    let kinds = KeyKind::ALL.map(|(name, _)| name).join(", ");
                    let text = format!("{name:?} is no kind of key; there are {kinds}");
                    return Answer::new(400, PLAIN_UTF8, text);
                }
            };
            let wanted = NewKey { kind, name: asked.ca_name, life: asked.life };
            authority.introduce_key(&caller, &wanted).await
        }
        RolloverAction::Activate => authority.activate_key(&caller, asked.force).await,
        RolloverAction::Retire => authority.retire_key(&caller, asked.force).await,
        RolloverAction::Abort => authority.abandon_key(&caller).await,
    };
    match done {
        Ok(outcome) => outcome.into(),
        Err(failure) => answer::failure(&failure),
    }
}
