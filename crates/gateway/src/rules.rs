//! Whether the rules of the configuration (`access`) let a request pass, before anybody else sees it. Workers and CA ask
//! the same rules again.

use access::{Denial, Question, Verdict, seen};
use http::{Method, StatusCode};
use wire::{Peer, Request, Response, reply};

use crate::front_end::FrontEnd;

/// What Puppet Server serves: there it answers 403 to those who may not. What lies elsewhere it does not know.
const SERVED: [&str; 5] = ["puppet", "puppet-ca", "status", "metrics", "puppet-admin-api"];

/// The answer to those who may not; none when the request may go on.
pub fn denied(front_end: &FrontEnd, request: &Request, peer: &Peer) -> Option<Response> {
    let rules = front_end.settings().rules.now();
    let raw = request.uri().path();
    // Monitoring asks for the status with HEAD, too; it learns less than with GET.
    let method = match *request.method() {
        Method::HEAD if raw.starts_with("/status/") => "GET",
        ref method => method.as_str(),
    };
    let (path, other_reading) = seen(method, raw);
    let ask = |path: &str| {
        let question = Question {
            method,
            path,
            query: request.uri().query().unwrap_or_default(),
            certname: peer.certname(),
            certificate: peer.certificate.as_ref(),
        };
        match rules.decide(&question) {
            Verdict::Allowed(_) => None,
            Verdict::Denied(denial) => {
                front_end.say(&denial.sentence(&question, &peer.address.ip()));
                Some(refusal(request.method(), &question))
            }
        }
    };
    ask(&path).or_else(|| other_reading.and_then(|path| ask(&path)))
}

fn refusal(method: &Method, question: &Question<'_>) -> Response {
    let first = question.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if SERVED.contains(&first) {
        return reply::untyped(StatusCode::FORBIDDEN, Denial::answer(question));
    }
    match *method {
        Method::GET | Method::HEAD | Method::POST => reply::text(StatusCode::NOT_FOUND, "Not Found"),
        _ => reply::empty(StatusCode::NOT_FOUND),
    }
}
