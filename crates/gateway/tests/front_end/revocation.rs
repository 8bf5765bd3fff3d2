//! Who is revoked is out: on new connections and on open ones, before the operator reads that it is done.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gateway::Tuning;
use pki::Serial;
use wire::client::{Answer, Client};
use wire::http::{HeaderMap, Method, StatusCode};
use wire::tls::Identity;

use crate::ca::{Pair, pair, tuning};
use crate::estate::{Estate, eventually};

/// Far above what it takes, far below what the next look at the list would.
const SOON: Duration = Duration::from_secs(2);

async fn read(client: &Client) -> StatusCode {
    client.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap().status
}

impl Pair {
    /// What an operator sends.
    async fn revoke(&self, operator: &Client) -> Answer {
        let path = "/puppet-ca/v1/certificate_status/agent.test";
        operator.request(Method::PUT, path, HeaderMap::new(), "{}").await.unwrap()
    }

    /// The list after the next write.
    fn prepare(&self, revoked: &[Serial]) {
        let mut shared = self.shared.lock().unwrap();
        let list = self.estate.revocation_list(shared.list_number + 1, revoked);
        shared.next_list = Some((list, revoked.to_vec()));
    }

    async fn kept_for_the_next_start(&self) {
        eventually("the list is kept for the next start", || {
            std::fs::read_to_string(self.estate.path("crl.pem")).ok()
                == Some(self.shared.lock().unwrap().crl.clone())
        })
        .await;
    }

    /// Waits until the connection's next request is refused; a connection that is closed counts, too.
    async fn is_out_soon(&self, open: &Client) {
        let begun = Instant::now();
        while read(open).await == StatusCode::OK {
            assert!(begun.elapsed() < SOON, "still let in");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_node_is_out_before_the_answer_on_an_open_connection_too() {
    let pair = pair(tuning()).await;
    let (agent, serial) = pair.estate.issue("agent.test", false);
    let (other, _) = pair.estate.issue("other.test", false);
    let (open, bystander) = (pair.front.client(Some(&agent)), pair.front.client(Some(&other)));
    for client in [&open, &bystander] {
        assert_eq!(read(client).await, StatusCode::OK);
    }
    pair.prepare(&[Serial::from_u64(0xFFFF), serial]);
    let answer = pair.revoke(&pair.front.client(Some(&pair.operator()))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.headers.contains_key("x-bunraku-revocations"), "{:?}", answer.headers);
    // No patience here: it is in force.
    assert_eq!(read(&open).await, StatusCode::FORBIDDEN);
    assert_eq!(read(&bystander).await, StatusCode::OK);
    let fresh = pair.front.client(Some(&agent)).get("/puppet-ca/v1/certificate/ca", "*/*").await;
    assert!(fresh.is_err(), "{fresh:?}");
    pair.kept_for_the_next_start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_made_elsewhere_arrives_by_itself_and_the_next_primary_goes_on_telling() {
    let mut pair = pair(tuning()).await;
    let agents: Vec<(Identity, Serial)> =
        (0..3).map(|number| pair.estate.issue(&format!("agent-{number}.test"), false)).collect();
    let open: Vec<Client> = agents.iter().map(|(identity, _)| pair.front.client(Some(identity))).collect();
    for client in &open {
        assert_eq!(read(client).await, StatusCode::OK);
    }
    let revoked: Vec<Serial> = agents.iter().map(|(_, serial)| *serial).collect();
    let issue = |pair: &Pair, number: u64, revoked: &[Serial]| {
        let list = pair.estate.revocation_list(number, revoked);
        pair.shared.lock().unwrap().issue(list, revoked.to_vec());
    };
    issue(&pair, 2, &revoked[..1]);
    pair.is_out_soon(&open[0]).await;
    pair.first.kill();
    pair.active("ca-2").await;
    issue(&pair, 3, &revoked[..2]);
    pair.is_out_soon(&open[1]).await;
    assert_eq!(read(&open[2]).await, StatusCode::OK);
    // The first entry is dropped: the list is told from its beginning, and the signed one follows.
    issue(&pair, 4, &revoked[1..]);
    pair.is_out_soon(&open[2]).await;
    pair.kept_for_the_next_start().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_tells_nothing_is_asked_for_its_list() {
    let pair = pair(Tuning { revocation_wait: Duration::from_millis(50), ..tuning() }).await;
    pair.first.handler.tells_nothing.store(true, Ordering::SeqCst);
    let (agent, serial) = pair.estate.issue("agent.test", false);
    let open = pair.front.client(Some(&agent));
    assert_eq!(read(&open).await, StatusCode::OK);
    // This one is still told of: it was being waited for.
    let operator = pair.front.client(Some(&pair.operator()));
    pair.prepare(&[Serial::from_u64(0xFFFF)]);
    assert_eq!(pair.revoke(&operator).await.status, StatusCode::OK);
    eventually("it is noticed", || pair.error_log().contains("cannot be learned at once")).await;
    pair.prepare(&[Serial::from_u64(0xFFFF), serial]);
    assert_eq!(pair.revoke(&operator).await.status, StatusCode::OK);
    pair.is_out_soon(&open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_end_with_an_unreadable_revocation_list_does_not_start() {
    let estate: Arc<Estate> = Estate::new();
    std::fs::write(estate.path("crl.pem"), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
        .unwrap();
    let settings = estate.settings(Vec::new(), Vec::new(), tuning());
    let fault = gateway::FrontEnd::start(settings).err().expect("it must not start");
    assert!(matches!(fault, gateway::StartFault::RevocationList { .. }), "{fault}");
}
