//! `PUT clean`: many certificates are revoked and dropped, with one revocation list.

use super::{Call, MAX_OPERATOR_BODY, collect};
use crate::answer::{self, Answer, PLAIN};
use crate::authority::Caller;
use serde_json::Value;

pub(super) async fn put(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let certnames = match certnames(&body) {
        Ok(certnames) => certnames,
        Err(text) => return Answer::new(400, PLAIN, text),
    };
    match call.authority.clean(&caller, &certnames).await {
        Ok(unknown) => answer::cleaned(&unknown),
        Err(failure) => answer::failure(&failure),
    }
}

/// Reads the body; the texts are Puppet Server's.
fn certnames(body: &[u8]) -> Result<Vec<String>, &'static str> {
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    if json.is_null() {
        return Err("Request body is not JSON.");
    }
    if json.get("async").and_then(Value::as_bool) == Some(true) {
        return Err("Async mode is not currently supported.");
    }
    let missing = "Missing required key: 'certnames'. Please supply the list of certs you want to clean.";
    let names = json.get("certnames").and_then(Value::as_array).ok_or(missing)?;
    names.iter().map(|name| name.as_str().map(str::to_owned).ok_or(missing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        assert_eq!(certnames(br#"{"certnames":["a","b"]}"#).unwrap(), ["a", "b"]);
        assert_eq!(certnames(br#"{"certnames":[]}"#).unwrap(), Vec::<String>::new());
        assert!(certnames(b"{}").unwrap_err().starts_with("Missing required key"));
        assert!(certnames(br#"{"certnames":["a"],"async":true}"#).unwrap_err().starts_with("Async"));
        assert_eq!(certnames(b"x").unwrap_err(), "Request body is not JSON.");
        assert_eq!(certnames(b"null").unwrap_err(), "Request body is not JSON.");
    }
}
