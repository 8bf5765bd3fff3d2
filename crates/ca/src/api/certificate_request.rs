//! `certificate_request/NAME`: GET, PUT, DELETE.

use super::{Call, MAX_REQUEST_BODY, collect};
use crate::answer::{self, Answer, PLAIN, PLAIN_UTF8};
use crate::authority::{Caller, Failure, Fault, Submitted};
use pki::pem;
use wire::http::Method;

pub(super) async fn answer(call: Call, caller: Caller, name: &str) -> Answer {
    match *call.request.method() {
        Method::PUT => put(call, &caller, name).await,
        Method::DELETE => delete(&call, &caller, name).await,
        _ => get(&call, name),
    }
}

fn get(call: &Call, name: &str) -> Answer {
    let found = call.authority.ledger().read(|state| state.pending().get(name).map(|one| one.der.clone()));
    match found {
        None => answer::not_ready(0, None),
        Some(Some(der)) => Answer::new(200, PLAIN, pem::encode("CERTIFICATE REQUEST", &der)),
        Some(None) => missing(name),
    }
}

async fn put(call: Call, caller: &Caller, name: &str) -> Answer {
    let body = match collect(call.request.into_body(), MAX_REQUEST_BODY).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    match call.authority.submit(caller, name, &body).await {
        Ok(Submitted::Waiting | Submitted::Signed) => answer::request_saved(),
        Ok(Submitted::Before(outcome)) => outcome.into(),
        Err(Failure::Fault(fault)) => answer::submission_refused(&fault),
        Err(failure) => answer::failure(&failure),
    }
}

async fn delete(call: &Call, caller: &Caller, name: &str) -> Answer {
    match call.authority.delete_request(caller, name).await {
        Ok(()) => Answer::new(204, PLAIN_UTF8, ""),
        Err(Failure::Fault(Fault::UnknownName)) => missing(name),
        Err(failure) => answer::failure(&failure),
    }
}

fn missing(name: &str) -> Answer {
    Answer::new(404, PLAIN, format!("Could not find certificate_request {name}"))
}
