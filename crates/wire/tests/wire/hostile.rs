//! Clients that want to hold the server rather than use it, over TLS as they would come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wire::http::StatusCode;
use wire::tls::ClientCertificates;
use wire::{Handler, Limits, Peer, Request, Response, body, reply};

use crate::estate::Ca;
use crate::listener::{Local, Mirror, Server};

/// As the CA's endpoints do it: so much of a body and no more.
struct Bounded;

const MOST: usize = 64 * 1024;

impl Handler for Bounded {
    async fn handle(self: &Arc<Self>, request: Request, _: Arc<Peer>) -> Response {
        match body::collect(request.into_body(), MOST).await {
            Ok(bytes) => reply::text(StatusCode::OK, bytes.len().to_string()),
            Err(fault) => reply::text(StatusCode::PAYLOAD_TOO_LARGE, fault.to_string()),
        }
    }
}

fn limits() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(300),
        handshake_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(500),
        ..Limits::default()
    }
}

/// A listener, and what a client needs to shake hands with it.
struct Estate {
    server: Server,
    connector: TlsConnector,
}

fn start(limits: Limits) -> Estate {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::start(
        &ca.server("front"),
        ca.trust(),
        ClientCertificates::Optional,
        limits,
        Arc::new(Mirror),
    );
    let mut roots = RootCertStore::empty();
    roots.add(ca.authority.certificate.der().to_vec().into()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Estate { server, connector: Arc::new(config).into() }
}

impl Estate {
    /// A TLS connection that the test writes to byte by byte.
    async fn connect(&self) -> TlsStream<TcpStream> {
        shake_hands(self.connector.clone(), self.server.address.clone()).await
    }
}

async fn shake_hands(connector: TlsConnector, address: String) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    connector.connect("front".try_into().unwrap(), stream).await.unwrap()
}

