//! `GET certificate/NAME`: a certificate as PEM; `ca` is the authority's own bundle.

use super::{Call, conditional};
use crate::answer::{self, Answer, PLAIN};
use pki::pem;

pub(super) async fn get(call: &Call, name: &str) -> Answer {
    let ledger = call.authority.ledger();
    let layout = call.authority.layout();
    let path = if name == "ca" { layout.bundle() } else { layout.certificate(name) };
    let known = ledger.read(|state| {
        (name == "ca")
            .then(|| state.bundle_pem().to_string())
            .ok_or_else(|| state.signed().contains_key(name))
    });
    let pem = match known {
        None => return answer::not_ready(0, None),
        Some(Ok(bundle)) => bundle.into_bytes(),
        Some(Err(false)) => return missing(name),
        // The directory follows the state by some milliseconds.
        Some(Err(true)) => match ledger.projection().underway(name) {
            Some(Some(der)) => pem::encode("CERTIFICATE", &der).into_bytes(),
            Some(None) => return missing(name),
            None => match std::fs::read(&path) {
                Ok(pem) => pem,
                Err(_) => return missing(name),
            },
        },
    };
    if conditional::is_unmodified(call.request.headers(), &path) {
        return Answer::new(304, PLAIN, "");
    }
    Answer::new(200, PLAIN, pem)
}

fn missing(name: &str) -> Answer {
    Answer::new(404, PLAIN, format!("Could not find certificate {name}"))
}
