//! `GET /metrics`: read by a parser that takes nothing but Prometheus' text format, and by promtool where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;

use wire::Drain;

use crate::ca::{pair, tuning};
use crate::estate::eventually;

pub fn ask(address: SocketAddr, line: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

pub type Labels = BTreeMap<String, String>;

/// All samples by family; panics at whatever the format does not allow.
pub fn parse(page: &str) -> BTreeMap<String, Vec<(String, Labels, f64)>> {
    let mut families: BTreeMap<String, Vec<(String, Labels, f64)>> = BTreeMap::new();
    let mut current: Option<(String, String)> = None;
    let mut helped: BTreeSet<String> = BTreeSet::new();
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect(line);
            assert!(helped.insert(name.to_owned()), "a family twice: {line}");
            assert!(!help.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert!(helped.contains(name) && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            families.insert(name.to_owned(), Vec::new());
            current = Some((name.to_owned(), kind.to_owned()));
            continue;
        }
        let (family, kind) = current.as_ref().expect("a sample before its family");
        let (series, value) = line.rsplit_once(' ').expect(line);
        let value: f64 = value.parse().expect(line);
        let (name, labels) = match series.split_once('{') {
            None => (series, Labels::new()),
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect(line))),
        };
        let suffix =
            name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line} is not of {family}"));
        let allowed: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(allowed.contains(&suffix), "{line}");
        let samples = families.get_mut(family).unwrap();
        assert!(
            samples.iter().all(|(s, l, _)| (s.as_str(), l) != (suffix, &labels)),
            "a series twice: {line}"
        );
        samples.push((suffix.to_owned(), labels, value));
    }
    families
}

