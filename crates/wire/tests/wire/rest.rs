//! A connection that nobody uses gives its buffers up, and nobody notices.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::http::StatusCode;
use wire::{Handler, Limits, Peer, Request, Response, body, reply};

use crate::listener::{Local, Mirror};

/// Longer than a connection takes to come to rest.
const PAUSE: Duration = Duration::from_millis(1300);

/// More than the sockets on the way hold.
const LONG: usize = 16 * 1024 * 1024;

struct Longwinded;

impl Handler for Longwinded {
    async fn handle(self: &Arc<Self>, _: Request, _: Arc<Peer>) -> Response {
        reply::text(StatusCode::OK, "").map(|_| body::full(vec![b'x'; LONG]))
    }
}

async fn next_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") && !answer.ends_with(b"\n") {
        let mut piece = [0; 4096];
        let reading = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece));
        match reading.await.expect("an answer").unwrap() {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_connection_goes_on_after_a_rest_and_its_requests_are_still_counted() {
    let server = Local::start(Limits::default(), Arc::new(Mirror));
    let mut stream = server.connect().await;
    for end in ["", "\r\n"] {
        let request = format!("POST /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc{end}");
        for byte in request.as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
        }
        let answer = next_answer(&mut stream).await;
        assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains(r#""bytes":3"#), "{answer}");
        tokio::time::sleep(PAUSE).await;
    }
    let two_lengths =
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    stream.write_all(two_lengths).await.unwrap();
    let answer = next_answer(&mut stream).await;
    assert!(answer.contains("HTTP/1.1 400 Bad Request"), "{answer}");
}

#[tokio::test]
async fn an_answer_that_is_not_read_for_a_while_comes_whole() {
    let server = Local::start(Limits::default(), Arc::new(Longwinded));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::sleep(2 * PAUSE).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert_eq!(answer.len() - head, LONG);
}
