//! `certificate_revocation_list`: GET gives our list (or the infrastructure's) and those of the chain, PUT takes in newer ones of the chain.

use super::{Call, MAX_OPERATOR_BODY, collect, conditional};
use crate::answer::{self, Answer, PLAIN};
use crate::authority::{Caller, Failure};

pub(super) async fn get(call: &Call) -> Answer {
    // The estate's own roles ask for themselves; whoever comes through the front end is an agent.
    let asks = call.requester.certname.as_deref().filter(|_| !call.requester.via_front_end);
    let Some((lists, infra)) = call.authority.lists_for(asks) else { return answer::not_ready(0, None) };
    let layout = call.authority.layout();
    let path = if infra { layout.infra_lists() } else { layout.revocation_lists() };
    if conditional::is_unmodified(call.request.headers(), &path) {
        return Answer::new(304, PLAIN, "");
    }
    Answer::new(200, PLAIN, lists.to_pem())
}

pub(super) async fn put(call: Call, caller: Caller) -> Answer {
    let body = match collect(call.request.into_body(), MAX_OPERATOR_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    match call.authority.update_chain_lists(&caller, &body).await {
        Ok(()) => answer::lists_updated(),
        Err(Failure::Fault(fault)) => answer::lists_refused(&fault),
        Err(failure) => answer::failure(&failure),
    }
}
