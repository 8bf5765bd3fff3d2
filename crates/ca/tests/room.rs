//! Room for requests that wait: so many for all, so many for one source, and who counts as one.

mod support;

use ca::{CaSettings, Worker};
use pki::Certificate;
use std::path::Path;
use std::sync::Arc;
use support::{Reply, ask, change, csr, local, new_authority, operator, settings};
use wire::Peer;

const FRONT_END: &str = "bunraku-front-end";

async fn start(cadir: &Path) -> Arc<Worker> {
    let settings = CaSettings {
        max_pending: 8,
        max_pending_per_source: 2,
        front_ends: vec![FRONT_END.into()],
        ..settings(cadir)
    };
    Worker::start(settings).await.unwrap()
}

fn from(address: &str, certificate: Option<&Certificate>) -> Arc<Peer> {
    Arc::new(Peer::tls(address.parse().unwrap(), certificate.cloned(), "TLSv1.3"))
}

async fn put(worker: &Arc<Worker>, peer: Arc<Peer>, name: &str, headers: &[(&str, &str)]) -> Reply {
    let path = format!("/puppet-ca/v1/certificate_request/{name}");
    ask(worker, peer, "PUT", &path, headers, csr(name)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_does_not_take_the_room_of_the_others() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    let stranger = || from("203.0.113.5:1000", None);
    for name in ["a.test", "b.test"] {
        assert_eq!(put(&worker, stranger(), name, &[]).await.status, 200);
    }
    let refused = put(&worker, from("203.0.113.5:2000", None), "c.test", &[]).await;
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().starts_with("2 certificate requests from 203.0.113.5 are waiting"),
        "{}",
        refused.text()
    );
    assert!(refused.text().contains("max_pending_per_source"), "{}", refused.text());
    let patience: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((300..600).contains(&patience), "{patience}");
    // Others come in; who is here already is told so, as ever.
    assert_eq!(put(&worker, from("203.0.113.6:1000", None), "c.test", &[]).await.status, 200);
    assert_eq!(put(&worker, stranger(), "a.test", &[]).await.status, 400);
    // A decision makes room.
    change(&worker, "a.test", "signed").await;
    assert_eq!(put(&worker, stranger(), "d.test", &[]).await.status, 200);
    worker.stop().await;

    // It is known who brought what after a restart as well.
    let worker = start(&cadir).await;
    assert_eq!(put(&worker, stranger(), "e.test", &[]).await.status, 503);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_ipv6_is_one_source() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir).await;
    for (number, address) in ["[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::]:1"].into_iter().enumerate() {
        assert_eq!(put(&worker, from(address, None), &format!("n{number}.test"), &[]).await.status, 200);
    }
    let refused = put(&worker, from("[2001:db8:1:2::3]:1", None), "x.test", &[]).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("from 2001:db8:1:2::/64"), "{}", refused.text());
    assert_eq!(put(&worker, from("[2001:db8:1:3::1]:1", None), "x.test", &[]).await.status, 200);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_front_end_the_client_counts_and_only_the_front_end_is_believed() {
    let (_root, cadir) = new_authority();
    let front_end = operator(&cadir, FRONT_END, false);
    let worker = start(&cadir).await;
    let front = || from("192.0.2.1:1", Some(&front_end));
    let of = |client: &'static str| vec![("x-client-verify", "NONE"), ("x-forwarded-for", client)];
    for name in ["a.test", "b.test"] {
        assert_eq!(put(&worker, front(), name, &of("203.0.113.5")).await.status, 200);
    }
    assert_eq!(put(&worker, front(), "c.test", &of("203.0.113.5")).await.status, 503);
    assert_eq!(put(&worker, front(), "c.test", &of("203.0.113.6")).await.status, 200);
    // A stranger at our own port says what it likes.
    let liar = || from("203.0.113.9:1", None);
    assert_eq!(put(&worker, liar(), "d.test", &of("198.51.100.1")).await.status, 200);
    assert_eq!(put(&worker, liar(), "e.test", &of("198.51.100.2")).await.status, 200);
    assert_eq!(put(&worker, liar(), "f.test", &of("198.51.100.3")).await.status, 503);
    // A front end that does not say for whom it speaks is no source: only the room of all ends it.
    let silent = [("x-client-verify", "NONE")];
    for name in ["f.test", "g.test", "h.test"] {
        assert_eq!(put(&worker, front(), name, &silent).await.status, 200);
    }
    let refused = put(&worker, front(), "i.test", &silent).await;
    assert!(
        refused.status == 503 && refused.text().starts_with("8 certificate requests"),
        "{}",
        refused.text()
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_needs_room_and_an_operator_does_not() {
    let (_root, cadir) = new_authority();
    let node = operator(&cadir, "node.test", false);
    let boss = operator(&cadir, "boss.test", true);
    let worker = start(&cadir).await;
    for (number, status) in [200, 200, 503].into_iter().enumerate() {
        let reply = put(&worker, from("203.0.113.5:1", Some(&node)), &format!("n{number}.test"), &[]).await;
        assert_eq!(reply.status, status, "a certificate is no licence to fill the list");
    }
    for number in 0..4 {
        let reply = put(&worker, from("203.0.113.5:1", Some(&boss)), &format!("b{number}.test"), &[]).await;
        assert_eq!(reply.status, 200);
    }
    for number in 0..4 {
        assert_eq!(put(&worker, local(), &format!("l{number}.test"), &[]).await.status, 200);
    }
    worker.stop().await;
}