/// How long the other side keeps a connection on which nothing more is sent.
async fn until_cut(stream: &mut (impl AsyncRead + Unpin)) -> (Duration, Vec<u8>) {
    let began = Instant::now();
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await;
    read.expect("still open after ten seconds").ok();
    (began.elapsed(), said)
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_cut() {
    let estate = start(limits());
    // Nothing at all; the beginning of a record that never comes; noise.
    for opening in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(&estate.server.address).await.unwrap();
        stream.write_all(opening).await.unwrap();
        let (held, _) = until_cut(&mut stream).await;
        assert!(held < Duration::from_secs(3), "{opening:?}: {held:?}");
    }
    // One byte at a time does not prolong it.
    let mut stream = TcpStream::connect(&estate.server.address).await.unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if stream.write_all(b"\x16").await.is_err() || matches!(stream.try_read(&mut [0; 64]), Ok(0)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    estate.server.stop().await;
}

#[tokio::test]
async fn headers_and_bodies_that_do_not_come_are_cut_over_tls_too() {
    let estate = start(limits());
    for begun in [
        "GET /seen HTTP/1.1\r\nHost: x\r\nX-A: b",
        "PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf",
        "PUT /seen HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
    ] {
        let mut stream = estate.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let (held, said) = until_cut(&mut stream).await;
        assert!(held < Duration::from_secs(3), "{begun:?}: {held:?}");
        assert!(!said.starts_with(b"HTTP/1.1 200"), "{begun:?}");
    }
    estate.server.stop().await;
}

#[tokio::test]
async fn a_body_that_trickles_in_is_cut_however_regular_it_is() {
    // A byte every 50 ms keeps every single wait short, and comes to 20 bytes a second.
    let server = Local::start(Limits { min_rate: 100, ..limits() }, Arc::new(Mirror));
    let mut stream = server.connect().await;
    stream.write_all(b"PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n").await.unwrap();
    let began = Instant::now();
    let mut byte = [0];
    loop {
        assert!(began.elapsed() < Duration::from_secs(8), "still open");
        tokio::select! {
            read = stream.read(&mut byte) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            },
            () = tokio::time::sleep(Duration::from_millis(50)) => { let _ = stream.write_all(b"x").await; }
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
}

#[tokio::test]
async fn headers_without_end_are_refused_soon() {
    let estate = start(limits());
    let ten_thousand = "X: y\r\n".repeat(10_000);
    let one_giant = format!("X: {}\r\n", "y".repeat(10 << 20));
    let target = format!("GET /{} HTTP/1.1\r\n", "a".repeat(1 << 20));
    for bytes in [
        format!("GET /seen HTTP/1.1\r\nHost: x\r\n{ten_thousand}\r\n"),
        format!("GET /seen HTTP/1.1\r\nHost: x\r\n{one_giant}\r\n"),
        format!("{target}Host: x\r\n\r\n"),
    ] {
        let (mut read, mut write) = tokio::io::split(estate.connect().await);
        let sending = tokio::spawn(async move {
            // It need not take all of it.
            let _ = write.write_all(bytes.as_bytes()).await;
            write
        });
        let mut said = Vec::new();
        let reading = tokio::time::timeout(Duration::from_secs(10), read.read_to_end(&mut said)).await;
        reading.expect("cut").ok();
        let said = String::from_utf8_lossy(&said).into_owned();
        // Its answer may be lost, when the client still sends; a good one it never is.
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
        drop(sending.await);
    }
    // All others are served as ever.
    let mut stream = estate.connect().await;
    stream.write_all(b"GET /seen HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(until_cut(&mut stream).await.1.starts_with(b"HTTP/1.1 200 OK"));
    estate.server.stop().await;
}

#[tokio::test]
async fn a_giant_body_is_refused_with_and_without_its_length() {
    let server = Local::start(limits(), Arc::new(Bounded));
    let chunk = format!("{:x}\r\n{}\r\n", 32 * 1024, "x".repeat(32 * 1024));
    for (head, part, parts) in [
        ("Content-Length: 1099511627776", "x".repeat(32 * 1024), 64),
        ("Transfer-Encoding: chunked", chunk, 64),
        ("Transfer-Encoding: chunked", format!("{:x}\r\n", u64::MAX), 1),
        ("Content-Length: 18446744073709551616", String::new(), 1),
    ] {
        let (mut read, mut write) = tokio::io::split(server.connect().await);
        let request = format!("PUT /x HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        let sending = tokio::spawn(async move {
            let mut sent = 0;
            write.write_all(request.as_bytes()).await.unwrap();
            for _ in 0..parts {
                if write.write_all(part.as_bytes()).await.is_err() {
                    break;
                }
                sent += part.len();
            }
            (sent, write)
        });
        let mut said = Vec::new();
        let reading = tokio::time::timeout(Duration::from_secs(10), read.read_to_end(&mut said)).await;
        reading.expect("cut").ok();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(said.starts_with("HTTP/1.1 4") || said.is_empty(), "{head}: {said}");
        let (sent, _) = sending.await.unwrap();
        // What was taken is the limit, and what buffers hold.
        assert!(sent <= 1 << 20, "{head}: {sent} bytes were taken");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_not_read_without_end() {
    let server = Local::start(limits(), Arc::new(Mirror));
    let mut stream = server.connect().await;
    let many: String = (0..50).map(|number| format!("GET /n{number} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    stream.write_all(many.as_bytes()).await.unwrap();
    let (_, said) = until_cut(&mut stream).await;
    let said = String::from_utf8_lossy(&said).into_owned();
    let order: Vec<&str> =
        said.split(r#""path":"/n"#).skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(order, (0..50).map(|number| number.to_string()).collect::<Vec<_>>());

    // Behind a request that is not answered, no more than a buffer is taken.
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let more = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1 << 20);
    let sending = tokio::time::timeout(Duration::from_secs(1), stream.write_all(&more)).await;
    assert!(sending.is_err(), "32 MB were taken in for later");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_there_is_room() {
    let estate = start(Limits { max_connections: 3, ..Limits::default() });
    let mut held = Vec::new();
    for _ in 0..3 {
        // Busy, so that none of them can be asked to leave.
        let mut stream = estate.connect().await;
        stream.write_all(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting = tokio::spawn(shake_hands(estate.connector.clone(), estate.server.address.clone()));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(!waiting.is_finished(), "a fourth connection was served");
    held.pop();
    let mut fourth = tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("room").unwrap();
    fourth.write_all(b"GET /seen HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(until_cut(&mut fourth).await.1.starts_with(b"HTTP/1.1 200 OK"));
    drop(held);
    estate.server.stop().await;
}

#[tokio::test]
async fn connections_that_do_nothing_make_room_for_those_that_have_something_to_say() {
    let limits = Limits { max_connections: 3, ..Limits::default() };
    let hits = limits.hits.clone();
    let estate = start(limits);
    // In a handshake that does not go on, between two requests, in a header, in a body.
    let mut silent = vec![TcpStream::connect(&estate.server.address).await.unwrap()];
    let mut held = Vec::new();
    for begun in
        ["", "GET /seen HTTP/1.1\r\nHos", "PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"]
    {
        let connected = tokio::time::timeout(Duration::from_secs(5), estate.connect()).await;
        let mut stream = connected.expect("no room was made");
        stream.write_all(begun.as_bytes()).await.unwrap();
        held.push(stream);
        // So that it is clear who came first.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(until_cut(&mut silent.remove(0)).await.1, b"");
    for _ in 0..3 {
        let served = async {
            let mut stream = estate.connect().await;
            stream.write_all(b"GET /seen HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
            until_cut(&mut stream).await.1
        };
        let said = tokio::time::timeout(Duration::from_secs(10), served).await.expect("no room was made");
        assert!(said.starts_with(b"HTTP/1.1 200 OK"));
    }
    assert!(hits.of(wire::Hit::MadeRoom) >= 2 && hits.of(wire::Hit::Connections) >= 2);
    estate.server.stop().await;
}

#[tokio::test]
async fn handshakes_that_do_not_go_on_keep_nobody_out() {
    let limits = Limits { max_handshakes: 2, ..Limits::default() };
    let estate = start(limits);
    let mut silent = Vec::new();
    for opening in [&b""[..], b"\x16\x03\x01\x02\x00\x01"].repeat(20) {
        let mut stream = TcpStream::connect(&estate.server.address).await.unwrap();
        stream.write_all(opening).await.unwrap();
        silent.push(stream);
    }
    let connected = tokio::time::timeout(Duration::from_secs(5), estate.connect()).await;
    connected.expect("silent handshakes took all turns");
    drop(silent);
    estate.server.stop().await;
}

#[tokio::test]
async fn who_hides_where_a_body_ends_does_not_hold_the_connection_for_ever() {
    let server = Local::start(limits(), Arc::new(Mirror));
    let zeros = "0".repeat(100);
    let blanks = " ".repeat(100);
    for begun in [
        // The parser reads 5; whoever looks at the beginning of the line only, the end of the body.
        format!("PUT /seen HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{zeros}5\r\n\r\n\r\n"),
        format!("PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length:{blanks}1000\r\n\r\nhalf"),
        format!("PUT /seen HTTP/1.1\r\nHost: x\r\nContent-Length: {zeros}1000\r\n\r\nhalf"),
    ] {
        let mut stream = server.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let (held, said) = until_cut(&mut stream).await;
        assert!(held < Duration::from_secs(3), "{begun:?}: {held:?}");
        assert!(!said.starts_with(b"HTTP/1.1 200"), "{begun:?}");
    }
}
