//! Orders to the front end itself.

use anyhow::Context;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use wire::client::{Answer, Client};

/// Posts JSON.
pub async fn ask(client: &Client, path: &str, body: &Value) -> anyhow::Result<Answer> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    client.request(Method::POST, path, headers, body.to_string()).await.with_context(|| {
        format!(
            "the front end at {} does not answer; without it nobody can change who is primary",
            client.server()
        )
    })
}
