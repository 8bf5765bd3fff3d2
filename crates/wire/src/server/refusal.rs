//! Requests that the listener itself refuses, before any handler sees them.

use http::header::{CONNECTION, HOST, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use crate::access_log::End;
use crate::{Request, Response, reply};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("A request must state its length once, in lines that end in CR and LF")]
    TwoLengths,
    #[error("A request must have one Host header")]
    Host,
    #[error("Content_Length and Transfer_Encoding are not headers")]
    Disguised,
    #[error("The only supported transfer encoding is chunked")]
    TransferEncoding,
    #[error("This server supports neither Upgrade nor CONNECT")]
    Upgrade,
    #[error("{}", no_longer(.0))]
    Certificate(&'static str),
}

impl Refusal {
    /// The answer; the connection is closed with it.
    pub(crate) fn answer(self) -> Response {
        let status = match self {
            Refusal::Certificate(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut answer = reply::text(status, self.to_string());
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        // For whoever logs it.
        answer.extensions_mut().insert(match self {
            Refusal::Certificate("revoked") => End::Revoked,
            _ => End::Refused,
        });
        answer
    }
}

fn no_longer(reason: &str) -> String {
    match reason {
        "revoked" => "The client certificate has been revoked".to_owned(),
        "expired" => "The client certificate has expired".to_owned(),
        other => format!("The client certificate is not accepted: {other}"),
    }
}

/// Judges a request by its header. `two_lengths` is what the framing of the connection knows of it.
pub(crate) fn judge(request: &Request, two_lengths: bool) -> Result<(), Refusal> {
    if two_lengths {
        return Err(Refusal::TwoLengths);
    }
    if !transfer_encoding_is_plain(request.headers()) {
        return Err(Refusal::TransferEncoding);
    }
    if request.headers().keys().any(is_disguised) {
        return Err(Refusal::Disguised);
    }
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && request.version() > Version::HTTP_10 {
        return Err(Refusal::Host);
    }
    if request.method() == Method::CONNECT || request.headers().contains_key(UPGRADE) {
        return Err(Refusal::Upgrade);
    }
    Ok(())
}

/// A worker behind a gateway interface may read an underscore as a hyphen, and so find a length that we did not.
fn is_disguised(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.contains('_') && ["content-length", "transfer-encoding"].contains(&name.replace('_', "-").as_str())
}

/// No transfer encoding, or exactly one line that says `chunked`.
fn transfer_encoding_is_plain(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => true,
        (Some(line), None) => line.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut builder = http::Request::put("/x").header(HOST, "x");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(body::empty()).unwrap()
    }

    #[test]
    fn only_plain_chunked_passes() {
        assert_eq!(judge(&request(&[("Transfer-Encoding", "chunked")]), false), Ok(()));
        assert_eq!(judge(&request(&[("Transfer-Encoding", "Chunked")]), false), Ok(()));
        for bad in ["gzip, chunked", "chunked, chunked", "identity", "xchunked"] {
            let judged = judge(&request(&[("Transfer-Encoding", bad)]), false);
            assert_eq!(judged, Err(Refusal::TransferEncoding), "{bad}");
        }
        let twice = request(&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")]);
        assert_eq!(judge(&twice, false), Err(Refusal::TransferEncoding));
    }

    #[test]
    fn one_host_and_no_length_in_disguise() {
        assert_eq!(judge(&request(&[("Host", "y")]), false), Err(Refusal::Host));
        for bad in ["Content_Length", "transfer_encoding"] {
            assert_eq!(judge(&request(&[(bad, "4")]), false), Err(Refusal::Disguised), "{bad}");
        }
        let mut none = request(&[]);
        none.headers_mut().remove(HOST);
        assert_eq!(judge(&none, false), Err(Refusal::Host));
        *none.version_mut() = Version::HTTP_10;
        assert_eq!(judge(&none, false), Ok(()), "health checks of balancers");
    }

    #[test]
    fn upgrades_and_double_lengths_do_not_pass() {
        assert_eq!(judge(&request(&[("Upgrade", "h2c")]), false), Err(Refusal::Upgrade));
        assert_eq!(judge(&request(&[]), true), Err(Refusal::TwoLengths));
        assert_eq!(judge(&request(&[]), false), Ok(()));
    }
}
