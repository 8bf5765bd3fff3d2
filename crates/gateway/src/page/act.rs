//! `POST /bunraku/act`: what an operator does on the page. Nothing is decided here that his certificate does not allow
//! elsewhere, too: workers as `POST /bunraku/v1/workers`, signatures as `PUT certificate_status` in his own name.
//!
//! A browser sends its certificate along with whatever any site makes it send. So three things are asked for that a
//! strange site cannot bring: a same-origin request (as the browser says, twice), and the token of a page of ours.

use http::header::{CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::protocol::certificate_status;
use wire::protocol::internal::Usage;
use wire::protocol::query::{self, FORM};
use wire::{Peer, Request, Response, body, identity, reply};

use super::saying;
use crate::front_end::FrontEnd;
use crate::route::CaAccess;

/// Longest form.
const MAX_FORM: usize = 16 * 1024;

/// Answers one form; whoever calls has seen an operator's certificate.
pub async fn answer(front_end: &FrontEnd, request: Request, peer: &Peer) -> Response {
    if let Err(why) = is_from_here(request.headers()) {
        return saying(StatusCode::FORBIDDEN, &format!("Nothing was done: {why}."));
    }
    let form = match body::collect(request.into_body(), MAX_FORM).await {
        Ok(bytes) => query::parse(&String::from_utf8_lossy(&bytes)),
        Err(fault) => {
            return saying(StatusCode::BAD_REQUEST, &format!("The form could not be read: {fault}."));
        }
    };
    let field = |name| query::first(&form, name).unwrap_or_default();
    if !front_end.tokens.is(peer, field("token")) {
        let text = "Nothing was done: the form is of another page than this front end has given you. Load the page \
                    anew and try again.";
        return saying(StatusCode::FORBIDDEN, text);
    }
    let name = field("name");
    match field("deed") {
        "drain" => usage(front_end, name, Usage::Draining),
        "maintain" => usage(front_end, name, Usage::Maintenance),
        "resume" => usage(front_end, name, Usage::InUse),
        "sign" => sign(front_end, name, peer).await,
        _ => saying(StatusCode::BAD_REQUEST, "Nothing was done: the form names no deed that there is."),
    }
}

/// Whether the browser says that the form comes from a page of this very address.
fn is_from_here(headers: &HeaderMap) -> Result<(), &'static str> {
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = said(CONTENT_TYPE).and_then(|value| value.split(';').next());
    if content_type.map(str::trim) != Some(FORM) {
        return Err("this is no form");
    }
    if said(http::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin") {
        return Err("another site sent this form");
    }
    let own = said(HOST).map(|host| format!("https://{host}"));
    match said(ORIGIN) {
        Some(origin) if own.as_deref() == Some(origin) => Ok(()),
        Some(_) => Err("another site sent this form"),
        None => Err("the browser does not say which site sent this form"),
    }
}

fn usage(front_end: &FrontEnd, worker: &str, usage: Usage) -> Response {
    match front_end.use_worker(worker, usage) {
        Ok(Some(_)) => back("picture"),
        Ok(None) => saying(StatusCode::NOT_FOUND, &format!("There is no catalog worker {worker}.")),
        Err(fault) => saying(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("It is as asked now, and will not be after a restart of the front end: {fault}."),
        ),
    }
}

async fn sign(front_end: &FrontEnd, name: &str, peer: &Peer) -> Response {
    let Ok(uri) = certificate_status::path(name).parse::<http::Uri>() else {
        return saying(StatusCode::BAD_REQUEST, "Nothing was done: this is no name of a node.");
    };
    let mut request = Request::new(body::full(r#"{"desired_state":"signed"}"#));
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = uri;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    identity::set_client_headers(request.headers_mut(), peer);
    let response = front_end.ca_route().carry(request, CaAccess::Write).await.response;
    let status = response.status();
    if status.is_success() {
        return back("waiting");
    }
    let said = body::collect(response.into_body(), MAX_FORM).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    saying(status, &format!("The CA did not sign the request of {name} ({status}): {said}"))
}

/// Back to the page: a reload of it repeats nothing.
fn back(section: &str) -> Response {
    let mut response = reply::empty(StatusCode::SEE_OTHER);
    let place = HeaderValue::try_from(format!("/bunraku/#{section}"));
    response.headers_mut().insert(LOCATION, place.unwrap_or(HeaderValue::from_static("/bunraku/")));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_a_page_of_this_address_may_send_forms() {
        let good = [
            ("host", "puppet.example.com:8140"),
            ("origin", "https://puppet.example.com:8140"),
            ("content-type", FORM),
            ("sec-fetch-site", "same-origin"),
        ];
        assert_eq!(is_from_here(&headers(&good)), Ok(()));
        // A browser that does not know Sec-Fetch-Site.
        assert_eq!(is_from_here(&headers(&good[..3])), Ok(()));
        for (at, value) in [
            (1, "https://evil.example.com"),
            (1, "http://puppet.example.com:8140"),
            (1, "https://puppet.example.com"),
            (1, "null"),
            (2, "text/plain"),
            (3, "cross-site"),
            (3, "same-site"),
            (3, "none"),
        ] {
            let mut bad = good;
            bad[at].1 = value;
            assert!(is_from_here(&headers(&bad)).is_err(), "{bad:?}");
        }
        for missing in 0..3 {
            let rest: Vec<_> =
                good.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, one)| *one).collect();
            assert!(is_from_here(&headers(&rest)).is_err(), "{rest:?}");
        }
    }
}
