//! The endpoints that the front end answers itself, and who may ask what.

mod force;
mod hold;
mod page;
mod register;
mod reload;
mod status;
mod switchover;
mod workers;

use wire::{Peer, Request, Response, identity};

use crate::answer;
use crate::front_end::FrontEnd;
use crate::route::Own;

/// Largest body of a request to one of them.
const MAX_BODY: usize = 64 * 1024;

/// Answers.
pub async fn answer(front_end: &FrontEnd, endpoint: Own, request: Request, peer: &Peer) -> Response {
    match endpoint {
        Own::Register => register::answer(front_end, request, peer).await,
        Own::Status => status::answer(front_end, peer),
        Own::Switchover => switchover::answer(front_end, request, peer).await,
        Own::Force => force::answer(front_end, request, peer).await,
        Own::Hold => hold::answer(front_end, request, peer).await,
        Own::Workers => workers::answer(front_end, request, peer).await,
        Own::Page(part) => page::answer(front_end, part, request, peer).await,
        Own::PageDeed => page::act(front_end, request, peer).await,
        Own::PageWithoutSlash => page::with_slash(&request),
        Own::Reload => reload::answer(front_end, peer).await,
        Own::Unknown => answer::unknown(),
    }
}

/// An operator: a certificate that the CA gave `pp_cli_auth`. The peer itself, never a header: nobody stands between
/// an operator and the front end.
fn is_operator(peer: &Peer) -> bool {
    identity::requester(peer, &http::HeaderMap::new(), &[])
        .ok()
        .and_then(|requester| requester.authorization("pp_cli_auth"))
        .is_some_and(|value| value == "true")
}

/// One of the roles of this estate.
fn is_role(front_end: &FrontEnd, peer: &Peer) -> bool {
    let certname = peer.certname();
    front_end.roles().iter().any(|role| Some(role.as_str()) == certname)
}
