//! Gzip, when asked for and worth it.

use std::io::Read;

use crate::estate::{Estate, peer};

const AGENT: (&str, &str) = ("accept-encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3");

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_is_the_same_when_unpacked() {
    let estate = Estate::new();
    let target = "/puppet/v3/file_metadatas/plugins?recurse=true&links=manage&environment=production";
    let agent = || peer(Some(&estate.agent1));
    let plain = estate.ask(agent(), "GET", target, &[("accept", "text/pson")], "").await;
    let packed = estate.ask(agent(), "GET", target, &[("accept", "text/pson"), AGENT], "").await;
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
    for answer in [&plain, &packed] {
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("content-type"), Some("text/pson"));
        assert_eq!(answer.header("content-length"), None, "the length is the body's");
    }
    assert!(packed.body.len() * 3 < plain.body.len());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_short_answers_go_as_they_are() {
    let estate = Estate::new();
    std::fs::write(estate.module().join("files/long.txt"), "long ".repeat(10_000)).unwrap();
    for target in ["file_content/modules/demo/long.txt", "node/agent1.example.com"] {
        let target = format!("/puppet/v3/{target}?environment=production");
        let headers = [("accept", "*/*"), AGENT];
        let answer = estate.ask(peer(Some(&estate.agent1)), "GET", &target, &headers, "").await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, None), "{target}");
    }
}
