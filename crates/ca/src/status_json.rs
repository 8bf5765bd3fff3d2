//! What is shown of one certname, as JSON; the order of the fields is Puppet Server's.
//!
//! Written by hand: a list may have a hundred thousand of these.

use crate::command::Details;
use crate::state::{Signed, Standing, State};
use crate::time;
use pki::fingerprint::Digests;

/// Writes the object of `certname`; nothing when it is unknown.
pub(crate) fn write(state: &State, certname: &str, out: &mut Vec<u8>) {
    let Some(standing) = state.standing(certname) else { return };
    if let Some(signed) = state.signed().get(certname) {
        write_signed(certname, standing, signed, out);
    } else if let Some(pending) = state.pending().get(certname) {
        let details = &pending.details;
        out.extend_from_slice(b"{\"name\":");
        text(certname, out);
        field("state", out);
        text(standing.as_str(), out);
        field("dns_alt_names", out);
        texts(dns_names(details), out);
        field("subject_alt_names", out);
        texts(shown_names(details), out);
        field("authorization_extensions", out);
        extensions(details, out);
        field("fingerprint", out);
        digest(&pending.fingerprints.sha256, out);
        field("fingerprints", out);
        fingerprints(&pending.fingerprints, out);
        out.push(b'}');
    }
}

fn write_signed(certname: &str, standing: Standing, signed: &Signed, out: &mut Vec<u8>) {
    let details = signed.details(certname);
    out.extend_from_slice(b"{\"name\":");
    text(certname, out);
    field("dns_alt_names", out);
    texts(dns_names(&details), out);
    field("state", out);
    text(standing.as_str(), out);
    field("authorization_extensions", out);
    extensions(&details, out);
    field("subject_alt_names", out);
    texts(shown_names(&details), out);
    field("not_before", out);
    text(&time::format(signed.not_before), out);
    field("fingerprints", out);
    fingerprints(&signed.fingerprints, out);
    field("not_after", out);
    text(&time::format(signed.not_after), out);
    field("serial_number", out);
    out.extend_from_slice(signed.serial.to_decimal().as_bytes());
    field("fingerprint", out);
    digest(&signed.fingerprints.sha256, out);
    out.push(b'}');
}

fn field(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~') && !matches!(octet, b'"' | b'\\')) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing a string into memory cannot fail.
        serde_json::to_writer(out, text).unwrap_or_default();
    }
}

fn texts<'a>(all: impl Iterator<Item = &'a String>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (number, one) in all.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        text(one, out);
    }
    out.push(b']');
}

fn fingerprints(digests: &Digests, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"SHA1\":");
    digest(&digests.sha1, out);
    field("SHA256", out);
    digest(&digests.sha256, out);
    field("SHA512", out);
    digest(&digests.sha512, out);
    field("default", out);
    digest(&digests.sha256, out);
    out.push(b'}');
}

/// `"AA:BB:…"`.
fn digest<const LENGTH: usize>(octets: &[u8; LENGTH], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push(b'"');
    for (number, octet) in octets.iter().enumerate() {
        let pair = [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)], b':'];
        out.extend_from_slice(if number + 1 < LENGTH { &pair } else { &pair[..2] });
    }
    out.push(b'"');
}

fn dns_names(details: &Details) -> impl Iterator<Item = &String> {
    details.alt_names.iter().filter(|name| name.starts_with("DNS:"))
}

/// Addresses first, then names; other kinds are not shown.
fn shown_names(details: &Details) -> impl Iterator<Item = &String> {
    details.alt_names.iter().filter(|name| name.starts_with("IP:")).chain(dns_names(details))
}

/// Later values of the same name win, as in a map.
fn extensions(details: &Details, out: &mut Vec<u8>) {
    let all = &details.authorization_extensions;
    out.push(b'{');
    let mut first = true;
    for (number, (name, value)) in all.iter().enumerate() {
        if all[number + 1..].iter().any(|(later, _)| later == name) {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        text(value, out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let details = Details {
            alt_names: vec!["DNS:a\"b".into(), "IP:192.0.2.1".into(), "email:x".into()],
            authorization_extensions: vec![
                ("pp_role".into(), "ä\n".into()),
                ("pp_x".into(), "1".into()),
                ("pp_x".into(), "2".into()),
            ],
        };
        let digests = Digests::of(b"abc");
        let signed = Signed::new("a.test", pki::Serial::from_u64(255), (0, 1), &details, digests);
        let mut json = Vec::new();
        write_signed("a.test", Standing::Revoked, &signed, &mut json);
        let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(value["name"], "a.test");
        assert_eq!(value["state"], "revoked");
        assert_eq!(value["dns_alt_names"], serde_json::json!(["DNS:a\"b"]));
        assert_eq!(value["subject_alt_names"], serde_json::json!(["IP:192.0.2.1", "DNS:a\"b"]));
        assert_eq!(value["authorization_extensions"], serde_json::json!({"pp_role": "ä\n", "pp_x": "2"}));
        assert_eq!(value["serial_number"], 255);
        assert_eq!(value["not_before"], "1970-01-01T00:00:00UTC");
        assert_eq!(value["fingerprint"], pki::fingerprint::sha256(b"abc"));
        assert_eq!(value["fingerprints"]["SHA512"], pki::fingerprint::sha512(b"abc"));
    }
}
