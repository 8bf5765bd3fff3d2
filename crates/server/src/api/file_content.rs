//! `GET /puppet/v3/file_content/MOUNT/PATH`: the bytes, streamed.

use std::sync::Arc;

use wire::Response;

use crate::accept::{Format, choose};
use crate::fault::Fault;
use crate::worker::{Call, CatalogWorker, blocking};
use crate::{mounts, regular, send};

/// The content of a file; of a directory, as Puppet Server has it, nothing. Links are followed wherever they lead:
/// who may place a link in a module may as well place the file.
pub async fn answer(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    let format = choose(call.request.headers(), &[Format::Binary])?;
    let worker = worker.clone();
    let (file, length) = blocking(move || {
        let places = worker.environments.places(&environment)?;
        let key = call.key.join("/");
        let found = mounts::find("file_content", &call.key, &places.modulepath)?;
        let path = found.ok_or_else(|| Fault::NoSuchFile { model: "file_content", key: key.clone() })?;
        let unreadable = |e: std::io::Error| Fault::Internal { detail: format!("{}: {e}", path.display()) };
        let kind = std::fs::metadata(&path).map_err(unreadable)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(Fault::NotRegular { key });
        }
        let (file, metadata) = regular::open(&path).map_err(unreadable)?;
        if !metadata.is_file() && !metadata.is_dir() {
            return Err(Fault::NotRegular { key });
        }
        Ok((file, if metadata.is_dir() { 0 } else { metadata.len() }))
    })
    .await?;
    Ok(send::file(file, length, format.content_type()))
}
