//! `GET /status/v1/simple[/server]` and `/status/v1/services[/NAME]`: no certificate asked.

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use wire::{Request, Response, reply};

/// The answer, if `path` is a status endpoint.
pub fn answer(request: &Request, path: &str) -> Option<Response> {
    // Load balancers ask with HEAD.
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return None;
    }
    match path {
        "/status/v1/simple" | "/status/v1/simple/server" | "/status/v1/simple/master" => {
            Some(reply::with_type(StatusCode::OK, "text/plain;charset=utf-8", "running"))
        }
        "/status/v1/services" => {
            let state = || Value::Object(state());
            Some(reply::json(StatusCode::OK, &json!({"master": state(), "server": state()})))
        }
        "/status/v1/services/server" => Some(named("server")),
        "/status/v1/services/master" => Some(named("master")),
        _ => None,
    }
}

fn named(service: &str) -> Response {
    let mut state = state();
    state.insert("service_name".to_string(), Value::from(service));
    reply::json(StatusCode::OK, &state)
}

fn state() -> Map<String, Value> {
    let mut state = Map::new();
    let mut set = |name: &str, value: Value| state.insert(name.to_string(), value);
    set("service_version", json!(env!("CARGO_PKG_VERSION")));
    set("service_status_version", json!(1));
    set("detail_level", json!("info"));
    set("state", json!("running"));
    set("status", json!({}));
    set("active_alerts", json!([]));
    state
}
