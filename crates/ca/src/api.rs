//! The HTTP API: Puppet's endpoints, one file each. Handlers parse, call the authority and encode; they decide
//! nothing.
//!
//! A request goes through these steps, in this order:
//!
//! 1. [`path`]: the path is decoded; a relative one is refused; a legacy URL is turned into its present form.
//! 2. [`rules`]: is anybody allowed to do this, and is it this requester? (403)
//! 3. [`Route`]: is there such an endpoint? (404) After 2, so that strangers learn nothing.
//! 4. [`gate`]: does this member answer at the moment? (421)
//! 5. The endpoint.

mod audit;
mod certificate;
mod certificate_renewal;
mod certificate_request;
mod certificate_revocation_list;
mod certificate_status;
mod certificate_statuses;
mod clean;
mod conditional;
mod delete;
mod expirations;
mod expiring;
mod expiry;
mod gate;
mod infra;
mod negotiate;
mod operator;
mod path;
mod prune;
mod reading;
mod renew;
pub(crate) mod revocations;
mod rollover;
mod rules;
mod sign;
mod status;
pub(crate) mod summary;

use crate::answer::{self, Answer};
use crate::authority::Authority;
use access::Rules;
use path::{PathFault, Target};
pub use reading::{Reading, read_target};
use std::sync::Arc;
use wire::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY};
use wire::http::{Method, StatusCode};
use wire::identity::{Requester, requester};
use wire::protocol::internal::{self, Stale, X_BUNRAKU_STALE};
use wire::{Body, Bytes, Peer, Request, Response, body};

/// The version of Puppet whose protocol this CA speaks, in `X-Puppet-Version`.
const PUPPET_VERSION: HeaderValue = HeaderValue::from_static("7.23.0");
/// Longest body of a stranger's request. A request with an RSA-8192 key and 100 alternative names has 8 KiB.
const MAX_REQUEST_BODY: usize = 64 * 1024;
/// Longest body of an operator's request: a clean of 100,000 names.
const MAX_OPERATOR_BODY: usize = 8 * 1024 * 1024;

/// A request, understood as far as all endpoints have in common.
struct Call {
    authority: Arc<Authority>,
    requester: Requester,
    request: Request,
    target: Target,
}

/// An endpoint and the name in its path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    /// Ours: the head of the audit record.
    Audit,
    Certificate(String),
    CertificateRenewal,
    CertificateRequest(String),
    CertificateStatus(String),
    CertificateStatuses,
    /// The same without the word that it wants.
    NoSegment,
    CertificateRevocationList,
    /// Without the name that the other has: the lists of the whole chain.
    CertificateRevocationLists,
    Clean,
    Delete,
    Expirations,
    Expiring,
    Prune,
    /// Ours: what ends when.
    Expiry,
    /// Ours: the infrastructure's revocation list.
    Infra,
    /// Ours, and on this machine alone: a certificate that may operate the CA.
    Operator,
    /// Ours: the CA's own certificate and keys.
    Rollover,
    /// How far a rollover is.
    RolloverStatus,
    /// Ours: a certificate is renewed by an operator.
    Renew,
    Sign,
    SignAll,
}

/// Answers one request. Must be called inside a tokio runtime.
pub(crate) async fn handle(
    authority: &Arc<Authority>,
    front_ends: &[String],
    rules: &Rules,
    mut request: Request,
    peer: &Peer,
) -> Response {
    if is_below(request.uri().path(), "/status") {
        return respond(status::answer(authority, request.method(), request.uri().path()));
    }
    // A relative path is refused by the server below Puppet's own code, which sends no version.
    let target = match path::target(request.method(), request.uri()) {
        Ok(target) => target,
        Err(fault) => return respond(path_refused(&fault)),
    };
    // Nor do other services' paths concern it.
    if !["/puppet-ca", "/bunraku"].iter().any(|mount| is_below(&target.path, mount)) {
        return respond(not_found());
    }
    if target.legacy {
        negotiate::present_form(request.headers_mut());
    }
    let may_revoke = revocations::may_revoke(request.method(), &target.path)
        && peer.certname().is_some_and(|name| front_ends.iter().any(|front_end| front_end == name));
    let mut response =
        puppet_ca(authority, front_ends, rules, request, target, peer).await.unwrap_or_else(respond);
    if may_revoke && response.status().is_success() {
        revocations::note(&mut response, authority.ledger());
    }
    response.headers_mut().insert("x-puppet-version", PUPPET_VERSION);
    response
}

