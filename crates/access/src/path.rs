//! The path that rules look at: decoded once, without empty segments, in its present form.

use std::borrow::Cow;

/// The endpoints that Puppet 2.6 to 3 reached under `/{environment}/…`, and with which methods; none is all.
const LEGACY: [(&str, &[&str]); 5] = [
    ("certificate", &["GET"]),
    ("certificate_request", &["GET", "PUT"]),
    ("certificate_revocation_list", &["GET"]),
    ("certificate_status", &[]),
    ("certificate_statuses", &[]),
];

/// The path of a request as rules see it, from the path as it was sent. Whoever serves the request must not read another
/// one out of the same bytes; what could be read in two ways is refused before (`gateway::route`), except for `;`, which
/// some servers cut off and some do not: both readings are given then, and both must be allowed.
pub fn seen<'a>(method: &str, raw: &'a str) -> (Cow<'a, str>, Option<String>) {
    let path = one_reading(method, raw);
    if !raw.contains(';') {
        return (path, None);
    }
    let cut: Vec<&str> =
        raw.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect();
    let other = one_reading(method, &cut.join("/")).into_owned();
    (path, Some(other))
}

fn one_reading<'a>(method: &str, raw: &'a str) -> Cow<'a, str> {
    let decoded = if raw.contains('%') {
        Cow::Owned(text(percent_decoded(raw.as_bytes())))
    } else {
        Cow::Borrowed(raw)
    };
    let compact = if decoded.contains("//") { Cow::Owned(compacted(&decoded)) } else { decoded };
    match present_form(method, &compact) {
        Some(present) => Cow::Owned(present),
        None => compact,
    }
}

/// `/{environment}/certificate/NAME` becomes `/puppet-ca/v1/certificate/NAME`, for the methods (in capitals) with which
/// Puppet Server serves it. Of a decoded path.
pub fn present_form(method: &str, path: &str) -> Option<String> {
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (environment, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, methods) = LEGACY.iter().find(|(legacy, _)| *legacy == kind)?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let known = !environment.is_empty() && environment.chars().all(word) && environment != "puppet-ca";
    (known && (methods.is_empty() || methods.contains(&method)))
        .then(|| format!("/puppet-ca/v1/{kind}/{name}"))
}

fn compacted(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    out
}

/// Percent-encoding, and `+` for a blank: a part of a query.
pub(crate) fn form_decoded(part: &str) -> String {
    text(percent_decoded(part.replace('+', " ").as_bytes()))
}

/// What is no UTF-8 is read octet by octet, as Puppet Server's web server does.
fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).unwrap_or_else(|fault| fault.into_bytes().into_iter().map(char::from).collect())
}

fn percent_decoded(input: &[u8]) -> Vec<u8> {
    let digit = |octet: Option<&u8>| octet.and_then(|octet| char::from(*octet).to_digit(16));
    let mut out = Vec::with_capacity(input.len());
    let mut at = 0;
    while let Some(octet) = input.get(at) {
        match (octet, digit(input.get(at + 1)), digit(input.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*octet);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_takes_its_present_form() {
        let read = |raw| seen("GET", raw).0.into_owned();
        assert_eq!(read("/puppet/v3/catalog/a"), "/puppet/v3/catalog/a");
        assert_eq!(read("/puppet/v3/catalog/%61b%20c"), "/puppet/v3/catalog/ab c");
        assert_eq!(read("/puppet/v3/x/%252e"), "/puppet/v3/x/%2e");
        assert_eq!(read("/puppet/v3///catalog//a/"), "/puppet/v3/catalog/a/");
        assert_eq!(read("/production/certificate/ca"), "/puppet-ca/v1/certificate/ca");
        assert_eq!(read("/production/catalog/a"), "/production/catalog/a");
        assert_eq!(read("/a/%e9"), "/a/\u{e9}");
        assert_eq!(read("/a/%zz%2"), "/a/%zz%2");
    }

    #[test]
    fn parameters_of_a_path_are_read_both_ways() {
        assert_eq!(seen("GET", "/puppet/v3/node/a").1, None);
        let (kept, cut) = seen("GET", "/puppet/v3/node/a;b=/x;y");
        assert_eq!(
            (kept.as_ref(), cut.as_deref()),
            ("/puppet/v3/node/a;b=/x;y", Some("/puppet/v3/node/a/x"))
        );
    }
}
