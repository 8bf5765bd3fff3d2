//! The access log of a listener.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::access_log::{AccessLog, Format, Logged, Trail};
use wire::http::{HeaderMap, HeaderValue, Method};
use wire::tls::ClientCertificates;
use wire::{Limits, Response};

use crate::estate::Ca;
use crate::listener::{Local, Mirror, Server};
use crate::tls::client;

struct Log {
    log: Arc<AccessLog>,
    _dir: tempfile::TempDir,
}

impl Log {
    fn new() -> Log {
        let dir = tempfile::tempdir().unwrap();
        Log { log: AccessLog::open(dir.path().join("access.log")).unwrap(), _dir: dir }
    }

    /// The lines, once there are `count` of them. They come at once; a second of patience is for a busy machine.
    async fn lines(&self, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for _ in 0..100 {
            lines = std::fs::read_to_string(self.log.path()).unwrap().lines().map(str::to_owned).collect();
            if lines.len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(lines.len(), count, "{lines:#?}");
        lines
    }
}

#[tokio::test]
async fn requests_are_logged_with_all_that_is_known() {
    let ca = Ca::new("Puppet CA: test");
    let log = Log::new();
    let front_ends = vec!["front.example.com".to_owned()];
    let handler = Logged::new(Arc::new(Mirror), log.log.clone(), "ca-1", front_ends);
    let optional = ClientCertificates::Optional;
    let server = Server::start(&ca.server("ca-1"), ca.trust(), optional, Limits::default(), handler);

    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("Puppet/7.23.0"));
    let agent = client(&server, ca.client(Some(&ca.node("agent1.example.com"))));
    agent.request(Method::GET, "/deny?a=b", headers.clone(), "").await.unwrap();
    let front = client(&server, ca.client(Some(&ca.node("front.example.com"))));
    headers.insert("x-client-verify", HeaderValue::from_static("SUCCESS"));
    headers.insert("x-client-dn", HeaderValue::from_static("CN=agent2.example.com"));
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.9"));
    front.request(Method::GET, "/stream", headers.clone(), "").await.unwrap();
    // Not a front end: what it says of itself is not believed.
    agent.request(Method::HEAD, "/gzip", headers, "").await.unwrap();

    let lines = log.lines(3).await;
    assert!(lines[0].starts_with("127.0.0.1 - agent1.example.com ["), "{}", lines[0]);
    let middle = r#" +0000] "GET /deny?a=b HTTP/1.1" 403 8 "-" "Puppet/7.23.0" "#;
    assert!(lines[0].contains(middle) && lines[0].ends_with(" ca-1"), "{}", lines[0]);
    assert!(lines[1].starts_with("192.0.2.9 - agent2.example.com ["), "{}", lines[1]);
    assert!(lines[1].contains("\"GET /stream HTTP/1.1\" 200 1048576 "), "{}", lines[1]);
    assert!(lines[2].starts_with("127.0.0.1 - agent1.example.com ["), "{}", lines[2]);
    assert!(lines[2].contains("\"HEAD /gzip HTTP/1.1\" 200 - "), "{}", lines[2]);
    assert_eq!(log.log.dropped(), 0);
}

#[tokio::test]
async fn who_is_revoked_on_an_open_connection_is_told_from_others_that_are_refused() {
    let (ca, dir) = (Ca::new("Puppet CA: test"), tempfile::tempdir().unwrap());
    let log = Log { log: AccessLog::open_as(dir.path().join("a.log"), Format::Json).unwrap(), _dir: dir };
    let (handler, trust) = (Logged::new(Arc::new(Mirror), log.log.clone(), "w", Vec::new()), ca.trust());
    let optional = ClientCertificates::Optional;
    let server = Server::start(&ca.server("w"), trust.clone(), optional, Limits::default(), handler);
    let node = ca.node("a.example.com");
    let open = client(&server, ca.client(Some(&node)));
    open.get("/seen", "*/*").await.unwrap();
    trust.load(ca.revoke(&[&node.certificate]).as_bytes()).unwrap();
    assert_eq!(open.get("/seen", "*/*").await.unwrap().status, 403);
    let line: serde_json::Value = serde_json::from_str(&log.lines(2).await[1]).unwrap();
    assert_eq!((&line["end"], &line["certname"]), (&"revoked".into(), &"a.example.com".into()));
}

