//! The listener for who watches: plain HTTP, read-only. `GET /metrics` for Prometheus, `GET /` for people. It says nothing
//! that a certificate would be needed for: no names of nodes, no serial numbers, no addresses.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};
use wire::{Handler, Peer, Request, Response, reply};

use crate::front_end::FrontEnd;
use crate::metrics::CONTENT_TYPE as EXPOSITION;
use crate::page::{self, Part};

/// Answers those who watch `0`.
pub struct Admin(pub Arc<FrontEnd>);

impl Handler for Admin {
    async fn handle(self: &Arc<Self>, request: Request, _peer: Arc<Peer>) -> Response {
        let path = request.uri().path();
        let part = path.strip_prefix('/').and_then(Part::named);
        if part.is_none() && path != "/metrics" {
            let text = "There are GET / (the status page) and GET /metrics here, and nothing else.\n";
            return reply::text(StatusCode::NOT_FOUND, text);
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return page::wrong_method("GET, HEAD");
        }
        if let Some(part) = part {
            return page::for_everybody(&self.0, part);
        }
        let mut response = reply::text(StatusCode::OK, self.0.metrics_page());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION));
        response
    }
}