async fn puppet_ca(
    authority: &Arc<Authority>,
    front_ends: &[String],
    rules: &Rules,
    request: Request,
    target: Target,
    peer: &Peer,
) -> Result<Response, Answer> {
    // 1. The path has been read. 2. The rules.
    let requester = requester(peer, request.headers(), front_ends)
        .map_err(|fault| Answer::new(400, answer::PLAIN_UTF8, fault.to_string()))?;
    rules::judge(rules, request.method(), &target, &requester)?;
    // 3. The route.
    let route = route(request.method(), &target.path).ok_or_else(not_found)?;
    let call = Call { authority: Arc::clone(authority), requester, request, target };
    // 4. Does this member answer?
    let writes = reading::changes(call.request.method());
    let caller = if writes { gate::writer(&call)? } else { gate::reader(&call)? };
    if let Some(outcome) = authority.answered(&caller) {
        return Ok(respond(outcome.into()));
    }
    // 5. The endpoint. A write runs in a task of its own: it must not stop half-way when the client goes away.
    let run = async move {
        if writes {
            call.authority.foreign_settled().await;
        }
        respond(match route {
            Route::Audit => audit::get(&call).await,
            Route::Certificate(name) => certificate::get(&call, &name).await,
            Route::CertificateRenewal => certificate_renewal::post(call, caller).await,
            Route::CertificateRequest(name) => certificate_request::answer(call, caller, &name).await,
            Route::CertificateStatus(name) => certificate_status::answer(call, caller, &name).await,
            Route::CertificateStatuses if writes => answer::method_not_allowed("GET"),
            Route::CertificateStatuses => return certificate_statuses::get(&call),
            Route::NoSegment => Answer::new(400, answer::PLAIN_UTF8, "Missing URL Segment"),
            Route::CertificateRevocationList => certificate_revocation_list::get(&call).await,
            Route::CertificateRevocationLists => certificate_revocation_list::put(call, caller).await,
            Route::Clean => clean::put(call, caller).await,
            Route::Delete => delete::post(call, caller).await,
            Route::Expirations => expirations::get(&call),
            Route::Expiring => expiring::get(&call),
            Route::Prune => prune::post(call, caller).await,
            Route::Expiry => expiry::get(&call),
            Route::Infra => infra::post(call, caller).await,
            Route::Operator => operator::post(call, caller).await,
            Route::Rollover => rollover::post(call, caller).await,
            Route::RolloverStatus => rollover::get(&call),
            Route::Renew => renew::post(call, caller).await,
            Route::Sign => sign::named(call, caller).await,
            Route::SignAll => sign::all(call, caller).await,
        })
    };
    if !writes {
        return Ok(run.await);
    }
    tokio::spawn(run).await.map_err(|_| Answer::new(500, answer::PLAIN_UTF8, "Internal Server Error"))
}

fn route(method: &Method, path: &str) -> Option<Route> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match path {
        internal::AUDIT_PATH if reads => return Some(Route::Audit),
        internal::EXPIRING_PATH if reads => return Some(Route::Expiring),
        internal::DELETE_PATH if !reads => return Some(Route::Delete),
        internal::PRUNE_PATH if *method == Method::POST => return Some(Route::Prune),
        internal::EXPIRY_PATH if reads => return Some(Route::Expiry),
        internal::INFRA_PATH if *method == Method::POST => return Some(Route::Infra),
        internal::OPERATOR_PATH if *method == Method::POST => return Some(Route::Operator),
        internal::ROLLOVER_PATH if *method == Method::POST => return Some(Route::Rollover),
        internal::RENEW_PATH if *method == Method::POST => return Some(Route::Renew),
        internal::ROLLOVER_PATH if reads => return Some(Route::RolloverStatus),
        _ => {}
    }
    let mut parts = path.strip_prefix("/puppet-ca/v1/")?.splitn(2, '/');
    let (kind, name) = (parts.next()?, parts.next());
    // All it wants of the word there is that there is one.
    if let ("certificate_statuses", Some(word)) = (kind, name)
        && !word.contains('/')
    {
        return Some(if word.trim().is_empty() { Route::NoSegment } else { Route::CertificateStatuses });
    }
    let name = match name {
        Some(name) if path::is_name(name) => Some(name.to_owned()),
        Some(_) => return None,
        None => None,
    };
    match (kind, name) {
        // Rules may let any method through: what Puppet Server's router does not know with it is no endpoint.
        ("certificate", Some(name)) if reads => Some(Route::Certificate(name)),
        ("certificate_renewal", None) if *method == Method::POST => Some(Route::CertificateRenewal),
        ("certificate_request", Some(name)) => Some(Route::CertificateRequest(name)),
        ("certificate_status", Some(name)) => Some(Route::CertificateStatus(name)),
        ("certificate_revocation_list", Some(_)) if reads => Some(Route::CertificateRevocationList),
        ("certificate_revocation_list", None) if *method == Method::PUT => {
            Some(Route::CertificateRevocationLists)
        }
        ("clean", None) if *method == Method::PUT => Some(Route::Clean),
        ("expirations", None) if reads => Some(Route::Expirations),
        ("sign", None) if *method == Method::POST => Some(Route::Sign),
        ("sign", Some(all)) if all == "all" && *method == Method::POST => Some(Route::SignAll),
        _ => None,
    }
}

