//! What the front end does to a request's header before it passes it on.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::encoded_certificate;
use crate::Peer;

/// `SUCCESS` when the client's certificate was verified, else `NONE` or `FAILED:reason`.
pub const X_CLIENT_VERIFY: HeaderName = HeaderName::from_static("x-client-verify");
/// The subject of the client's certificate (RFC 2253).
pub const X_CLIENT_DN: HeaderName = HeaderName::from_static("x-client-dn");
/// The client's certificate, one PEM block, URI-encoded.
pub const X_CLIENT_CERT: HeaderName = HeaderName::from_static("x-client-cert");
/// The client's address.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Removes every header that only a front end may set: all of `X-Client-*` and `X-Bunraku-*`, and `X-Forwarded-For`.
/// Underscores and other marks count as hyphens, because servers behind a gateway interface may read them so; case
/// and repetition do not matter.
pub fn strip_client_headers(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers.keys().filter(|name| is_reserved(name)).cloned().collect();
    for name in forged {
        headers.remove(name);
    }
}

fn is_reserved(name: &HeaderName) -> bool {
    // Header names are in lower case already.
    let name = name.as_str().as_bytes();
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { *byte } else { b'-' };
    let begins = |with: &str| {
        name.len() >= with.len() && name.iter().map(plain).zip(with.bytes()).all(|(a, b)| a == b)
    };
    begins("x-client-")
        || begins("x-bunraku-")
        || (begins("x-forwarded-for") && name.len() == "x-forwarded-for".len())
}

/// Says who the client is. Whatever was said before under these names is replaced, but variants of the names are not:
/// use [`strip_client_headers`] first.
pub fn set_client_headers(headers: &mut HeaderMap, peer: &Peer) {
    let introduction = peer.introduction();
    if let Some(address) = &introduction.address {
        headers.insert(X_FORWARDED_FOR, address.clone());
    }
    headers.insert(X_CLIENT_VERIFY, introduction.verify.clone());
    match &introduction.verified {
        Some((subject, certificate)) => {
            headers.insert(X_CLIENT_DN, subject.clone());
            headers.insert(X_CLIENT_CERT, certificate.clone());
        }
        None => {
            headers.remove(X_CLIENT_DN);
            headers.remove(X_CLIENT_CERT);
        }
    }
}

/// What is said of one client, the same with each of its requests.
#[derive(Debug)]
pub(crate) struct Introduction {
    address: Option<HeaderValue>,
    verify: HeaderValue,
    /// Subject and certificate.
    verified: Option<(HeaderValue, HeaderValue)>,
}

impl Introduction {
    pub(crate) fn of(peer: &Peer) -> Introduction {
        let address = HeaderValue::from_str(&peer.address.ip().to_string()).ok();
        let unverified = |verify| Introduction { address: address.clone(), verify, verified: None };
        let Some(certificate) = &peer.certificate else {
            // Nothing of what such a certificate says is passed on: only that it failed, and why.
            let failed = peer.unproven.as_ref().map(|unproven| format!("FAILED:{}", unproven.reason));
            let failed = failed.and_then(|failed| HeaderValue::try_from(failed).ok());
            return unverified(failed.unwrap_or(HeaderValue::from_static("NONE")));
        };
        // Our CA issues no certificate with control characters in its subject; a foreign one in the bundle might.
        let Ok(subject) = HeaderValue::from_bytes(certificate.subject_rfc2253().as_bytes()) else {
            return unverified(HeaderValue::from_static("FAILED:unusable subject"));
        };
        let encoded = HeaderValue::try_from(encoded_certificate::encode(certificate))
            .expect("URI encoding leaves only visible ASCII");
        Introduction {
            address,
            verify: HeaderValue::from_static("SUCCESS"),
            verified: Some((subject, encoded)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_anonymous_client_is_none_whatever_it_says() {
        let mut headers = HeaderMap::new();
        headers.insert(X_CLIENT_VERIFY, HeaderValue::from_static("SUCCESS"));
        headers.append(X_CLIENT_VERIFY, HeaderValue::from_static("SUCCESS"));
        headers.insert(X_CLIENT_DN, HeaderValue::from_static("CN=evil"));
        headers.insert("x_client_dn", HeaderValue::from_static("CN=evil"));
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("10.0.0.1"));
        strip_client_headers(&mut headers);
        assert!(headers.is_empty());
        set_client_headers(&mut headers, &Peer::tls("192.0.2.7:4711".parse().unwrap(), None, "TLSv1.3"));
        assert_eq!(headers.get_all(X_CLIENT_VERIFY).iter().collect::<Vec<_>>(), ["NONE"]);
        assert_eq!(headers[X_FORWARDED_FOR], "192.0.2.7");
        assert_eq!(headers.len(), 2);
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_reserved_name_survives(
            stem in prop_oneof![Just("x-client-verify"), Just("x-client-dn"), Just("x-client-cert"),
                Just("x-client-anything"), Just("x-bunraku-epoch"), Just("x-forwarded-for")],
            upper in proptest::collection::vec(any::<bool>(), 20),
            marks in proptest::collection::vec(prop_oneof![Just('-'), Just('_'), Just('.'), Just('~')], 20),
            copies in 1usize..4,
        ) {
            let name: String = stem.chars().enumerate().map(|(at, character)| match character {
                '-' => marks[at % marks.len()],
                letter if upper[at % upper.len()] => letter.to_ascii_uppercase(),
                letter => letter,
            }).collect();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            let mut headers = HeaderMap::new();
            for _ in 0..copies {
                headers.append(name.clone(), HeaderValue::from_static("SUCCESS"));
            }
            headers.insert("x-puppet-version", HeaderValue::from_static("7.23.0"));
            strip_client_headers(&mut headers);
            prop_assert_eq!(headers.len(), 1);
        }

        #[test]
        fn other_names_stay(name in "[a-w][a-z-]{0,20}") {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static("v"));
            strip_client_headers(&mut headers);
            prop_assert_eq!(headers.len(), 1);
        }
    }
}
