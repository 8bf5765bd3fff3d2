//! The status page: what it shows whom, and whose forms count.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use gateway::Tuning;
use wire::Drain;
use wire::client::{Answer, Client};
use wire::http::{HeaderMap, HeaderName, HeaderValue, Method};
use wire::protocol::internal::WorkerState;

use crate::ca::{pair, tuning};
use crate::catalog_worker::CatalogWorker;
use crate::estate::{Estate, Front, Server, eventually};
use crate::metrics::ask;

async fn get(address: SocketAddr, line: &'static str) -> (String, String) {
    tokio::task::spawn_blocking(move || ask(address, line)).await.unwrap()
}

async fn post(client: &Client, headers: &[(&'static str, &str)], form: &str) -> Answer {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    let headers: HeaderMap = headers.iter().map(pair).collect();
    client.request(Method::POST, "/bunraku/act", headers, form.to_owned()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_sees_states_and_only_an_operator_sees_addresses_and_buttons() {
    let pair = pair(tuning()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let front_end = Arc::clone(&pair.front.front_end);
    tokio::spawn(async move { front_end.serve_admin(listener, Drain::never()).await });
    let front_end = Arc::clone(&pair.front.front_end);
    eventually("both are in sync", || {
        front_end.status().ca.members.iter().all(|member| member.member.in_sync)
    })
    .await;

    // On the plain listener: readable as it comes, and nothing inline that a policy would have to allow.
    let (head, page) = get(address, "GET /").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.contains("content-security-policy: default-src 'none'") && !head.contains("unsafe"),
        "{head}"
    );
    let (first, second) = (pair.first.address.to_string(), pair.second.address.to_string());
    assert!(page.contains(">ca-1<") && page.contains(">standby<") && page.contains("epoch"), "{page}");
    assert!(!page.contains(&first) && !page.contains(&second), "no addresses\n{page}");
    for inline in ["<style", " style=", " onclick=", "javascript:", "<form", "//cdn", "http://", "https://"] {
        assert!(!page.contains(inline), "{inline} in\n{page}");
    }
    for (line, kind) in [
        ("GET /live", "text/html"),
        ("GET /page.css", "text/css"),
        ("GET /page.js", "text/javascript"),
        ("GET /status.json", "application/json"),
    ] {
        let (head, body) = get(address, line).await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains(kind), "{line}: {head}");
        assert!(!body.contains(&first), "{line}: {body}");
    }
    assert!(get(address, "POST /").await.0.starts_with("HTTP/1.1 405"));
    assert!(get(address, "POST /act").await.0.starts_with("HTTP/1.1 404"));

    // On the front end's own port: for roles and operators.
    let page = |client: Client| async move { client.get("/bunraku/", "*/*").await.unwrap() };
    assert_eq!(page(pair.front.client(None)).await.status, 403);
    let (node, _) = pair.estate.issue("node.test", false);
    assert_eq!(page(pair.front.client(Some(&node))).await.status, 403);
    let (role, _) = pair.estate.issue("ca-2.test", false);
    let seen = page(pair.front.client(Some(&role))).await;
    assert!(seen.status == 200 && seen.text().contains(&first), "{}", seen.text());
    assert!(!seen.text().contains("Certificates waiting</h2>"), "names are the operators'");
    let (operator, _) = pair.estate.issue("operator.test", true);
    let seen = page(pair.front.client(Some(&operator))).await;
    assert!(seen.status == 200 && seen.text().contains(&second), "{}", seen.text());
    assert!(seen.text().contains("Certificates waiting</h2>"), "{}", seen.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_counts_from_our_own_page_alone() {
    let estate = Estate::new();
    let worker = Server::start(&estate, "worker-1", CatalogWorker::new());
    let front = Front::start(&estate, vec![worker.place()], Vec::new(), Tuning::default());
    let (identity, _) = estate.issue("operator.test", true);
    let operator = front.client(Some(&identity));
    let text = operator.get("/bunraku/", "*/*").await.unwrap().text();
    let token = text.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = format!("token={token}&deed=drain&name=worker-1");
    let own = format!("https://{}", front.address);
    let good = [
        ("origin", own.as_str()),
        ("content-type", "application/x-www-form-urlencoded"),
        ("sec-fetch-site", "same-origin"),
    ];
    let drained = || front.front_end.status().workers[0].state == WorkerState::Draining;
    let strange = [("origin", "https://evil.example.com"), good[1], good[2]];
    let cross = [good[0], good[1], ("sec-fetch-site", "cross-site")];
    for (headers, form) in [
        (strange.as_slice(), form.clone()),
        (&cross, form.clone()),
        (&good[1..], form.clone()),
        (&good, form.replace(&token, "")),
        (&good, form.replace(&token, &token.chars().rev().collect::<String>())),
    ] {
        let answer = post(&operator, headers, &form).await;
        assert_eq!(answer.status, 403, "{headers:?} {form}: {}", answer.text());
        assert!(!drained());
    }
    // The token is of use to nobody else.
    let (other, _) = estate.issue("other.test", true);
    assert_eq!(post(&front.client(Some(&other)), &good, &form).await.status, 403);
    let (node, _) = estate.issue("node.test", false);
    assert_eq!(post(&front.client(Some(&node)), &good, &form).await.status, 403);
    assert!(!drained());
    let answer = post(&operator, &good, &form).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(drained());
    let back = form.replace("drain", "resume");
    assert_eq!(post(&operator, &good, &back).await.status, 303);
    assert!(!drained());
}
