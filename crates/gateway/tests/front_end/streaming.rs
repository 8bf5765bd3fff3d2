//! Long bodies in both directions: who is slow slows the other side down, nothing is kept, nothing is changed on the way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gateway::Tuning;
use wire::http::{HeaderMap, HeaderValue, Method};
use wire::{Drain, Limits};

use crate::estate::{Estate, Front};
use crate::raw_worker::{Manner, RawWorker};

/// What sockets, TLS and two processes may hold between a sender and a receiver that does nothing.
const IN_BUFFERS: usize = 24 << 20;
const LONG: usize = 200 << 20;

fn start() -> (RawWorker, Front) {
    let estate = Estate::new();
    let worker = RawWorker::start("raw");
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    (worker, front)
}

/// A connection to it without TLS.
fn connect(front: &Front) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(wire::serve_plain(
        listener,
        Limits::default(),
        Arc::clone(&front.front_end),
        Drain::never(),
    ));
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    stream
}

/// The header of the next answer.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_stops_the_worker_and_costs_no_memory() {
    let (worker, front) = start();
    worker.behave(Manner::Flood(LONG));
    let mut client = connect(&front);
    let written = worker.written();
    tokio::task::spawn_blocking(move || {
        client.write_all(b"GET /puppet/v3/file_content/modules/a/b HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(head(&mut client).starts_with("HTTP/1.1 200"));
        settle(|| written.load(Ordering::Relaxed));
        assert!(written.load(Ordering::Relaxed) < IN_BUFFERS, "{written:?} bytes were taken from the worker");
        let mut left = LONG;
        let mut buffer = vec![0; 1 << 20];
        while left > 0 {
            let read = client.read(&mut buffer).unwrap();
            assert!(read > 0, "{left} bytes are missing");
            left -= read;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_does_not_read_stops_the_client() {
    let (worker, front) = start();
    worker.behave(Manner::Deaf);
    let mut client = connect(&front);
    let sent = tokio::task::spawn_blocking(move || {
        let head = format!("PUT /puppet/v3/report/n HTTP/1.1\r\nHost: x\r\nContent-Length: {LONG}\r\n\r\n");
        client.write_all(head.as_bytes()).unwrap();
        let (chunk, mut sent) = (vec![b'r'; 1 << 16], 0);
        while let Ok(written) = client.write(&chunk) {
            sent += written;
            assert!(sent < IN_BUFFERS, "{sent} bytes were taken from the client");
        }
        sent
    });
    assert!(sent.await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_before_it_sends_is_told_to_go_on() {
    let (worker, front) = start();
    let mut client = connect(&front);
    tokio::task::spawn_blocking(move || {
        for target in ["report/n", "catalog/n"] {
            let method = if target.starts_with("report") { "PUT" } else { "POST" };
            let begin = format!(
                "{method} /puppet/v3/{target} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
            );
            client.write_all(begin.as_bytes()).unwrap();
            assert_eq!(head(&mut client), "HTTP/1.1 100 Continue\r\n\r\n");
            client.write_all(b"hello").unwrap();
            assert!(head(&mut client).starts_with("HTTP/1.1 200"));
            client.read_exact(&mut [0; 4]).unwrap();
        }
    })
    .await
    .unwrap();
    let arrived = worker.arrived();
    assert_eq!(arrived.iter().map(|one| one.body.as_slice()).collect::<Vec<_>>(), [b"hello"; 2]);
    assert!(arrived.iter().all(|one| one.headers.iter().all(|h| !h.to_lowercase().starts_with("expect"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_refuses_before_it_has_the_body_is_heard() {
    let (worker, front) = start();
    worker.behave(Manner::Early(413));
    for expects in ["", "Expect: 100-continue\r\n"] {
        let mut client = connect(&front);
        tokio::task::spawn_blocking(move || {
            let begin = format!(
                "PUT /puppet/v3/report/n HTTP/1.1\r\nHost: x\r\n{expects}Content-Length: {LONG}\r\n\r\n"
            );
            client.write_all(begin.as_bytes()).unwrap();
            let mut answer = head(&mut client);
            if answer.starts_with("HTTP/1.1 100") {
                answer = head(&mut client);
            }
            assert!(answer.starts_with("HTTP/1.1 413"), "{expects:?}: {answer}");
        })
        .await
        .unwrap();
    }
    // A target that is refused needs no body: who asks first is not told to send one.
    let mut client = connect(&front);
    let refused = tokio::task::spawn_blocking(move || {
        let begin =
            "PUT /puppet/../x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
        client.write_all(begin.as_bytes()).unwrap();
        head(&mut client)
    });
    assert!(refused.await.unwrap().starts_with("HTTP/1.1 400"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_compressed_passes_unchanged() {
    let (worker, front) = start();
    worker.behave(Manner::Gzip);
    let client = front.client(None);
    let headers = HeaderMap::from_iter([(
        wire::http::header::ACCEPT_ENCODING,
        HeaderValue::from_static("gzip;q=1.0,deflate;q=0.6,identity;q=0.3"),
    )]);
    let answer = client.request(Method::POST, "/puppet/v3/catalog/n", headers, "f").await.unwrap();
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(answer.body.as_ref(), b"\x1f\x8b not really");
    let arrived = worker.arrived().remove(0);
    assert!(arrived.headers.contains(&"accept-encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3".to_owned()));
}

/// Waits until a number has not changed for half a second.
fn settle(number: impl Fn() -> usize) {
    let (mut last, mut since) = (number(), Instant::now());
    while since.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(20));
        if number() != last {
            (last, since) = (number(), Instant::now());
        }
    }
}
