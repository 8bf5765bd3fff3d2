//! Agents' backups.

use crate::estate::{Estate, peer};

const SUM: &str = "a8047b5686dc46b5e63eadfbfce27825b00d707ca68276834eef069aa28eb994";
const BINARY: [(&str, &str); 2] =
    [("accept", "application/octet-stream"), ("content-type", "application/octet-stream")];

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_keeps_it_gets_back() {
    let estate = Estate::new();
    let agent = || peer(Some(&estate.agent1));
    let kept = format!("/puppet/v3/file_bucket_file/sha256/{SUM}/etc/motd?environment=production");
    let bare = format!("/puppet/v3/file_bucket_file/sha256/{SUM}?environment=production");
    let elsewhere = format!("/puppet/v3/file_bucket_file/sha256/{SUM}/etc/issue?environment=production");
    assert_eq!(estate.ask(agent(), "HEAD", &bare, &BINARY, "").await.status, 404);
    assert_eq!(estate.ask(agent(), "PUT", &kept, &BINARY, "bucket me").await.status, 200);
    for (target, status) in [(&kept, 200), (&bare, 200), (&elsewhere, 404)] {
        assert_eq!(estate.ask(agent(), "HEAD", target, &BINARY, "").await.status, status);
        let got = estate.ask(agent(), "GET", target, &BINARY, "").await;
        assert_eq!(got.status, status);
        assert_eq!(got.text() == "bucket me", status == 200, "{}", got.text());
    }
    assert_eq!(estate.ask(peer(None), "GET", &bare, &BINARY, "").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_is_not_its_digest_is_not_kept() {
    let estate = Estate::new();
    let agent = || peer(Some(&estate.agent1));
    let target = format!("/puppet/v3/file_bucket_file/sha256/{SUM}/etc/motd?environment=production");
    let refused = estate.ask(agent(), "PUT", &target, &BINARY, "something else").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(estate.ask(agent(), "GET", &target, &BINARY, "").await.status, 404);
    for bad in ["sha256/..", "sha256/abc", "md5/d41d8cd98f00b204e9800998ecf8427e", "sha256"] {
        let target = format!("/puppet/v3/file_bucket_file/{bad}?environment=production");
        let status = estate.ask(agent(), "PUT", &target, &BINARY, "x").await.status;
        assert!(matches!(status, 404 | 500), "{bad}: {status}");
    }
    let line = format!("/puppet/v3/file_bucket_file/sha256/{SUM}/a%0Ab?environment=production");
    assert_eq!(estate.ask(agent(), "PUT", &line, &BINARY, "bucket me").await.status, 500);
}
