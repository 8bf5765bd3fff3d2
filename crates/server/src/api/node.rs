//! `GET /puppet/v3/node/NAME`: which environment the node is in. There is no classifier: it is the one it asks for.

use std::sync::Arc;

use serde_json::{Value, json};
use wire::Response;

use crate::accept::{Format, choose};
use crate::fault::Fault;
use crate::worker::{Call, CatalogWorker, blocking, formatted};

/// The node's name and environment, and its last facts as parameters.
pub async fn answer(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    let format = choose(call.request.headers(), &[Format::Json, Format::Pson])?;
    let certname = call.key.join("/");
    let worker = worker.clone();
    let node = blocking(move || {
        worker.environments.places(&environment)?;
        let internal = |e| Fault::Internal { detail: format!("facts of {certname}: {e}") };
        let facts = worker.facts.load(&certname).map_err(internal)?;
        let mut node = json!({"name": certname, "environment": environment});
        if !facts.is_empty() {
            node["parameters"] = Value::Object(facts);
        }
        Ok(node)
    })
    .await?;
    Ok(formatted(format, node.to_string().into_bytes()))
}
