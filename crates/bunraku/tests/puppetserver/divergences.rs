//! What differs on purpose: a rule for each key in DIVERGENCES.md, `[key]` in its first column. A difference without a
//! rule fails the suite; so does a rule that explains nothing any more, a rule without a line there, and a line with a
//! key but without a rule. The directories have no rules: they must not differ.

use std::collections::BTreeSet;

use serde_json::Value;

use super::case::{Case, Seen};

/// How a listed difference is known.
pub struct Rule {
    /// The key of its line in DIVERGENCES.md.
    pub key: &'static str,
    /// Whether this difference (Puppet Server's answer, Bunraku's, in what) is that one.
    pub explains: fn(&Case, &Seen, &Seen, &str) -> bool,
}

/// The first one that explains a difference counts.
pub const RULES: [Rule; 22] = [
    Rule {
        key: "compression",
        explains: |_, theirs, _, what| {
            what == "vary" && theirs.header("vary") == Some("Accept-Encoding, User-Agent")
        },
    },
    Rule {
        key: "bad-signature",
        explains: |case, _, ours, _| case.id.ends_with("-bad-signature") && matches!(ours.status, 400 | 404),
    },
    Rule {
        key: "name-ca",
        explains: |case, _, ours, _| case.id.ends_with("-name-ca") && matches!(ours.status, 400 | 404),
    },
    Rule { key: "long-name", explains: |case, _, _, _| case.id.starts_with("long-") },
    Rule {
        key: "revoke-deleted",
        explains: |case, theirs, ours, _| {
            case.id.starts_with("deleted-") && matches!(theirs.status, 404 | 409) && ours.status == 204
        },
    },
    Rule {
        key: "unsupported-signature",
        explains: |case, theirs, ours, _| {
            case.id.starts_with("unsupported-")
                && theirs.status < 300
                && (ours.status == 400 && ours.text().contains("cannot be checked") || ours.status == 404)
        },
    },
    Rule {
        key: "other-alt-names",
        explains: |case, theirs, ours, _| {
            case.id.starts_with("other-names-")
                && theirs.status < 300
                && matches!(ours.status, 200 | 404 | 409)
        },
    },
    Rule {
        key: "accept-charset",
        explains: |case, theirs, ours, _| {
            case.id.starts_with("charset-") && theirs.status == 406 && matches!(ours.status, 200 | 404)
        },
    },
    Rule {
        key: "only-dots",
        explains: |case, theirs, ours, _| {
            case.target.ends_with("/...") && (theirs.status, ours.status) == (500, 400)
        },
    },
    Rule {
        key: "unreadable-request",
        explains: |case, theirs, ours, _| {
            case.target.contains("/certificate_request/")
                && (theirs.status, ours.status) == (500, 400)
                && theirs.text().contains("Exception")
                && !ours.text().contains("Exception")
        },
    },
    Rule {
        key: "odd-paths",
        explains: |case, _, ours, _| is_odd(&case.target) && matches!(ours.status, 400 | 403 | 404),
    },
    Rule {
        key: "not-its-path",
        explains: |case, theirs, ours, what| {
            (theirs.status, ours.status) == (404, 404)
                && !["/puppet-ca/", "/status/"].iter().any(|mount| case.target.starts_with(mount))
                && matches!(what, "body" | "content-type" | "cache-control")
        },
    },
    Rule {
        key: "empty-media-type",
        explains: |_, theirs, ours, what| {
            what == "content-type"
                && theirs.header(what) == Some(";charset=UTF-8")
                && ours.header(what) == Some("application/json;charset=utf-8")
        },
    },
    Rule {
        key: "more-than-json",
        explains: |case, _, ours, what| {
            let mut stream = serde_json::Deserializer::from_slice(&case.body).into_iter::<Value>();
            let more =
                matches!(stream.next(), Some(Ok(_))) && serde_json::from_slice::<Value>(&case.body).is_err();
            what == "body" && more && ours.text() == "Request body is not JSON."
        },
    },
    Rule {
        key: "clean-types",
        explains: |case, _, ours, _| {
            let body: Value = serde_json::from_slice(&case.body).unwrap_or_default();
            let names = &body["certnames"];
            let strings = names.as_array().is_some_and(|names| names.iter().all(Value::is_string));
            case.target.ends_with("/clean") && !names.is_null() && !strings && ours.status == 400
        },
    },
    Rule {
        key: "clean-twice",
        explains: |case, theirs, ours, what| {
            let twice = |seen: &Seen| seen.text().matches("\"nobody.example.com\"").count();
            case.target.ends_with("/clean") && what == "body" && (twice(theirs), twice(ours)) == (2, 1)
        },
    },
    Rule {
        key: "sign-many",
        explains: |case, theirs, _, what| {
            case.target.starts_with("/puppet-ca/v1/sign") && case.method == "POST" && theirs.status == 403
                || case.target.starts_with("/status/v1/services/ca") && what == "body"
        },
    },
    Rule {
        key: "renewal",
        explains: |case, theirs, ours, _| {
            case.target.starts_with("/puppet-ca/v1/certificate_renewal")
                && case.method == "POST"
                && (theirs.status, ours.status) == (403, 404)
        },
    },
    Rule {
        key: "other-services",
        explains: |case, _, _, what| case.target == "/status/v1/services" && what == "body",
    },
    Rule {
        key: "status-level",
        explains: |case, theirs, _, _| case.target.contains("level=bogus") && theirs.status == 400,
    },
    Rule {
        key: "since-certificate",
        explains: |case, theirs, ours, _| {
            case.id.starts_with("since-")
                && case.target.contains("/certificate/")
                && (theirs.status, ours.status) == (200, 304)
        },
    },
    Rule {
        key: "status-head",
        explains: |case, theirs, ours, _| {
            case.method == "HEAD"
                && case.target.starts_with("/status/")
                && (theirs.status, ours.status) == (403, 200)
        },
    },
];

/// Paths that two servers could read in two ways.
fn is_odd(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default().to_ascii_lowercase();
    let broken = path
        .split('%')
        .skip(1)
        .any(|rest| rest.len() < 2 || !rest.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit));
    let marks = [";", "//", "%3b", "%3f", "%23", "%25", "%00", "%0a", "%2f", "%ff"];
    broken || marks.iter().any(|mark| path.contains(mark))
}

/// All keys that this suite knows.
pub fn keys() -> BTreeSet<&'static str> {
    RULES.iter().map(|rule| rule.key).collect()
}

/// The keys that DIVERGENCES.md names.
pub fn listed() -> BTreeSet<&'static str> {
    let text = include_str!("../../../../DIVERGENCES.md");
    text.split("`[").skip(1).filter_map(|rest| rest.split("]`").next()).collect()
}
