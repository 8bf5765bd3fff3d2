//! `GET certificate_statuses/ANY`: everything the authority knows of every name, or of those in one state.

use super::{Call, negotiate};
use crate::answer::{self, Answer};
use crate::command::Details;
use crate::state::{Fingerprints, Standing, State};
use crate::time;
use pki::fingerprint::colons;
use serde_json::{Map, Value, json};
use wire::protocol::query;

pub(super) fn get(call: &Call) -> Answer {
    let label = match negotiate::answer_type(call.request.headers()) {
        Ok(label) => label,
        Err(refused) => return refused,
    };
    let pairs = query::parse(&call.target.query);
    let states: Vec<&str> =
        pairs.iter().filter(|(name, _)| name == "state").map(|(_, value)| value.as_str()).collect();
    let wanted = match states[..] {
        ["requested"] => Some(Standing::Requested),
        ["signed"] => Some(Standing::Signed),
        ["revoked"] => Some(Standing::Revoked),
        // Any other word is as good as none, and so are two.
        _ => None,
    };
    match call.authority.ledger().read(|state| list(state, wanted)) {
        Some(json) => Answer::new(200, &label.found, json).vary(label.vary),
        None => answer::not_ready(0, None),
    }
}

fn list(state: &State, wanted: Option<Standing>) -> String {
    let mut json = String::from("[");
    let names = state.pending().keys().filter(|name| !state.signed().contains_key(*name));
    for name in names.chain(state.signed().keys()) {
        if wanted.is_some() && state.standing(name) != wanted {
            continue;
        }
        if let Some(entry) = entry(state, name) {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&entry.to_string());
        }
    }
    json.push(']');
    json
}

/// What is shown of one name; the order of the fields is Puppet Server's.
pub(super) fn entry(state: &State, name: &str) -> Option<Value> {
    let standing = state.standing(name)?;
    if let Some(signed) = state.signed().get(name) {
        let serial: Value = serde_json::from_str(&signed.serial.to_decimal()).unwrap_or(Value::Null);
        let fingerprints = fingerprints(&signed.fingerprints);
        let default = fingerprints["default"].clone();
        return Some(json!({
            "name": name,
            "dns_alt_names": dns_names(&signed.details),
            "state": standing.as_str(),
            "authorization_extensions": extensions(&signed.details),
            "subject_alt_names": shown_names(&signed.details),
            "not_before": time::format(signed.not_before),
            "fingerprints": fingerprints,
            "not_after": time::format(signed.not_after),
            "serial_number": serial,
            "fingerprint": default,
        }));
    }
    let pending = state.pending().get(name)?;
    let fingerprints = fingerprints(&pending.fingerprints);
    Some(json!({
        "name": name,
        "state": standing.as_str(),
        "dns_alt_names": dns_names(&pending.details),
        "subject_alt_names": shown_names(&pending.details),
        "authorization_extensions": extensions(&pending.details),
        "fingerprint": fingerprints["default"].clone(),
        "fingerprints": fingerprints,
    }))
}

fn fingerprints(digests: &Fingerprints) -> Value {
    let sha256 = colons(&digests.sha256);
    json!({
        "SHA1": colons(&digests.sha1),
        "SHA256": sha256,
        "SHA512": colons(&digests.sha512),
        "default": sha256,
    })
}

fn dns_names(details: &Details) -> Vec<&String> {
    details.alt_names.iter().filter(|name| name.starts_with("DNS:")).collect()
}

/// Addresses first, then names; other kinds are not shown.
fn shown_names(details: &Details) -> Vec<&String> {
    let addresses = details.alt_names.iter().filter(|name| name.starts_with("IP:"));
    addresses.chain(dns_names(details)).collect()
}

fn extensions(details: &Details) -> Map<String, Value> {
    let pairs = details.authorization_extensions.iter();
    pairs.map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()
}
