//! `GET /puppet/v3/environments`

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};
use wire::{Response, reply};

use crate::fault::Fault;
use crate::worker::CatalogWorker;

/// All environments with their settings.
pub fn answer(worker: &Arc<CatalogWorker>) -> Result<Response, Fault> {
    let mut environments = Map::new();
    for name in worker.environments.names() {
        let places = worker.environments.places(&name)?;
        let settings = json!({
            "modulepath": places.full_modulepath, "manifest": places.manifest,
            "environment_timeout": 0, "config_version": "",
        });
        environments.insert(name, json!({"settings": settings}));
    }
    let path = format!("file://{}", worker.settings.environmentpath.display());
    Ok(reply::json(
        StatusCode::OK,
        &json!({"search_paths": [path, "data:text/plain,internal"], "environments": Value::Object(environments)}),
    ))
}
