//! `GET` and `POST /puppet/v3/catalog/NAME`: compiles the node's catalog.

use std::sync::Arc;

use compiler::catalog::encode::{Form, encode_as};
use compiler::{Level, Log, NodeRequest};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use wire::Response;

use super::facts;
use crate::accept::{Format, choose};
use crate::environment_cache::is_environment_name;
use crate::fault::Fault;
use crate::parameters::Parameters;
use crate::trusted::trusted_facts;
use crate::worker::{Call, CatalogWorker, blocking, body_of, formatted};

/// Compiles with the facts of the request, or with the node's last ones.
pub async fn answer(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let format = choose(call.request.headers(), &[Format::RichJson, Format::Json, Format::Pson])?;
    let certname = call.key.join("/");
    let body = body_of(worker, call.request).await?;
    let form = Parameters::parse(&String::from_utf8_lossy(&body));
    let parameters = call.query.or(form);
    let environment = parameters.get("environment").map(str::to_string);
    let environment = match environment {
        Some(name) if is_environment_name(&name) => name,
        name => return Err(Fault::EnvironmentNotAlphanumeric { name }),
    };
    let given = match parameters.get("facts") {
        Some(text) => Some(sent_facts(text, parameters.get("facts_format"), &certname)?),
        None => None,
    };
    let transaction_uuid = parameters.get("transaction_uuid").map(str::to_string);
    let trusted = trusted_facts(&call.requester);
    let _turn = worker.compilations.acquire().await.map_err(|e| Fault::Internal { detail: e.to_string() })?;
    let worker = worker.clone();
    let bytes = blocking(move || {
        let asked = environment;
        let environment = worker.environments.or_default(&asked)?;
        if environment != asked {
            tracing::warn!(
                "{certname} asks for environment {asked}, which is not there: it gets {environment}'s"
            );
        }
        let facts = facts_of(&worker, &certname, given)?;
        let node = NodeRequest {
            certname,
            facts,
            trusted,
            server_facts: server_facts(&worker),
            transaction_uuid,
            catalog_uuid: uuid::Uuid::new_v4().to_string(),
            now_millis: jiff::Timestamp::now().as_millisecond(),
        };
        compile(&worker, &environment, &node, format)
    })
    .await?;
    Ok(formatted(format, bytes))
}

fn compile(
    worker: &CatalogWorker,
    environment: &str,
    node: &NodeRequest,
    format: Format,
) -> Result<Vec<u8>, Fault> {
    let loaded = worker.environments.load(environment)?;
    let started = std::time::Instant::now();
    let compiled = compiler::compile(&loaded.environment, &loaded.world, node).map_err(|failure| {
        say(&failure.logs);
        tracing::error!("{failure}");
        Fault::Compilation { message: failure.to_string() }
    })?;
    say(&compiled.logs);
    let form = if format == Format::RichJson { Form::Rich } else { Form::Plain };
    let encoded =
        encode_as(&compiled.catalog, form).map_err(|fault| Fault::Internal { detail: fault.to_string() })?;
    for warning in &encoded.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        "Compiled catalog for {} in environment {environment} in {:.2} seconds",
        node.certname,
        started.elapsed().as_secs_f64()
    );
    serde_json::to_vec(&encoded.json)
        .map_err(|e| Fault::Internal { detail: format!("the catalog can't be written as JSON: {e}") })
}

/// What the manifests say goes to the server's log, at their level.
fn say(logs: &[Log]) {
    for log in logs {
        match log.level {
            Level::Debug => tracing::debug!("{}", log.message),
            Level::Info | Level::Notice => tracing::info!("{}", log.message),
            Level::Warning => tracing::warn!("{}", log.message),
            Level::Err | Level::Alert | Level::Emerg | Level::Crit => tracing::error!("{}", log.message),
        }
    }
}

/// Facts arrive URL-encoded inside the URL-encoded form: once is undone by the form, once here.
fn sent_facts(text: &str, format: Option<&str>, certname: &str) -> Result<Map<String, Value>, Fault> {
    match format {
        Some("application/json" | "json" | "text/pson" | "pson") => {}
        Some(format) => return Err(Fault::UnknownFactsFormat { format: format.to_string() }),
        None => return Err(Fault::FactsWithoutFormat { certname: certname.to_string() }),
    }
    let document: Vec<u8> = percent_decode_str(text).collect();
    facts::parse(&document, certname)
}

fn facts_of(
    worker: &CatalogWorker,
    certname: &str,
    given: Option<Map<String, Value>>,
) -> Result<Map<String, Value>, Fault> {
    let internal = |e: std::io::Error| Fault::Internal { detail: format!("facts of {certname}: {e}") };
    match given {
        None => worker.facts.load(certname).map_err(internal),
        Some(facts) => {
            worker.facts.save(certname, &facts).map_err(internal)?;
            Ok(facts)
        }
    }
}

fn server_facts(worker: &CatalogWorker) -> Map<String, Value> {
    let mut facts = Map::new();
    let mut set = |name: &str, value: &str| facts.insert(name.to_string(), Value::from(value));
    set("serverversion", crate::worker::PUPPET_VERSION);
    set("servername", &worker.settings.certname);
    facts
}
