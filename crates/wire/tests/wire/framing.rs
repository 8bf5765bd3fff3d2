//! Requests that no honest client sends, byte by byte.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::Limits;

use crate::listener::{Local, Mirror};

/// Everything that comes back on one connection for these bytes.
async fn exchange(limits: Limits, bytes: &[u8]) -> String {
    let server = Local::start(limits, Arc::new(Mirror));
    let mut stream = server.connect().await;
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    // A connection that is kept alive ends by the idle limit that the tests set, a broken one by itself.
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("the connection ends").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

fn short() -> Limits {
    Limits { idle_timeout: Duration::from_millis(300), ..Limits::default() }
}

#[tokio::test]
async fn a_request_with_two_lengths_is_refused_and_what_hides_in_it_is_not_answered() {
    for head in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "content-length:4\r\nX: y\r\ntransfer-encoding:   chunked\r\n",
    ] {
        let bytes = format!(
            "POST /seen HTTP/1.1\r\nHost: x\r\n{head}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = exchange(short(), bytes.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(!answer.contains("smuggled"), "{answer}");
    }
}

#[tokio::test]
async fn the_second_request_of_a_connection_is_judged_as_well() {
    let answer = exchange(
        short(),
        b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
          POST /second HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    )
    .await;
    assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains(r#""bytes":3"#), "{answer}");
    assert!(answer.contains("HTTP/1.1 400 Bad Request") && !answer.contains("/second"), "{answer}");
}

#[tokio::test]
async fn other_encodings_upgrades_and_tunnels_are_refused() {
    for (line, head) in [
        ("POST /seen", "Transfer-Encoding: gzip, chunked\r\n"),
        ("POST /seen", "Transfer-Encoding: chunked, identity\r\n"),
        ("POST /seen", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        ("GET /seen", "Connection: upgrade\r\nUpgrade: h2c\r\n"),
        ("CONNECT example.com:80", ""),
        ("POST /seen", "Content-Length: 3\r\nContent-Length: 4\r\n"),
        ("POST /seen", "Content-Length: +3\r\n"),
        ("GET /seen", "Bad Header: x\r\n"),
    ] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: x\r\n{head}\r\n0\r\n\r\n");
        let answer = exchange(short(), bytes.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_header_that_is_too_long_or_has_too_many_lines_is_refused() {
    let limits = Limits { max_headers: 10, max_header_bytes: 4096, ..short() };
    let many = "X: y\r\n".repeat(11);
    let long = format!("X: {}\r\n", "y".repeat(5000));
    for head in [many, long] {
        let bytes = format!("GET /seen HTTP/1.1\r\nHost: x\r\n{head}\r\n");
        let answer = exchange(limits.clone(), bytes.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let fits = format!("GET /seen HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(3000));
    assert!(exchange(limits, fits.as_bytes()).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn a_header_that_trickles_in_is_cut_at_its_limit_and_not_at_the_idle_one() {
    let limits = Limits { header_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = Local::start(limits, Arc::new(Mirror));
    let mut stream = server.connect().await;
    let began = Instant::now();
    stream.write_all(b"GET /seen HTTP/1.1\r\n").await.unwrap();
    let mut cut = false;
    let mut byte = [0];
    while began.elapsed() < Duration::from_secs(5) {
        tokio::select! {
            read = stream.read(&mut byte) => { assert!(matches!(read, Ok(0) | Err(_))); cut = true; break }
            () = tokio::time::sleep(Duration::from_millis(50)) => { let _ = stream.write_all(b"X").await; }
        }
    }
    assert!(cut, "still open");
    assert!(began.elapsed() >= Duration::from_millis(290), "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_peer_that_owes_a_body_or_takes_no_answer_is_cut() {
    let limits = Limits { stall_timeout: Duration::from_millis(300), min_rate: 5, ..Limits::default() };
    let server = Local::start(limits, Arc::new(Mirror));
    let mut owing = server.connect().await;
    owing.write_all(b"PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    let mut answer = Vec::new();
    let cut = tokio::time::timeout(Duration::from_secs(5), owing.read_to_end(&mut answer)).await;
    cut.expect("cut").ok();
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));

    let mut deaf = server.connect().await;
    deaf.write_all(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), deaf.read_to_end(&mut answer)).await;
    read.expect("cut").ok();
    assert!(answer.len() < 1 << 20, "{} bytes were still sent", answer.len());

    // Who only takes its time is served.
    let mut slow = server.connect().await;
    slow.write_all(b"PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    for byte in [b"s", b"l", b"o", b"w", b"!"] {
        tokio::time::sleep(Duration::from_millis(100)).await;
        slow.write_all(byte).await.unwrap();
    }
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(r#""bytes":5"#), "{answer}");
}

#[tokio::test]
async fn idleness_between_requests_is_allowed_longer_than_a_header() {
    let limits = Limits { header_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = Local::start(limits, Arc::new(Mirror));
    let mut stream = server.connect().await;
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        stream.write_all(b"HEAD /seen HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 1024];
        let _ = stream.read(&mut rest).await.unwrap();
    }
}
