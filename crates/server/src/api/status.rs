//! `GET /status/v1/simple[/server]` and `/status/v1/services`: no certificate asked.

use http::{Method, StatusCode};
use serde_json::json;
use wire::{Request, Response, reply};

/// The answer, if `path` is a status endpoint.
pub fn answer(request: &Request, path: &str) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    match path {
        "/status/v1/simple" | "/status/v1/simple/server" | "/status/v1/simple/master" => {
            Some(reply::with_type(StatusCode::OK, "text/plain;charset=utf-8", "running"))
        }
        "/status/v1/services" => Some(reply::json(
            StatusCode::OK,
            &json!({"server": {
                "service_version": env!("CARGO_PKG_VERSION"), "service_status_version": 1,
                "detail_level": "info", "state": "running", "status": {}, "active_alerts": [],
            }}),
        )),
        _ => None,
    }
}
