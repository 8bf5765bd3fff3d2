//! `GET /puppet/v3/file_metadata/MOUNT/PATH` and `file_metadatas/MOUNT/PATH`.

use std::sync::Arc;

use serde_json::Value;
use wire::Response;

use crate::accept::{Format, choose};
use crate::fault::Fault;
use crate::metadata::{Wanted, describe};
use crate::mounts;
use crate::walk::Search;
use crate::worker::{Call, CatalogWorker, blocking, formatted};

const FORMATS: [Format; 2] = [Format::Json, Format::Pson];

/// One file.
pub async fn find(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    let format = choose(call.request.headers(), &FORMATS)?;
    let wanted = Wanted::parse(&call.query)?;
    let worker = worker.clone();
    let found = blocking(move || {
        let places = worker.environments.places(&environment)?;
        let path = mounts::find("file_metadata", &call.key, &places.modulepath)?;
        let described = path.map(|path| describe(&path, None, wanted)).transpose()?.flatten();
        described.ok_or_else(|| Fault::NoSuchFile { model: "file_metadata", key: call.key.join("/") })
    })
    .await?;
    Ok(formatted(format, found.to_string().into_bytes()))
}

/// A directory with what is in it.
pub async fn search(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    let format = choose(call.request.headers(), &FORMATS)?;
    let wanted = Wanted::parse(&call.query)?;
    let search = Search::parse(&call.query)?;
    let worker = worker.clone();
    let found = blocking(move || {
        let places = worker.environments.places(&environment)?;
        let roots = mounts::search(&call.key, &places.modulepath, &worker.settings.environmentpath)?;
        if roots.directories.is_empty() {
            return Err(Fault::NoSuchFiles { key: call.key.join("/") });
        }
        let files = search.run(&roots.directories, roots.bare, wanted)?;
        let described: Result<Vec<Option<Value>>, Fault> =
            files.iter().map(|(root, relative)| describe(root, Some(relative), wanted)).collect();
        Ok(Value::Array(described?.into_iter().flatten().collect()))
    })
    .await?;
    Ok(formatted(format, found.to_string().into_bytes()))
}