/// Whether `path` is `mount` or below it.
fn is_below(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn not_found() -> Answer {
    Answer::new(404, answer::HTML_UTF8, "Not Found")
}

fn path_refused(fault: &PathFault) -> Answer {
    Answer { content_type: None, ..Answer::new(400, "", fault.to_string()) }
}

/// The body, within a limit.
async fn collect(body: Body, limit: usize) -> Result<Bytes, Answer> {
    body::collect(body, limit).await.map_err(|fault| match fault {
        wire::BodyFault::TooLarge { .. } => Answer::new(413, answer::PLAIN_UTF8, fault.to_string()),
        other => Answer::new(400, answer::PLAIN_UTF8, other.to_string()),
    })
}

fn respond(answer: Answer) -> Response {
    let mut response = Response::new(body::full(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(value) = answer.content_type.and_then(|value| HeaderValue::try_from(value).ok()) {
        headers.insert(CONTENT_TYPE, value);
    }
    if answer.vary_accept {
        headers.insert(VARY, HeaderValue::from_static("Accept"));
    }
    if let Some(methods) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(methods));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some((epoch, primary)) = answer.stale {
        headers.insert(X_BUNRAKU_STALE, Stale { epoch, primary }.to_header());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::protocol::internal::{DELETE_PATH, EXPIRING_PATH};

    #[test]
    fn routes_are_those_of_puppet_server() {
        let name = || "a.example.com".to_owned();
        for (path, expected) in [
            ("/puppet-ca/v1/certificate/a.example.com", Some(Route::Certificate(name()))),
            ("/puppet-ca/v1/certificate_request/a.example.com", Some(Route::CertificateRequest(name()))),
            ("/puppet-ca/v1/certificate_statuses/any_key", Some(Route::CertificateStatuses)),
            ("/puppet-ca/v1/certificate_statuses/a!b", Some(Route::CertificateStatuses)),
            ("/puppet-ca/v1/certificate_statuses/", Some(Route::NoSegment)),
            ("/puppet-ca/v1/certificate_statuses/a/b", None),
            ("/puppet-ca/v1/certificate_statuses", None),
            ("/puppet-ca/v1/certificate_renewal", None),
            ("/puppet-ca/v1/certificate_request/", None),
            ("/puppet-ca/v1/certificate_request/a/b", None),
            ("/puppet-ca/v1/certificate_request/x!y", None),
            ("/puppet-ca/v1/sign/all", None),
            ("/puppet-ca/v2/certificate/ca", None),
        ] {
            assert_eq!(route(&Method::GET, path), expected, "{path}");
        }
        assert_eq!(route(&Method::GET, EXPIRING_PATH), Some(Route::Expiring));
        assert_eq!(route(&Method::POST, EXPIRING_PATH), None);
        assert_eq!(route(&Method::POST, DELETE_PATH), Some(Route::Delete));
        let posted = |path: &str| route(&Method::POST, path);
        assert_eq!(posted("/puppet-ca/v1/certificate_renewal"), Some(Route::CertificateRenewal));
        assert_eq!(posted("/puppet-ca/v1/certificate_renewal/a"), None);
        assert_eq!(posted("/puppet-ca/v1/sign/all"), Some(Route::SignAll));
        assert_eq!(posted("/puppet-ca/v1/sign/some"), None);
        assert_eq!(posted("/puppet-ca/v1/certificate/a"), None);
        let lists = "/puppet-ca/v1/certificate_revocation_list";
        assert_eq!(route(&Method::PUT, lists), Some(Route::CertificateRevocationLists));
        assert_eq!(route(&Method::PUT, &format!("{lists}/ca")), None);
        assert_eq!(route(&Method::GET, lists), None);
    }
}
