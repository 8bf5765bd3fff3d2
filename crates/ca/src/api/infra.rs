//! `POST /bunraku/v1/authority/infra`: the infrastructure's revocation list is begun.

use super::Call;
use crate::answer::{self, Answer, PLAIN_UTF8};
use crate::authority::{Caller, Failure};

pub(super) async fn post(call: Call, caller: Caller) -> Answer {
    match call.authority.begin_infra(&caller).await {
        Ok(path) => Answer::new(200, PLAIN_UTF8, path.display().to_string()),
        Err(Failure::Fault(fault)) => Answer::new(409, PLAIN_UTF8, fault.to_string()),
        Err(failure) => answer::failure(&failure),
    }
}
