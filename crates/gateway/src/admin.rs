//! The listener for who watches: plain HTTP, read-only, `GET /metrics` and nothing else. It says nothing that a
//! certificate would be needed for: no certnames, no serial numbers.

use std::sync::Arc;

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use wire::{Handler, Peer, Request, Response, reply};

use crate::front_end::FrontEnd;
use crate::metrics::CONTENT_TYPE as EXPOSITION;

/// Answers those who watch `0`.
pub struct Admin(pub Arc<FrontEnd>);

impl Handler for Admin {
    async fn handle(self: &Arc<Self>, request: Request, _peer: Arc<Peer>) -> Response {
        if request.uri().path() != "/metrics" {
            return reply::text(StatusCode::NOT_FOUND, "There is GET /metrics here, and nothing else.\n");
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            let mut response = reply::text(StatusCode::METHOD_NOT_ALLOWED, "GET /metrics\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let mut response = reply::text(StatusCode::OK, self.0.metrics_page());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION));
        response
    }
}
