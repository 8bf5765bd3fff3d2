//! The status page: the deployment as a picture, for a browser.
//!
//! It is made here, whole, at each request, so that it can be read without scripts; the script only fetches the same
//! text again every second and exchanges what has changed. Nothing is loaded from elsewhere, nothing is inline, and the
//! Content-Security-Policy says so.
//!
//! Two listeners show it. On the admin listener everybody sees it who reaches that address: states, rates, counts, the
//! names of roles. Not the names of nodes (whose request waits is nobody's business who cannot sign it), and not where
//! roles listen (of use to an attacker alone). On the front end's own port, below `/bunraku/`, it is for operators and
//! roles; an operator's certificate adds addresses, names, and the buttons ([`act`]).

mod act;
mod failovers;
mod figures;
mod html;
mod picture;
mod tables;
mod token;
mod waiting;

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use wire::{Peer, Response, reply};

pub use act::answer as act;
pub use token::Tokens;
pub use waiting::Waiting;

use crate::front_end::FrontEnd;
use crate::overview::Overview;

/// What can be fetched, relative to where the page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The page.
    Document,
    /// What of it changes, for its script.
    Live,
    /// The same for machines: [`Overview`].
    Json,
    /// Its style sheet.
    Style,
    /// Its script.
    Script,
}

impl Part {
    /// The part with this name, as it stands after the page's own address.
    pub fn named(name: &str) -> Option<Part> {
        match name {
            "" => Some(Part::Document),
            "live" => Some(Part::Live),
            "status.json" => Some(Part::Json),
            "page.css" => Some(Part::Style),
            "page.js" => Some(Part::Script),
            _ => None,
        }
    }
}

/// Who looks.
pub enum Viewer {
    /// Anybody who reaches the admin listener.
    Everybody,
    /// A role of this deployment, by its certificate: sees addresses, changes nothing.
    Role,
    /// An operator.
    Operator {
        /// His certname.
        name: String,
        /// Proves that a form comes from a page that we gave him.
        token: String,
        /// Whose requests wait, or why that is not known.
        waiting: Result<Vec<Waiting>, String>,
    },
}

/// Answers for the admin listener.
pub fn for_everybody(front_end: &FrontEnd, part: Part) -> Response {
    answer(Overview::of(front_end).for_everybody(), part, &Viewer::Everybody)
}

/// Answers an operator.
pub async fn for_operator(front_end: &FrontEnd, part: Part, peer: &Peer) -> Response {
    let waiting = match part {
        Part::Document | Part::Live => waiting::list(front_end, peer).await,
        Part::Json | Part::Style | Part::Script => Ok(Vec::new()),
    };
    let token = front_end.tokens.of(peer);
    let name = peer.certname().unwrap_or_default().to_owned();
    answer(from_inside(front_end), part, &Viewer::Operator { name, token, waiting })
}

/// Answers a role.
pub fn for_role(front_end: &FrontEnd, part: Part) -> Response {
    answer(from_inside(front_end), part, &Viewer::Role)
}

/// Without the very request that asks.
fn from_inside(front_end: &FrontEnd) -> Overview {
    let overview = Overview::of(front_end);
    Overview { in_flight: overview.in_flight.saturating_sub(1), ..overview }
}

fn answer(overview: Overview, part: Part, viewer: &Viewer) -> Response {
    match part {
        Part::Document => html(StatusCode::OK, html::document(&overview, viewer)),
        Part::Live => html(StatusCode::OK, html::live(&overview, viewer)),
        Part::Json => guarded(reply::json(StatusCode::OK, &overview)),
        Part::Style => typed("text/css;charset=utf-8", include_str!("page.css")),
        Part::Script => typed("text/javascript;charset=utf-8", include_str!("page.js")),
    }
}

/// A page that says one thing.
fn saying(status: StatusCode, text: &str) -> Response {
    html(status, html::sentence(text))
}

/// The page at an address without its last slash would look for its parts in the wrong place.
pub fn with_slash() -> Response {
    let mut response = reply::empty(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(http::header::LOCATION, HeaderValue::from_static("/bunraku/"));
    response
}

/// Another method than the part has.
pub fn wrong_method(allowed: &'static str) -> Response {
    let mut response = reply::text(StatusCode::METHOD_NOT_ALLOWED, allowed);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn html(status: StatusCode, text: String) -> Response {
    guarded(reply::with_type(status, "text/html;charset=utf-8", text))
}

fn typed(content_type: &'static str, text: &'static str) -> Response {
    let mut response = guarded(reply::text(StatusCode::OK, text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The same for every part, whether it needs it or not.
fn guarded(mut response: Response) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        // Not "no-referrer": with that a browser hides the origin of forms, which is looked at.
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
