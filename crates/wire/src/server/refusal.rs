//! Requests that the listener itself refuses, before any handler sees them.

use http::header::{CONNECTION, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::{Request, Response, reply};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("A request must not have both Content-Length and Transfer-Encoding")]
    TwoLengths,
    #[error("The only supported transfer encoding is chunked")]
    TransferEncoding,
    #[error("This server supports neither Upgrade nor CONNECT")]
    Upgrade,
    #[error("The client certificate has been revoked")]
    Revoked,
}

impl Refusal {
    /// The answer; the connection is closed with it.
    pub(crate) fn answer(self) -> Response {
        let status = match self {
            Refusal::Revoked => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut answer = reply::text(status, self.to_string());
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        answer
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
    if request.method() == Method::CONNECT || request.headers().contains_key(UPGRADE) {
        return Err(Refusal::Upgrade);
    }
    Ok(())
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
        let mut builder = http::Request::put("/x");
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
    fn upgrades_and_double_lengths_do_not_pass() {
        assert_eq!(judge(&request(&[("Upgrade", "h2c")]), false), Err(Refusal::Upgrade));
        assert_eq!(judge(&request(&[]), true), Err(Refusal::TwoLengths));
        assert_eq!(judge(&request(&[]), false), Ok(()));
    }
}
