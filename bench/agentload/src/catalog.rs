//! Known agents that send their facts and read their catalog.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use pki::{KeyKind, PrivateKey, Request, RequestContent};
use serde::Serialize;
use wire::client::Client;
use wire::http::header::CONTENT_TYPE;
use wire::http::{HeaderValue, Method};
use wire::tls::Identity;

use crate::cli::CatalogArgs;
use crate::clock::Clock;
use crate::facts;
use crate::latency::{Latencies, Summary};
use crate::tally::Tally;
use crate::target::{Target, agent_headers, expect_200, get_certificate, put_request};

/// At most so many requests in one run.
const MOST_REQUESTS: u64 = 5_000_000;

/// What a catalog run came to.
#[derive(Debug, Serialize)]
pub struct Compiled {
    pub catalogs: u64,
    pub failed: u64,
    /// Why, by kind.
    pub failures: Tally,
    /// From the start to the last answer.
    pub seconds: f64,
    pub catalogs_per_second: f64,
    pub latency: Option<Summary>,
    /// Size of one request's body in bytes.
    pub request_bytes: usize,
    /// Size of the catalog in bytes.
    pub catalog_bytes: usize,
    /// Resources in the catalog.
    pub resources: usize,
}

impl crate::Report for Compiled {
    fn failed(&self) -> u64 {
        self.failed
    }

    fn text(&self) -> String {
        format!(
            "{} catalogs in {:.2} s: {:.1}/s, {} failed\n{}{}\nfacts: {} bytes; catalog: {} bytes, {} resources\n",
            self.catalogs,
            self.seconds,
            self.catalogs_per_second,
            self.failed,
            self.failures.text(),
            Summary::text(self.latency.as_ref()),
            self.request_bytes,
            self.catalog_bytes,
            self.resources,
        )
    }
}

/// One agent with its certificate and its kept connection.
struct Node {
    client: Client,
    certname: String,
    path: String,
    body: String,
}

struct Record {
    latency: Latencies,
    failures: Tally,
    catalogs: u64,
}

/// Puts load on the compilers as `args` say.
pub async fn run(target: &Target, args: &CatalogArgs) -> anyhow::Result<Compiled> {
    let clock = Clock::new();
    let mut nodes = Vec::new();
    for number in 0..args.connections {
        let certname = format!("node-{:x}-{number}.example.com", clock.now());
        nodes.push(Node::enrol(target, certname, &args.environment).await?);
    }
    let (catalog_bytes, resources) = nodes[0].look().await?;
    let request_bytes = nodes[0].body.len();
    let nodes: Vec<Arc<Node>> = nodes.into_iter().map(Arc::new).collect();
    // What goes wrong here goes wrong again below, where it is counted.
    drive(&nodes, Duration::from_secs(args.warm_up)).await?;
    let started = Instant::now();
    let record = drive(&nodes, Duration::from_secs(args.seconds)).await?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Compiled {
        catalogs: record.catalogs,
        failed: record.failures.total(),
        failures: record.failures,
        seconds,
        catalogs_per_second: (record.catalogs as f64 / seconds * 10.0).round() / 10.0,
        latency: record.latency.summary(),
        request_bytes,
        catalog_bytes,
        resources,
    })
}

/// Closed loop: each node asks again as soon as it has its answer.
async fn drive(nodes: &[Arc<Node>], time: Duration) -> anyhow::Result<Record> {
    let empty = Record { latency: Latencies::new(), failures: Tally::default(), catalogs: 0 };
    let record = Arc::new(Mutex::new(empty));
    let end = Instant::now() + time;
    let most = MOST_REQUESTS / nodes.len() as u64;
    let mut tasks = tokio::task::JoinSet::new();
    for node in nodes {
        let (node, record) = (node.clone(), record.clone());
        tasks.spawn(async move {
            for _ in 0..most {
                let began = Instant::now();
                if began >= end {
                    return;
                }
                let outcome = node.ask().await;
                let micros = began.elapsed().as_micros() as u64;
                let mut record = record.lock().unwrap_or_else(PoisonError::into_inner);
                match outcome {
                    Ok(_) => {
                        record.catalogs += 1;
                        record.latency.record(micros);
                    }
                    Err(what) => record.failures.add(&what),
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let record = Arc::into_inner(record).context("a task outlived its run")?;
    Ok(record.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl Node {
    /// A new node, which gets its certificate by autosign.
    async fn enrol(target: &Target, certname: String, environment: &str) -> anyhow::Result<Node> {
        let key = PrivateKey::generate(KeyKind::EcP256)?;
        let request = Request::build(&certname, &key, &RequestContent::default())?.to_pem();
        let stranger = target.stranger()?;
        put_request(&stranger, &certname, request).await.map_err(|what| anyhow!(what))?;
        let answer = get_certificate(&stranger, &certname).await.map_err(|what| {
            anyhow!("{what} (does the deployment sign by itself? 'bunraku up --autosign true')")
        })?;
        let identity = Identity::from_pem(&answer.body, key.to_pem().as_bytes())?;
        Ok(Node {
            client: target.node(&identity)?,
            path: format!("/puppet/v3/catalog/{certname}?environment={environment}"),
            body: facts::request_body(&certname, environment),
            certname,
        })
    }

    /// One catalog. `Err` is the failure in words.
    async fn ask(&self) -> Result<wire::Bytes, String> {
        let mut headers = agent_headers("application/vnd.puppet.rich+json, application/json");
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let answer = self.client.request(Method::POST, &self.path, headers, self.body.clone()).await;
        expect_200("POST catalog", &self.certname, answer).map(|answer| answer.body)
    }

    /// Asks once and looks into the catalog: its size in bytes and its resources. Fails when it is not this node's.
    async fn look(&self) -> anyhow::Result<(usize, usize)> {
        let body = self.ask().await.map_err(|what| anyhow!(what))?;
        let catalog: serde_json::Value = serde_json::from_slice(&body).context("the catalog is not JSON")?;
        ensure!(catalog["name"] == self.certname.as_str(), "the catalog is of {}", catalog["name"]);
        let resources = catalog["resources"].as_array().context("the catalog has no resources")?;
        Ok((body.len(), resources.len()))
    }
}
