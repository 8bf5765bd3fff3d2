//! Who is let pass before anybody else sees the request.

use gateway::Tuning;
use wire::client::{Answer, Client};
use wire::http::{HeaderMap, Method};

use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, Server};

async fn ask(client: &Client, method: Method, target: &str) -> Answer {
    client.request(method, target, HeaderMap::new(), "").await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_rules_deny_reaches_no_worker() {
    let estate = Estate::new();
    estate.rules.replace(access::Rules::packaged());
    let worker = Server::start(&estate, "worker-1", CatalogWorker::new());
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    let (agent, _) = estate.issue("agent.test", false);
    let (nobody, agent) = (front.client(None), front.client(Some(&agent)));
    for target in [
        "/puppet/v3/catalog/other.test",
        "/puppet/v3/catalog/*",
        "/puppet/v3/catalog/agent.test;x",
        "/puppet/v3/catalog/agent.test/",
        "/puppet/v3/report/agent.test",
        "/puppet/v4/catalog",
        "/puppet-ca/v1/clean",
        "/production/certificate_status/x",
        "/metrics/v2",
    ] {
        let answer = ask(&agent, Method::POST, target).await;
        assert_eq!(answer.status, 403, "{target}");
        assert!(answer.text().starts_with("Forbidden request: /"), "{target}: {}", answer.text());
        assert!(
            answer.text().ends_with("(method :post). Please see the server logs for details."),
            "{target}"
        );
    }
    assert_eq!(ask(&nobody, Method::POST, "/puppet/v3/catalog/agent.test").await.status, 403);
    assert_eq!(ask(&agent, Method::GET, "/elsewhere").await.status, 404);
    assert_eq!(worker.handler.seen().len(), 0);
    let log = estate.log("error.log");
    let line = "Forbidden request: agent.test(127.0.0.1) access to /puppet/v3/catalog/other.test (method :post) \
                (authenticated: true) denied by rule 'puppetlabs v3 catalog from agents'.";
    assert!(log.contains(line), "{log}");

    for target in
        ["/puppet/v3/catalog/agent.test", "/puppet/v3/catalog/%61gent.test", "/puppet/v3//catalog/agent.test"]
    {
        assert_eq!(ask(&agent, Method::POST, target).await.status, 200, "{target}");
    }
    assert_eq!(ask(&agent, Method::GET, "/puppet/v3/file_content/modules/m/f").await.status, 200);
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(ask(&nobody, method, "/status/v1/simple").await.status, 200);
    }
    // Other rules hold from the next request on.
    estate.rules.replace(access::Rules::new(Vec::new()).unwrap());
    assert_eq!(ask(&agent, Method::POST, "/puppet/v3/catalog/agent.test").await.status, 403);
}
