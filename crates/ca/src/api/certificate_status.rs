//! `certificate_status/NAME`: GET shows, PUT signs or revokes, DELETE forgets.

use super::{Call, MAX_OPERATOR_BODY, collect, negotiate};
use crate::answer::{self, Answer, PLAIN_UTF8};
use crate::authority::{Caller, Failure, Fault};
use crate::status_json;
use serde_json::Value;
use wire::http::Method;
use wire::http::header::ACCEPT;

/// Longest life that may be asked for, seconds: 50 years, Puppet Server's limit for `ca_ttl`.
const MAX_TTL: i64 = 50 * 365 * 24 * 60 * 60;

enum Change {
    Sign(Option<i64>),
    Revoke,
}

pub(super) async fn answer(call: Call, caller: Caller, name: &str) -> Answer {
    match *call.request.method() {
        Method::PUT => put(call, &caller, name).await,
        Method::DELETE => delete(&call, &caller, name).await,
        _ => get(&call, name),
    }
}

fn get(call: &Call, name: &str) -> Answer {
    let label = match negotiate::answer_type(call.request.headers()) {
        Ok(label) => label,
        Err(refused) => return refused,
    };
    let Some(state) = call.authority.ledger().state() else { return answer::not_ready(0, None) };
    let mut json = Vec::new();
    status_json::write(&state, name, &mut json);
    match json.is_empty() {
        true => answer::resource_not_found(&label.missing).vary(label.vary),
        false => Answer::new(200, &label.found, json).vary(label.vary),
    }
}

async fn put(call: Call, caller: &Caller, name: &str) -> Answer {
    let Call { authority, request, .. } = call;
    let (parts, body) = request.into_parts();
    // In the order in which Puppet Server looks: the body, its type, the answer's type, then the name.
    let body = match collect(body, MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let change = match change(&body, name) {
        Ok(change) => change,
        Err(text) => return Answer::new(400, PLAIN_UTF8, text),
    };
    let acceptable =
        negotiate::body_type(&parts.headers).and_then(|()| negotiate::answer_type(&parts.headers));
    let vary = match acceptable {
        Ok(label) => label.vary,
        Err(refused) => return refused,
    };
    let result = match change {
        Change::Sign(ttl) => authority.sign(caller, name, ttl).await,
        Change::Revoke => authority.revoke(caller, name).await,
    };
    match result {
        // Without `Accept`, Puppet Server negotiates here all the same.
        Ok(()) => answer::status_changed().vary(vary || !parts.headers.contains_key(ACCEPT)),
        Err(failure) => answer::failure(&failure).vary(vary),
    }
}

async fn delete(call: &Call, caller: &Caller, name: &str) -> Answer {
    let label = match negotiate::answer_type(call.request.headers()) {
        Ok(label) => label,
        Err(refused) => return refused,
    };
    let answer = match call.authority.delete(caller, name).await {
        Ok(()) => answer::status_deleted(),
        Err(Failure::Fault(Fault::UnknownName)) => answer::resource_not_found(&label.missing),
        Err(failure) => answer::failure(&failure),
    };
    answer.vary(label.vary)
}

/// Reads the body of a PUT; the texts are Puppet Server's.
fn change(body: &[u8], name: &str) -> Result<Change, String> {
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if json.is_null() {
        return Err("Request body is not JSON.".to_owned());
    }
    let Some(Value::String(state)) = json.get("desired_state") else {
        return Err("Missing required parameter \"desired_state\"".to_owned());
    };
    let signs = match state.as_str() {
        "signed" => true,
        "revoked" => false,
        other => {
            return Err(format!(
                "State {other} invalid; Must specify desired state of 'signed' or 'revoked' for host {name}."
            ));
        }
    };
    let ttl = ttl(json.get("cert_ttl"), name)?;
    Ok(if signs { Change::Sign(ttl) } else { Change::Revoke })
}

fn ttl(given: Option<&Value>, name: &str) -> Result<Option<i64>, String> {
    let not_integer =
        |text: &str| format!("cert_ttl specified for host {name} must be an integer, not {text:?}");
    match given {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(ttl)) if ttl.is_i64() || ttl.is_u64() => match ttl.as_i64() {
            Some(ttl) if (1..=MAX_TTL).contains(&ttl) => Ok(Some(ttl)),
            _ => Err(format!(
                "cert_ttl specified for host {name} must be between 1 and {MAX_TTL} seconds, not {ttl}"
            )),
        },
        Some(Value::String(text)) => Err(not_integer(text)),
        Some(other) => Err(not_integer(&other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        change(body.as_bytes(), "x.example.com").err().unwrap_or_default()
    }

    #[test]
    fn bodies_are_refused_with_the_recorded_texts() {
        assert_eq!(refusal(""), "Request body is not JSON.");
        assert_eq!(refusal("{bad"), "Request body is not JSON.");
        assert_eq!(refusal("[1]"), "Missing required parameter \"desired_state\"");
        assert_eq!(refusal("{}"), "Missing required parameter \"desired_state\"");
        assert_eq!(
            refusal(r#"{"desired_state":"bogus"}"#),
            "State bogus invalid; Must specify desired state of 'signed' or 'revoked' for host x.example.com."
        );
        assert_eq!(
            refusal(r#"{"desired_state":"signed","cert_ttl":"1x"}"#),
            "cert_ttl specified for host x.example.com must be an integer, not \"1x\""
        );
        assert_eq!(refusal(r#"{"desired_state":"signed","cert_ttl":3600}"#), "");
    }
}