#[tokio::test]
async fn the_line_is_there_when_the_answer_is() {
    let ca = Ca::new("Puppet CA: test");
    let log = Log::new();
    let handler = Logged::new(Arc::new(Mirror), log.log.clone(), "w", Vec::new());
    let optional = ClientCertificates::Optional;
    let server = Server::start(&ca.server("w"), ca.trust(), optional, Limits::default(), handler);
    let client = client(&server, ca.client(None));
    for number in 1..=20 {
        client.get("/seen", "*/*").await.unwrap();
        // Nothing else happens that could push it out.
        log.lines(number).await;
    }
}

#[tokio::test]
async fn what_the_listener_refuses_is_logged_and_so_are_clients_that_leave() {
    let log = Log::new();
    let server =
        Local::start(Limits::default(), Logged::new(Arc::new(Mirror), log.log.clone(), "ca-1", Vec::new()));
    let mut stream = server.connect().await;
    stream.write_all(b"GET /seen HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n").await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(log.lines(1).await[0].contains("\"GET /seen HTTP/1.1\" 400 "), "{:?}", log.lines(1).await);
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    assert!(log.lines(2).await[1].contains("\"GET /hang HTTP/1.1\" 499 - "), "{:?}", log.lines(2).await);
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_comes() {
    let log = Log::new();
    let server =
        Local::start(Limits::default(), Logged::new(Arc::new(Mirror), log.log.clone(), "ca-1", Vec::new()));
    let mut stream = server.connect().await;
    let head = b"PUT /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9999999999\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("body longer than"), "{answer}");
}

#[tokio::test]
async fn who_handles_a_request_notes_what_it_goes_through() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log { log: AccessLog::open_as(dir.path().join("a.log"), Format::Json).unwrap(), _dir: dir };
    let noting = wire::HandlerFn(|request: wire::Request, _| async {
        let trail = Trail::of(&request);
        trail.route("read");
        trail.sent_to(&"catalog-1".into());
        trail.sent_to(&"catalog-2".into());
        if request.uri().path() == "/hang" {
            return std::future::pending().await;
        }
        let body = wire::body::collect(request.into_body(), 1000).await.unwrap();
        let (sender, answer) = wire::body::channel(2);
        sender.send(body).await;
        sender.abort("the worker is gone").await;
        Response::new(answer)
    });
    let handler = Logged::new(Arc::new(noting), log.log.clone(), "front-end", Vec::new());
    let server = Local::start(Limits::default(), handler);
    let client = wire::client::Client::local(&server.path, wire::client::Timeouts::default());
    let mut headers = HeaderMap::new();
    // Nobody that may say so.
    headers.insert("x-client-verify", HeaderValue::from_static("SUCCESS"));
    assert!(client.request(Method::PUT, "/x", headers, "0123456789").await.is_err());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(stream);
    let lines = log.lines(2).await;
    let lines: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let part = |at: usize, names: &[&str]| -> Vec<serde_json::Value> {
        names.iter().map(|name| lines[at][*name].clone()).collect()
    };
    let names = ["worker", "attempts", "route", "end", "status", "bytes_in", "bytes_out", "verdict", "tls"];
    let (broken, left) = (part(0, &names), part(1, &names));
    assert_eq!(
        serde_json::json!(broken),
        serde_json::json!(["catalog-2", 2, "read", "worker-reset", 200, 10, 10, "none", null])
    );
    assert_eq!(
        serde_json::json!(left),
        serde_json::json!(["catalog-2", 2, "read", "client-closed", 499, 0, 0, "none", null])
    );
    assert!(lines[0]["first_byte_ms"].is_f64() && lines[1]["first_byte_ms"].is_null(), "{lines:?}");
}
