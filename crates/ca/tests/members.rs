//! More members than two, and members that are not the primary any more.

mod support;

use std::collections::BTreeSet;

use ca::CaSettings;
use replica::frame::{Body, Configure};
use replica::{Frame, MemberName};
use support::csr;
use support::estate::{Estate, serial_of};
use wire::client::{Client, Timeouts};
use wire::http::{HeaderMap, HeaderValue, Method, StatusCode};
use wire::protocol::internal::REPLICA_PATH;
use wire::{Request, body};

#[tokio::test(flavor = "multi_thread")]
async fn three_members_share_one_log_and_any_of_them_goes_on() {
    let mut estate = Estate::of(&["ca-1", "ca-2", "ca-3"]).await;
    estate.start("ca-1").await;
    let epoch = estate.until_decides("ca-1").await;
    estate.enrol("ca-1", epoch, "one.example.com").await;
    // Both join empty, one after the other while work goes on.
    estate.start("ca-2").await;
    estate.start("ca-3").await;
    estate.enrol("ca-1", epoch, "two.example.com").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    // The primary goes, and then the next one too: the third still has everything.
    let mut expected = serial_of(&estate.cadir("ca-1"), "two.example.com");
    for (gone, next) in [("ca-1", "ca-2"), ("ca-2", "ca-3")] {
        estate.stop(gone).await;
        let left = estate.registered().in_sync.into_iter().filter(|name| name.as_str() != gone).collect();
        estate.set(estate.registered().succeeded_by(MemberName::new(next), left));
        let epoch = estate.until_decides(next).await;
        let name = format!("after-{gone}.example.com");
        estate.enrol(next, epoch, &name).await;
        expected += 1;
        assert_eq!(serial_of(&estate.cadir(next), &name), expected);
    }
    assert_eq!(estate.registered().in_sync, BTreeSet::from([MemberName::new("ca-3")]));
    // All three are home again.
    estate.start("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.until_equal().await;
    for name in ["ca-1", "ca-2", "ca-3"] {
        estate.stop(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposed_primary_changes_nothing_whoever_asks_it() {
    let mut estate = Estate::new().await;
    estate.start("ca-1").await;
    let old_epoch = estate.until_decides("ca-1").await;
    estate.start("ca-2").await;
    estate.until_in_sync().await;
    estate.enrol("ca-1", old_epoch, "one.example.com").await;
    estate.until_equal().await;
    let old = estate.registered();
    estate.set(old.succeeded_by(MemberName::new("ca-2"), old.in_sync.clone()));
    let epoch = estate.until_decides("ca-2").await;
    estate.until("ca-1 knows", |estate| !estate.running["ca-1"].0.role().decides).await;

    // Reached directly, with the epoch in which it was primary, and with the present one.
    let path = "/puppet-ca/v1/certificate_request/late.example.com";
    for claimed in [old_epoch, epoch] {
        let body = csr("late.example.com");
        let refused = estate.forward("ca-1", claimed, "late", Method::PUT, path, body).await.unwrap();
        assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(refused.headers["x-bunraku-stale"], format!("epoch={epoch} primary=ca-2").as_str());
    }
    // On its own machine, over its socket.
    let local = Client::local(ca::socket_path(&estate.cadir("ca-1")), Timeouts::default());
    let path = "/puppet-ca/v1/certificate_status/one.example.com";
    let revoke = "{\"desired_state\":\"revoked\"}";
    let refused = local.request(Method::PUT, path, HeaderMap::new(), revoke).await.unwrap();
    assert_eq!(refused.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(refused.text().contains("the primary is ca-2"), "{}", refused.text());
    // By a front end that still has the older epoch in its register: told of the newer one, which it then knows.
    let body = Body::Configure(Configure { configuration: Some(old.clone()) });
    let frame = Frame::new(estate.cluster.clone(), old.epoch, MemberName::new("front-end"), body);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/cbor"));
    for name in ["ca-1", "ca-2"] {
        let client = estate.client(name);
        let answer = client.request(Method::POST, REPLICA_PATH, headers.clone(), frame.encode()).await;
        let answer = Frame::decode(&answer.unwrap().body).unwrap();
        let Some(Body::Stale(newer)) = answer.body else { panic!("{name} answers {:?}", answer.body) };
        assert_eq!((newer.epoch.0, newer.primary.as_str()), (epoch, "ca-2"));
    }
    assert!(estate.running["ca-2"].0.role().decides, "which changed nothing");
    // Stopped, by the command line: its directory may be read, and not changed.
    estate.stop("ca-1").await;
    let offline = ca::Offline::open(CaSettings::alone("ca-1", estate.cadir("ca-1"))).await.unwrap();
    let ask = |method: Method, content: &'static str| {
        let mut request = Request::new(body::full(content));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request
    };
    let refused = offline.handle(ask(Method::PUT, revoke)).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let why = wire::body::collect(refused.into_body(), 1 << 16).await.unwrap();
    let why = String::from_utf8_lossy(&why).into_owned();
    assert!(why.contains("whose primary is ca-2"), "{why}");
    let read = offline.handle(ask(Method::GET, "")).await;
    assert_eq!(read.status(), StatusCode::OK);
    drop(offline);
    estate.stop("ca-2").await;
}
