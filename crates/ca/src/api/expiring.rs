//! `GET /bunraku/v1/authority/expiring?within=SECONDS`: what has ended, or will within that time; the next to end first.
//! Of the certificates of nodes those are listed that are in use: their file is there, and they are not revoked.

use super::Call;
use crate::answer::{self, Answer, JSON_UTF8, PLAIN_UTF8};
use crate::state::State;
use crate::time;
use pki::Certificate;
use pki::crl::RevocationList;
use serde_json::{Value, json};
use wire::protocol::query;

pub(super) fn get(call: &Call) -> Answer {
    let pairs = query::parse(&call.target.query);
    let Some(within) = query::first(&pairs, "within").and_then(|text| text.parse::<i64>().ok()) else {
        return Answer::new(400, PLAIN_UTF8, "within must be a number of seconds");
    };
    let now = time::now();
    match call.authority.ledger().read(|state| ending(state, now.saturating_add(within))) {
        Some(found) => Answer::new(200, JSON_UTF8, document(found, now).to_string()),
        None => answer::not_ready(0, None),
    }
}

/// Something with an end.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    kind: &'static str,
    name: String,
    serial: Option<String>,
    /// Unix seconds.
    at: i64,
}

/// What ends no later than `last` (Unix seconds).
fn ending(state: &State, last: i64) -> Vec<Ending> {
    // What has been in the state was read before: a part that cannot be is left out rather than the whole.
    let bundle = Certificate::all_from_pem(state.bundle_pem().as_bytes()).unwrap_or_default();
    let chain = RevocationList::all_from_pem(state.lists().chain_pem.as_bytes()).unwrap_or_default();
    let authorities = bundle.iter().map(|one| Ending {
        kind: "ca_certificate",
        name: one.subject_cn().map_or_else(|| one.subject_display(), str::to_owned),
        serial: Some(one.serial().to_string()),
        at: one.not_after(),
    });
    let lists =
        std::iter::once(&state.lists().own).chain(&state.lists().second).chain(&chain).map(|one| Ending {
            kind: "revocation_list",
            name: one.issuer_cn().map_or_else(|| one.issuer_rfc2253(), str::to_owned),
            serial: None,
            // Without an end no agent takes it for current.
            at: one.next_update().unwrap_or(0),
        });
    let in_use = state.signed().iter().filter(|(_, one)| !state.is_revoked(&one.serial));
    let certificates = in_use.map(|(name, one)| Ending {
        kind: "certificate",
        name: name.to_string(),
        serial: Some(one.serial.to_string()),
        at: one.not_after,
    });
    let mut found: Vec<Ending> =
        authorities.chain(lists).chain(certificates).filter(|one| one.at <= last).collect();
    found.sort_by(|one, other| (one.at, &one.name).cmp(&(other.at, &other.name)));
    found
}

fn document(found: Vec<Ending>, now: i64) -> Value {
    let entries = found.into_iter().map(|one| {
        let mut entry = json!({"kind": one.kind, "name": one.name, "not_after": time::format(one.at)});
        entry["seconds_left"] = (one.at - now).into();
        if let Some(serial) = one.serial {
            entry["serial"] = serial.into();
        }
        entry
    });
    json!({"now": time::format(now), "expiring": entries.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_ends_and_when() {
        let found = Ending {
            kind: "certificate",
            name: "a.example.com".into(),
            serial: Some("000A".into()),
            at: 1_795_254_000,
        };
        let document = document(vec![found], 1_795_254_060);
        assert_eq!(
            document["expiring"][0],
            json!({
                "kind": "certificate", "name": "a.example.com", "not_after": "2026-11-21T09:40:00UTC",
                "seconds_left": -60, "serial": "000A",
            })
        );
    }
}
