//! `GET expirations`: when the CA certificates and revocation lists of the chain end.

use super::Call;
use crate::answer::{self, Answer, JSON};
use crate::time;
use pki::Certificate;
use pki::crl::RevocationList;
use serde_json::{Map, Value, json};

pub(super) fn get(call: &Call) -> Answer {
    let found = call.authority.ledger().read(|state| (state.bundle_pem().to_string(), state.lists().clone()));
    let Some((bundle, lists)) = found else { return answer::not_ready(0, None) };
    let certificates = Certificate::all_from_pem(bundle.as_bytes()).unwrap_or_default();
    let certificates: Map<String, Value> = certificates
        .iter()
        .map(|one| (one.subject_cn().unwrap_or_default().to_owned(), time::format(one.not_after()).into()))
        .collect();
    let chain = RevocationList::all_from_pem(lists.chain_pem.as_bytes()).unwrap_or_default();
    let lists: Map<String, Value> = std::iter::once(&lists.own)
        .chain(&lists.second)
        .chain(&chain)
        .map(|one| {
            let end = one.next_update().map_or(Value::Null, |end| time::format(end).into());
            (one.issuer_cn().unwrap_or_default().to_owned(), end)
        })
        .collect();
    Answer::new(200, JSON, json!({"ca-certs": certificates, "crls": lists}).to_string())
}
