//! Where a body ends. The first octet of the input chooses how the body is announced, the rest is the body with whatever
//! comes behind it; a further request follows, which must be found there or nowhere.

use super::Target;
use super::request_head::check;

pub(super) const TARGET: Target = Target {
    name: "body_framing",
    run,
    words: &[
        b"0\r\n\r\n",
        b"0\r\n",
        b"1\r\na\r\n",
        b"5\r\nhello\r\n",
        b"5;name=value\r\nhello\r\n",
        b"0000000000000001\r\na\r\n",
        b"ffffffffffffffff\r\n",
        b"10000000000000000\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b" 1\r\na\r\n",
        b"Trailer: x\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b";",
        b"\0",
    ],
};

/// How the body is announced. The length of one that has a length is in the second octet.
const ANNOUNCED: [&str; 6] = [
    "PUT /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: x\r\ntransfer-encoding:\tCHUNKED \r\nTrailer: X\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: LENGTH\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: LENGTH\r\n\r\n",
    "PUT /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: LENGTH\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: x\r\n\r\n",
];
const AFTER: &[u8] = b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n";

fn run(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let announced = ANNOUNCED[usize::from(*choice) % ANNOUNCED.len()];
    let (announced, body) = match rest.split_first() {
        Some((length, body)) if announced.contains("LENGTH") => {
            (announced.replace("LENGTH", &length.to_string()), body)
        }
        _ => (announced.replace("LENGTH", "0"), rest),
    };
    let stream = [announced.as_bytes(), body, AFTER].concat();
    check(&stream);
}
