//! Which headers cross the front end, in both directions.

use http::header::{
    CONNECTION, EXPECT, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};

/// Removes the headers that are about one connection only (RFC 9110 section 7.6.1), including those that the
/// `Connection` header names. Framing is made anew on the other side.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|token| token.trim().parse().ok())
        // A client must not be able to have the identity, or the length, taken off by naming it here.
        .filter(|name: &HeaderName| !is_end_to_end(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION]
    {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}

/// Additionally for requests: the front end has answered `100 Continue` itself by reading the body.
pub fn strip_expectation(headers: &mut HeaderMap) {
    headers.remove(EXPECT);
}

fn is_end_to_end(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-client-")
        || name.starts_with("x-bunraku-")
        || matches!(name, "content-length" | "host" | "x-forwarded-for" | "accept" | "content-type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_what_concerns_both_ends_passes() {
        let mut headers = map(&[
            ("connection", "keep-alive, x-hop, X-Client-DN, content-length"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("x-client-dn", "CN=a"),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("accept-encoding", "gzip"),
        ]);
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept-encoding", "content-length", "x-client-dn"]);
    }
}
