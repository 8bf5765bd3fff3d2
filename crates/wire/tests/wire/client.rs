//! Outgoing connections: what is said of failures, and what was provably not sent.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use wire::client::{
    Client, ClientFault, ConnectFault, Connection, Pool, PoolSettings, SendCause, SendFault, Timeouts,
};
use wire::http::{self, HeaderMap, Method};
use wire::{DrainPlan, Request, body};

use crate::estate::Ca;
use crate::listener::Server;
use crate::tls::{SECOND, client};

fn get(path: &str) -> Request {
    http::Request::get(path).body(body::empty()).unwrap()
}

#[tokio::test]
async fn a_closed_port_is_connection_refused() {
    let ca = Ca::new("Puppet CA: test");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let fault = Connection::open(&address, &ca.client(None), "localhost", SECOND).await.unwrap_err();
    assert_eq!((&fault, fault.to_string().as_str()), (&ConnectFault::Refused, "connection refused"));
    let client = Client::new(&format!("https://{address}"), ca.client(None), Timeouts::default()).unwrap();
    let said = client.get("/", "*/*").await.unwrap_err().to_string();
    assert_eq!(said, format!("{address}: connection refused"));
}

#[tokio::test]
async fn a_process_that_hangs_is_a_handshake_timed_out() {
    let ca = Ca::new("Puppet CA: test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let limit = Duration::from_millis(200);
    let fault = Connection::open(&address, &ca.client(None), "localhost", limit).await.unwrap_err();
    assert_eq!(fault, ConnectFault::HandshakeTimedOut);
}

#[tokio::test]
async fn a_peer_that_closes_in_the_handshake_is_named_so() {
    let ca = Ca::new("Puppet CA: test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let fault = Connection::open(&address, &ca.client(None), "localhost", SECOND).await.unwrap_err();
    assert_eq!(fault, ConnectFault::ClosedInHandshake);
}

#[tokio::test]
async fn names_and_sockets_that_do_not_exist_are_named() {
    let ca = Ca::new("Puppet CA: test");
    let fault =
        Connection::open("no.such.host.invalid:1", &ca.client(None), "x", 5 * SECOND).await.unwrap_err();
    assert!(matches!(fault, ConnectFault::Resolve { .. }), "{fault}");
    let fault = Connection::open_local("/nonexistent/socket".as_ref()).await.unwrap_err();
    assert_eq!(fault, ConnectFault::NoSocket);
}

#[tokio::test]
async fn what_was_not_sent_comes_back_whole() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let tls = ca.client(None);
    let mut connection = Connection::open(&server.address, &tls, "localhost", SECOND).await.unwrap();
    let response = connection.send(get("/seen")).await.unwrap();
    body::collect(response.into_body(), 1 << 20).await.unwrap();
    server.stop().await;
    let request = http::Request::put("/x?y=z").header("x-mark", "1").body(body::full("precious")).unwrap();
    match connection.send(request).await.unwrap_err() {
        SendFault::Unsent { request, cause } => {
            assert_eq!(
                (request.uri().to_string().as_str(), &request.headers()["x-mark"]),
                ("/x?y=z", &"1".parse().unwrap())
            );
            assert_eq!(body::collect(request.into_body(), 100).await.unwrap(), "precious");
            assert_eq!(cause, SendCause::Closed);
        }
        sent => panic!("{sent:?}"),
    }
    assert!(connection.is_closed());
}

/// A server that reads one request and then does `then`.
async fn after_reading(then: &'static [u8]) -> Result<wire::Response, SendFault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(then).await.unwrap();
    });
    Connection::open_local(&path).await.unwrap().send(get("/")).await
}

#[tokio::test]
async fn what_may_have_been_executed_does_not_come_back() {
    for (then, cause) in [
        (&b""[..], SendCause::ClosedBeforeAnswer),
        (&b"HTTP/1.1 200 OK\r\nContent-"[..], SendCause::ClosedBeforeAnswer),
    ] {
        match after_reading(then).await.unwrap_err() {
            SendFault::Sent { cause: said } => assert_eq!(said, cause),
            unsent => panic!("{unsent:?}"),
        }
    }
    let fault = after_reading(b"garbage\r\n\r\n").await.unwrap_err();
    assert!(matches!(fault, SendFault::Sent { cause: SendCause::Malformed(_) }), "{fault:?}");
}

#[tokio::test]
async fn a_torn_body_is_a_fault_and_not_a_short_body() {
    let response = after_reading(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    assert!(body::collect(response.into_body(), 100).await.is_err());
}

#[tokio::test]
async fn a_client_replaces_a_connection_that_died_unused() {
    let ca = Ca::new("Puppet CA: test");
    let credentials = ca.server("front");
    let server = Server::tls(&credentials, ca.trust());
    let client = client(&server, ca.client(None));
    client.get("/seen", "*/*").await.unwrap();
    let address = server.address.clone();
    server.stop().await;
    let said = client.get("/seen", "*/*").await.unwrap_err();
    assert!(matches!(said, ClientFault::Connect { fault: ConnectFault::Refused, .. }), "{said}");
    let listener = wire::listen(address.parse().unwrap()).unwrap();
    let tls = wire::tls::ServerTls::new(
        &credentials.identity(),
        ca.trust(),
        wire::tls::ClientCertificates::Optional,
    );
    let (drain, drained) = wire::drain::channel();
    let mirror = std::sync::Arc::new(crate::listener::Mirror);
    let limits = wire::Limits::default();
    let task = tokio::spawn(wire::serve_tls(listener, tls.unwrap(), limits, mirror, drained));
    client.request(Method::PUT, "/seen", HeaderMap::new(), "again").await.unwrap();
    drain.begin(DrainPlan::prompt(SECOND));
    task.await.unwrap();
}

#[tokio::test]
async fn a_client_gives_up_in_time() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let timeouts = Timeouts { connect: SECOND, answer: Duration::from_millis(200) };
    let client = Client::new(&format!("https://{}", server.address), ca.client(None), timeouts).unwrap();
    let said = client.get("/hang", "*/*").await.unwrap_err();
    assert!(matches!(said, ClientFault::TimedOut { .. }), "{said}");
    for base in ["http://x", "https://x/path", "x", ""] {
        assert!(matches!(Client::new(base, ca.client(None), timeouts), Err(ClientFault::Unusable(_))));
    }
}

#[tokio::test]
async fn a_pool_keeps_what_was_read_to_its_end() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let tls = ca.client(None);
    let pool = Pool::new(PoolSettings { max_idle: 1, idle_timeout: Duration::from_millis(300) });
    let open = || async { Connection::open(&server.address, &tls, "localhost", SECOND).await.unwrap() };

    let response = pool.send(open().await, get("/seen")).await.unwrap();
    assert_eq!(pool.idle(), 0, "the body is still to be read");
    body::collect(response.into_body(), 1 << 20).await.unwrap();
    assert_eq!(pool.idle(), 1);

    let kept = pool.take().unwrap();
    assert_eq!((kept.requests(), pool.idle()), (1, 0));
    let response = pool.send(kept, get("/stream")).await.unwrap();
    drop(response);
    assert_eq!(pool.idle(), 0, "a body that was not read takes its connection with it");

    let response = pool.send(open().await, get("/stream")).await.unwrap();
    body::collect(response.into_body(), 1 << 21).await.unwrap();
    assert_eq!(pool.take().map(|kept| kept.requests()), Some(1));

    let response = pool.send(open().await, get("/seen")).await.unwrap();
    body::collect(response.into_body(), 1 << 20).await.unwrap();
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert!(pool.take().is_none(), "too old");
}
