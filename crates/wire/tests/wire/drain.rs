//! The end of a listener.

use std::time::{Duration, Instant};

use wire::DrainPlan;
use wire::client::{ClientFault, ConnectFault, Connection};
use wire::http;

use crate::estate::Ca;
use crate::listener::Server;
use crate::tls::{SECOND, client};

#[tokio::test]
async fn what_runs_is_finished_and_nothing_new_is_accepted() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let busy = client(&server, ca.client(None));
    let running = tokio::spawn(async move { busy.get("/slow", "*/*").await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    server.drain.begin(DrainPlan { idle_grace: Duration::ZERO, deadline: 10 * SECOND });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let late = client(&server, ca.client(None)).get("/seen", "*/*").await.unwrap_err();
    assert!(matches!(late, ClientFault::Connect { fault: ConnectFault::Refused, .. }), "{late}");
    let answer = running.await.unwrap().unwrap();
    assert_eq!((answer.text().as_str(), &answer.headers["connection"]), ("slow", &"close".parse().unwrap()));
    let ended = tokio::time::timeout(SECOND, server.task).await;
    ended.expect("ends with its last connection").unwrap();
}

#[tokio::test]
async fn an_idle_connection_may_be_used_once_more_within_its_grace() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let (user, idler) = (client(&server, ca.client(None)), client(&server, ca.client(None)));
    for client in [&user, &idler] {
        client.get("/seen", "*/*").await.unwrap();
    }
    let began = Instant::now();
    server.drain.begin(DrainPlan { idle_grace: Duration::from_millis(600), deadline: 10 * SECOND });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = user.get("/seen", "*/*").await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.headers["connection"]), (200, &"close".parse().unwrap()));
    server.task.await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(550), "{:?}", began.elapsed());
    assert!(began.elapsed() < 3 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_hangs_is_cut_at_the_deadline() {
    let ca = Ca::new("Puppet CA: test");
    let server = Server::tls(&ca.server("front"), ca.trust());
    let mut connection =
        Connection::open(&server.address, &ca.client(None), "localhost", SECOND).await.unwrap();
    let request = http::Request::get("/hang").body(wire::body::empty()).unwrap();
    let hanging = tokio::spawn(async move { connection.send(request).await });
    // A client in the middle of its handshake must not hold up the end either.
    let _silent = tokio::net::TcpStream::connect(&server.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.drain.begin(DrainPlan::prompt(Duration::from_millis(300)));
    server.task.await.unwrap();
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
    assert!(hanging.await.unwrap().is_err());
}
