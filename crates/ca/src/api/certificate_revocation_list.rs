//! `GET certificate_revocation_list/ca`: our list and those of the chain.

use super::{Call, conditional};
use crate::answer::{self, Answer, PLAIN};

pub(super) async fn get(call: &Call) -> Answer {
    let path = call.authority.layout().revocation_lists();
    if conditional::is_unmodified(call.request.headers(), &path) {
        return Answer::new(304, PLAIN, "");
    }
    match call.authority.ledger().read(|state| state.lists().clone()) {
        Some(lists) => Answer::new(200, PLAIN, lists.to_pem()),
        None => answer::not_ready(0, None),
    }
}
