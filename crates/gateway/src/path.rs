//! The way of a request through the front end, step by step, in the order of execution.
//!
//! The listener (`wire`) has done before: TLS, limits on time and size, framing; and, for this very request, the client's
//! certificate (the connection may be older than its revocation).

use std::time::Instant;

use http::StatusCode;
use wire::access_log::{End, Trail};
use wire::{Peer, Request, Response, identity};

use crate::forward::Carried;
use crate::front_end::FrontEnd;
use crate::route::{self, Route};
use crate::{answer, headers, metrics, own, relay, rules, services};

/// Answers one request.
pub async fn walk(front_end: &FrontEnd, mut request: Request, peer: &Peer) -> Response {
    let begun = Instant::now();
    let trail = Trail::of(&request);
    front_end.tell_if_unproven(peer);

    // 1. What another front end passes on is complete, the client's identity included.
    if relay::is_wanted(front_end, &request, peer) {
        return relay::carry(front_end, request).await;
    }

    // 2. Forget what the client says of its own identity, in any spelling, before anybody can read it.
    identity::strip_client_headers(request.headers_mut());
    headers::strip_hop_by_hop(request.headers_mut());
    headers::strip_expectation(request.headers_mut());

    // 3. Decide where it belongs, from method and target alone; refuse what two readers could read differently.
    let route = route::classify(request.method(), request.uri());
    trail.route(metrics::label(&route));

    // 4. Ask the rules whether the client may do that. (Our own endpoints know themselves who may.)
    if !matches!(route, Route::Bad(_) | Route::Own(_))
        && !is_beyond_puppet(&request)
        && let Some(answer) = rules::denied(front_end, &request, peer)
    {
        trail.ended(End::Forbidden);
        front_end.metrics().count(Some(&route), None, answer.status(), begun.elapsed());
        return answer;
    }

    // 5. Say who is asking: workers believe this, because it comes from us. Not before 2, not after anything is sent.
    identity::set_client_headers(request.headers_mut(), peer);

    // 6. Answer it, or have it answered: to the active CA (held while there is none), or to the worker with the fewest
    //    requests (taken elsewhere when that one is not there).
    let carried = match route {
        Route::Bad(suspicion) => {
            trail.ended(End::Refused);
            Carried::own(answer::suspicious(suspicion))
        }
        Route::Own(endpoint) => Carried::own(own::answer(front_end, endpoint, request, peer).await),
        Route::CertificateAuthority(access) => front_end.ca_route().carry(request, access).await,
        Route::CaStatus => front_end.ca_route().carry_status(request).await,
        Route::Services => services::carry(front_end, request).await,
        Route::Catalog(class) => front_end.forwarder().carry(request, class, peer.certname()).await,
    };

    // 7. Relay the answer without what was between the worker and us, and tell the access log and the counters who gave it.
    let Carried { mut response, worker } = carried;
    front_end.metrics().count(Some(&route), worker.as_deref(), response.status(), begun.elapsed());
    match worker {
        Some(worker) => {
            headers::strip_hop_by_hop(response.headers_mut());
            identity::strip_client_headers(response.headers_mut());
            trail.answered_by(&worker);
        }
        // Whoever had it last has not answered it.
        None => {
            trail.answered_here();
            if response.status() == StatusCode::FORBIDDEN {
                trail.ended(End::Forbidden);
            }
        }
    }
    front_end.metrics().noted(&route, &trail.so_far());
    response
}

/// What operators ask of the CA beyond Puppet's API; the CA judges who is one, and no rule changes that.
fn is_beyond_puppet(request: &Request) -> bool {
    request.uri().path().starts_with("/bunraku/v1/authority/")
}
