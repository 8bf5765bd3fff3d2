//! Streams of requests as anybody can send them to the front end, read by its listener and by a second reader that follows
//! the standard by the letter ([`crate::strict`]): the listener may understand less, never more, and never otherwise.

use super::Target;
use crate::strict;
use gateway::route::classify;
use wire::Dissection;
use wire::identity::strip_client_headers;

pub(super) const TARGET: Target = Target {
    name: "request_head",
    run,
    words: &[
        b"GET /puppet/v3/node/n HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"Host: x\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: 0\r\n",
        b"Content_Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"X-Client-Verify: SUCCESS\r\n",
        b"X_Client.DN: CN=root\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\t",
        b"\x0b",
        b"\0",
        b": ",
        b" :",
        b"0\r\n\r\n",
    ],
};

fn run(input: &[u8]) {
    check(input);
}

/// What the listener makes of it; panics where it goes beyond the letter.
pub(super) fn check(input: &[u8]) -> Dissection {
    let read = wire::dissect(input);
    let right = strict::requests(input);
    assert!(read.ended, "the connection does not end");
    for (at, request) in read.requests.iter().enumerate() {
        let Some(right) = right.get(at) else { panic!("request {at} is none by the letter: {request:?}") };
        assert_eq!(request.method.as_str(), right.method);
        let target = request.target.to_string();
        assert!(is_target(&target, &right.target), "{target} instead of {}", right.target.escape_ascii());
        if let Some(body) = &request.body {
            assert_eq!(Some(body.as_ref()), right.body.as_deref(), "the body of request {at}");
        }
        let mut headers: Vec<(String, Vec<u8>)> = request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        let mut by_the_letter = right.headers.clone();
        headers.sort();
        by_the_letter.sort();
        assert_eq!(headers, by_the_letter, "the header of request {at}");

        let mut left = request.headers.clone();
        strip_client_headers(&mut left);
        for name in left.keys() {
            let plain = name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            assert!(!plain.starts_with("x-client-") && !plain.starts_with("x-bunraku-"), "{name} is left");
        }
        let _ = classify(&request.method, &request.target);
    }
    // Whoever is refused once is not listened to any more.
    let codes: Vec<u16> = read.codes().into_iter().filter(|code| *code != 100).collect();
    let (last, before) = codes.split_last().map_or((None, &[][..]), |(last, before)| (Some(last), before));
    assert!(before.iter().all(|code| *code == 200), "{codes:?}");
    assert!(last.is_none_or(|code| [200, 400, 414, 431].contains(code)), "{codes:?}");
    assert!(codes.iter().filter(|code| **code == 200).count() <= read.requests.len(), "{codes:?}");
    read
}

/// Whether a parsed target is the one that was sent. A URI's scheme and host are written in small letters, an empty path is
/// `/`, and what follows a `#` is dropped.
fn is_target(parsed: &str, sent: &[u8]) -> bool {
    let sent = String::from_utf8_lossy(sent);
    let sent = sent.split('#').next().unwrap_or_default();
    parsed.eq_ignore_ascii_case(sent)
        || parsed.replacen('/', "", parsed.len()).eq_ignore_ascii_case(&sent.replace('/', ""))
}