fn labels(text: &str) -> Labels {
    let mut labels = Labels::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect(text);
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{text}");
        let end = after.find('"').expect(text);
        let value = &after[..end];
        assert!(!value.contains('\\'), "no escape is needed in what this test sees: {text}");
        labels.insert(name.to_owned(), value.to_owned());
        rest = after[end + 1..].strip_prefix(',').unwrap_or(&after[end + 1..]);
    }
    labels
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_sees_epochs_lags_failovers_and_requests_in_prometheus_format() {
    let mut pair = pair(tuning()).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let front_end = Arc::clone(&pair.front.front_end);
    tokio::spawn(async move { front_end.serve_admin(listener, Drain::never()).await });
    let client = pair.front.client(None);
    assert_eq!(client.get("/puppet-ca/v1/certificate/ca", "*/*").await.unwrap().status, 200);
    assert_eq!(client.get("/puppet-ca/%2e%2e/x", "*/*").await.unwrap().status, 400);
    // One whose certificate is revoked does not get in.
    let (gone, serial) = pair.estate.issue("gone.test", false);
    let list = pair.estate.revocation_list(7, &[serial]);
    pair.shared.lock().unwrap().issue(list, vec![serial]);
    let trust = pair.estate.trust.clone();
    eventually("list 7 is verified", || trust.list_ends().iter().any(|list| list.number == Some(7))).await;
    assert!(pair.front.client(Some(&gone)).get("/puppet-ca/v1/certificate/ca", "*/*").await.is_err());
    pair.first.kill();
    pair.active("ca-2").await;
    assert_eq!(client.get("/puppet-ca/v1/certificate/secret.example.com", "*/*").await.unwrap().status, 200);

    let (head, page) = tokio::task::spawn_blocking(move || ask(address, "GET /metrics")).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(!page.contains("secret"), "no certname is a label");
    let families = parse(&page);
    let value = |family: &str, wanted: &[(&str, &str)]| {
        let wanted: Labels = wanted.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect();
        let found = families[family].iter().find(|(_, labels, _)| *labels == wanted);
        found.unwrap_or_else(|| panic!("no {family} {wanted:?} in\n{page}")).2
    };
    assert_eq!(value("bunraku_ca_epoch", &[]), 2.0);
    assert_eq!(value("bunraku_ca_active", &[]), 1.0);
    assert_eq!(value("bunraku_ca_is_primary", &[("member", "ca-2")]), 1.0);
    assert_eq!(value("bunraku_ca_is_primary", &[("member", "ca-1")]), 0.0);
    assert_eq!(value("bunraku_ca_in_sync_members", &[]), 1.0);
    assert_eq!(value("bunraku_ca_successor", &[]), 0.0);
    assert_eq!(value("bunraku_register_answers", &[]), 1.0);
    assert_eq!(value("bunraku_ca_failovers_total", &[("cause", "refused")]), 1.0);
    let requests = |route, worker, code| {
        value("bunraku_requests_total", &[("route", route), ("worker", worker), ("code", code)])
    };
    assert_eq!(requests("ca-read", "ca-1", "2xx"), 1.0);
    assert_eq!(requests("ca-read", "ca-2", "2xx"), 1.0);
    assert_eq!(requests("refused", "-", "4xx"), 1.0);
    let durations = &families["bunraku_request_duration_seconds"];
    let of_route = |suffix: &str| -> Vec<f64> {
        let of = |(s, labels, _): &&(String, Labels, f64)| {
            s == suffix && labels["route"] == "ca-read" && labels["worker"] == "ca-2"
        };
        durations.iter().filter(of).map(|(_, _, value)| *value).collect()
    };
    let buckets = of_route("_bucket");
    assert!(buckets.is_sorted() && buckets.last() == Some(&1.0), "{buckets:?}");
    assert_eq!(of_route("_count"), [1.0]);
    assert!(value("bunraku_tls_handshakes_total", &[("version", "TLSv1.3")]) >= 1.0);
    assert_eq!(value("bunraku_client_verification_failures_total", &[("reason", "revoked")]), 1.0);
    assert!(value("bunraku_connections_open", &[]) >= 1.0);
    assert_eq!(value("bunraku_requests_in_flight", &[]), 0.0);
    assert_eq!(value("bunraku_requests_ended_total", &[("end", "refused")]), 1.0);
    assert_eq!(value("bunraku_retries_total", &[("route", "ca-read")]), 0.0);
    assert_eq!(value("bunraku_access_log_dropped_total", &[]), 0.0);
    let issuer = [("issuer", "CN=Puppet CA: test")];
    assert_eq!((value("bunraku_crl_number", &issuer), value("bunraku_crl_entries", &issuer)), (7.0, 1.0));
    assert!((0.0..600.0).contains(&value("bunraku_crl_age_seconds", &issuer)), "{page}");
    let subjects: Vec<&str> = families["bunraku_certificate_not_after_seconds"]
        .iter()
        .map(|(_, labels, _)| labels["subject"].as_str())
        .collect();
    assert!(subjects.contains(&"CN=front.test") && subjects.contains(&"CN=Puppet CA: test"), "{subjects:?}");
    assert!(families["bunraku_crl_next_update_seconds"].iter().all(|(_, _, at)| *at > 1.7e9), "{page}");

    let (head, _) = tokio::task::spawn_blocking(move || ask(address, "POST /metrics")).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
    let (head, _) =
        tokio::task::spawn_blocking(move || ask(address, "GET /bunraku/v1/status")).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    promtool_agrees(&page);
}

/// Prometheus' own check.
fn promtool_agrees(page: &str) {
    let mut checking = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool (package prometheus; ./test installs it)");
    checking.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let checked = checking.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout) + String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "promtool: {said}");
}

/// Names in the dashboard and in the rules, without the suffixes of histograms.
#[test]
fn the_dashboard_and_the_alerts_ask_for_nothing_that_there_is_not() {
    let contrib = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib");
    let read = |name: &str| std::fs::read_to_string(contrib.join(name)).unwrap();
    let (dashboard, rules) = (read("grafana/bunraku.json"), read("prometheus/alerts.yml"));
    serde_json::from_str::<serde_json::Value>(&dashboard).unwrap();
    let source =
        include_str!("../../src/metrics/page.rs").to_owned() + include_str!("../../src/metrics/listener.rs");
    let mut asked = BTreeSet::new();
    for text in [&dashboard, &rules] {
        for (at, _) in text.match_indices("bunraku_") {
            let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            asked.insert(text[at..].split(|c| !name(c)).next().unwrap());
        }
    }
    assert!(asked.len() > 15, "{asked:?}");
    for name in asked {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let known = |name: &str| source.contains(&format!("\"{name}\""));
        assert!(known(name) || family.is_some_and(known), "nothing is called {name}");
    }
    let promtool = |arguments: &[&str]| {
        let done = Command::new("promtool").args(arguments).current_dir(contrib.join("prometheus")).output();
        let done = done.expect("promtool (package prometheus; ./test installs it)");
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "promtool {arguments:?}: {said}");
    };
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
}
