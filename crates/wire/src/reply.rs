//! Ready-made answers. Statuses and texts are chosen by the callers; here is only how they are put on the wire.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::{Response, body};

/// An answer with a body of a given content type.
pub fn with_type(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body::full(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// `text/plain`, as Puppet's CA answers.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Response {
    with_type(status, "text/plain", text)
}

/// A body without a content type (Puppet Server's 403 answers).
pub fn untyped(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
}

/// No body at all.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(body::empty());
    *response.status_mut() = status;
    response
}

/// `application/json;charset=utf-8`, compact. A value that cannot be written as JSON is an answer 500 with the reason.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_type(status, "application/json;charset=utf-8", bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn json_is_compact_and_typed() {
        let response = json(StatusCode::OK, &serde_json::json!({"a": 1, "b": [true]}));
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json;charset=utf-8");
        assert_eq!(body::collect(response.into_body(), 100).await.unwrap(), r#"{"a":1,"b":[true]}"#);
    }
}
