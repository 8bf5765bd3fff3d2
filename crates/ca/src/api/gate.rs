//! Whether this member answers: writes at the primary of exactly the front end's epoch, reads at a member that has
//! what the primary has. Whoever is refused here may ask elsewhere: nothing has been done.

use super::Call;
use crate::answer::{self, Answer};
use crate::authority::Caller;
use crate::command::Actor;
use crate::ledger::Role;
use crate::source::Source;
use wire::http::HeaderMap;
use wire::protocol::internal::{X_BUNRAKU_EPOCH, X_BUNRAKU_REQUEST};

/// The front end's request id is not kept when it is longer: it would be a stranger's.
const MAX_REQUEST_ID: usize = 64;

pub(super) fn writer(call: &Call) -> Result<Caller, Answer> {
    let role = call.authority.ledger().role();
    if !role.decides || !same_epoch(call.request.headers(), &role) {
        return Err(answer::not_ready(role.epoch, role.primary.clone()));
    }
    Ok(caller(call, &role))
}

pub(super) fn reader(call: &Call) -> Result<Caller, Answer> {
    let role = call.authority.ledger().role();
    // An operator on this machine sees what this member has, whatever its role.
    let may = call.requester.is_local_operator || role.reads && same_epoch(call.request.headers(), &role);
    if !may {
        return Err(answer::not_ready(role.epoch, role.primary.clone()));
    }
    Ok(caller(call, &role))
}

/// Without the header nobody claims anything: a direct request, or the local socket.
fn same_epoch(headers: &HeaderMap, role: &Role) -> bool {
    headers
        .get(X_BUNRAKU_EPOCH)
        .is_none_or(|value| value.to_str().ok().and_then(|text| text.parse::<u64>().ok()) == Some(role.epoch))
}

fn caller(call: &Call, role: &Role) -> Caller {
    let requester = &call.requester;
    let id = call.request.headers().get(X_BUNRAKU_REQUEST).filter(|_| requester.via_front_end);
    let request_id = id.and_then(|value| value.to_str().ok()).filter(|id| id.len() <= MAX_REQUEST_ID);
    // A front end speaks for many; its own address would make one source of them all.
    let source = requester.address_is_its_own.then(|| Source::of(requester.address));
    let is_operator =
        requester.is_local_operator || requester.authorization("pp_cli_auth").as_deref() == Some("true");
    Caller {
        actor: Actor {
            certname: requester.certname.clone(),
            address: (!requester.is_local_operator).then(|| requester.address.to_string()),
            local: requester.is_local_operator,
        },
        request_id: request_id.map(str::to_owned),
        epoch: role.epoch,
        source: source.filter(|_| !is_operator),
        is_limited: !is_operator,
    }
}
