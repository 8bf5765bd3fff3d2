//! HTTP as real clients use it.

use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use wire::Limits;
use wire::client::{Client, Timeouts};
use wire::http::{HeaderMap, Method};
use wire::tls::ClientCertificates;

use crate::estate::Ca;
use crate::listener::{Local, Mirror, Server};
use crate::tls::client;

/// What curl prints, header included, for a path.
async fn curl(server: &Server, dir: &std::path::Path, path: &str, more: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--include", "--max-time", "10", "--cacert"])
        .arg(dir.join("ca.pem"))
        .args(more)
        .arg(format!("https://{}{path}", server.address))
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_served() {
    let ca = Ca::new("Puppet CA: test");
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    let upload = dir.path().join("upload");
    std::fs::write(&upload, vec![b'u'; 3_000_000]).unwrap();
    let upload = upload.to_str().unwrap();
    let (certificate, key) = ca.node("agent1.example.com").write(dir.path(), "agent");
    let server = Server::tls(&ca.server("front"), ca.trust());

    let with_certificate = curl(
        &server,
        dir.path(),
        "/seen",
        &["--cert", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()],
    )
    .await;
    assert!(with_certificate.contains(r#""certname":"agent1.example.com""#), "{with_certificate}");

    let head = curl(&server, dir.path(), "/seen", &["--head"]).await;
    assert!(head.starts_with("HTTP/1.1 200 OK") && !head.contains("certname"), "{head}");

    let sized = curl(&server, dir.path(), "/seen", &["--upload-file", upload]).await;
    assert!(sized.contains(r#""bytes":3000000"#) && sized.contains(r#""method":"PUT""#), "{sized}");

    let expecting = ["--header", "Expect: 100-continue", "--upload-file", upload];
    let expected = curl(&server, dir.path(), "/seen", &expecting).await;
    assert!(expected.starts_with("HTTP/1.1 100 Continue\r\n"), "{expected}");
    assert!(expected.contains(r#""bytes":3000000"#), "{expected}");
    let denied = curl(&server, dir.path(), "/deny", &expecting).await;
    assert!(denied.starts_with("HTTP/1.1 403 Forbidden\r\n"), "nobody asked for the body: {denied}");

    let chunked = ["--header", "Transfer-Encoding: chunked", "--upload-file", upload];
    let chunked = curl(&server, dir.path(), "/seen", &chunked).await;
    assert!(chunked.contains(r#""bytes":3000000"#), "{chunked}");

    let gzip = curl(&server, dir.path(), "/gzip", &["--header", "Accept-Encoding: gzip"]).await;
    assert!(gzip.contains("content-encoding: gzip") && gzip.ends_with("not touched"), "{gzip}");

    // Two requests, one connection.
    let second = format!("https://{}/seen", server.address);
    let twice =
        ["--write-out", "[%{num_connects}]", "--output", "/dev/null", &second, "--output", "/dev/null"];
    let twice = curl(&server, dir.path(), "/seen", &twice).await;
    assert_eq!(twice, "[1][0]");
}

#[tokio::test]
async fn bodies_stream_and_connections_are_kept() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let client = client(&server, ca.client(None));
    for _ in 0..3 {
        let answer = client.get("/stream", "*/*").await.unwrap();
        assert_eq!(answer.body.len(), 1 << 20);
        assert_eq!(answer.headers["transfer-encoding"], "chunked");
    }
    let put = client.request(Method::PUT, "/x?y=z", HeaderMap::new(), "body").await.unwrap();
    assert!(put.text().contains(r#""bytes":4"#), "{}", put.text());
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_dropped() {
    let ca = Ca::new("Puppet CA: test");
    let limits = Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() };
    let optional = ClientCertificates::Optional;
    let server = Server::start(&ca.server("front"), ca.trust(), optional, limits, Arc::new(Mirror));
    let mut silent = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent, &mut byte);
    let read = tokio::time::timeout(Duration::from_secs(5), read).await.expect("it is closed");
    assert!(matches!(read, Ok(0) | Err(_)));
}

#[tokio::test]
async fn the_local_socket_is_the_operator_s() {
    let server = Local::start(Limits::default(), Arc::new(Mirror));
    let client = Client::local(&server.path, Timeouts::default());
    for _ in 0..2 {
        let answer = client.get("/seen", "*/*").await.unwrap();
        assert!(answer.text().contains(r#""local":true"#), "{}", answer.text());
    }
    assert_eq!(client.server(), server.path.display().to_string());
}
