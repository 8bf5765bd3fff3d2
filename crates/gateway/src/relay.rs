//! A CA request of another front end, which does not reach the primary itself: passed on to the member that it names, with
//! everything that the other one says, and its answer back. One step: nothing here is held, sent again or taken elsewhere.

use http::{HeaderValue, StatusCode, Uri};
use wire::access_log::Trail;
use wire::protocol::internal::{NO_ANSWER, NOT_SENT, RELAY_PREFIX, RELAYED, X_BUNRAKU_RELAY};
use wire::protocol::revocations;
use wire::{Peer, Request, Response, reply};

use crate::front_end::FrontEnd;
use crate::route::{self, Route};
use crate::upstream::Fault;
use crate::{answer, headers};

/// Whether this request is to be passed on as it is. Only another front end of this estate may ask for that, because it
/// vouches for who the client is. From anybody else it is a request like any other (and there is nothing at that path).
pub fn is_wanted(front_end: &FrontEnd, request: &Request, peer: &Peer) -> bool {
    let siblings = &front_end.settings().siblings;
    request.uri().path().starts_with(RELAY_PREFIX)
        && siblings.iter().any(|sibling| Some(sibling.certname.as_str()) == peer.certname())
}

/// Passes it on.
pub async fn carry(front_end: &FrontEnd, mut request: Request) -> Response {
    let trail = Trail::of(&request);
    headers::strip_hop_by_hop(request.headers_mut());
    headers::strip_expectation(request.headers_mut());
    let Some((member, target)) = target(request.uri()) else { return answer::unknown() };
    let Some(upstream) = front_end.ca_ways().member(&member) else {
        return outcome(StatusCode::BAD_GATEWAY, NOT_SENT, "there is no such CA member here");
    };
    let for_ca = matches!(
        route::classify(request.method(), &target),
        Route::CertificateAuthority(_) | Route::CaStatus
    );
    if !for_ca && target.path() != revocations::PATH {
        return answer::unknown();
    }
    *request.uri_mut() = target;
    trail.sent_to(upstream.name());
    match upstream.send(request, front_end.ca_route().tuning.load().answer_timeout).await {
        Ok(mut response) => {
            headers::strip_hop_by_hop(response.headers_mut());
            trail.answered_by(upstream.name());
            response.headers_mut().insert(X_BUNRAKU_RELAY, HeaderValue::from_static(RELAYED));
            response
        }
        Err(fault @ Fault::NotSent { .. }) => {
            outcome(StatusCode::BAD_GATEWAY, NOT_SENT, &format!("{member}: {fault}"))
        }
        Err(fault) => outcome(StatusCode::GATEWAY_TIMEOUT, NO_ANSWER, &format!("{member}: {fault}")),
    }
}

/// Member and target of `/bunraku/v1/relay/MEMBER/…`.
fn target(uri: &Uri) -> Option<(String, Uri)> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(RELAY_PREFIX)?;
    let (member, _) = rest.split_once('/')?;
    Some((member.to_owned(), rest[member.len()..].parse().ok()?))
}

fn outcome(status: StatusCode, what: &'static str, text: &str) -> Response {
    let mut response = reply::text(status, text.to_owned());
    response.headers_mut().insert(X_BUNRAKU_RELAY, HeaderValue::from_static(what));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_target_is_a_member_and_what_is_asked_of_it() {
        let split = |text: &str| target(&text.parse().unwrap());
        let (member, inner) = split("/bunraku/v1/relay/ca-1/puppet-ca/v1/certificate/a?b=/c").unwrap();
        assert_eq!(
            (member.as_str(), inner.to_string().as_str()),
            ("ca-1", "/puppet-ca/v1/certificate/a?b=/c")
        );
        assert_eq!(split("/bunraku/v1/relay/ca-1"), None);
        assert_eq!(split("/bunraku/v1/status"), None);
    }
}
