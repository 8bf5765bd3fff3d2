//! `GET /puppet/v3/file_content/MOUNT/PATH`: the bytes, streamed.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use wire::{Response, body, reply};

use crate::accept::{Format, choose};
use crate::fault::Fault;
use crate::mounts;
use crate::worker::{Call, CatalogWorker, blocking};

const CHUNK: usize = 64 * 1024;

/// The content of a file; of a directory, as Puppet Server has it, nothing.
pub async fn answer(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let format = choose(call.request.headers(), &[Format::Binary])?;
    let environment = call.query.get("environment").ok_or(Fault::MissingEnvironment)?.to_string();
    let worker = worker.clone();
    let (mut file, length) = blocking(move || {
        let places = worker.environments.places(&environment)?;
        let target = mounts::resolve("file_content", &call.key, &places.modulepath)?;
        let missing = || Fault::NoSuchFile { model: "file_content", key: call.key.join("/") };
        let path = target.roots.iter().find(|root| root.exists()).ok_or_else(missing)?;
        let unreadable = |e: std::io::Error| Fault::Internal { detail: format!("{}: {e}", path.display()) };
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        Ok((file, if metadata.is_dir() { 0 } else { metadata.len() }))
    })
    .await?;
    if length == 0 {
        return Ok(reply::with_type(http::StatusCode::OK, format.content_type(), Bytes::new()));
    }
    let (sender, body) = body::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        while left > 0 {
            let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            match file.read(&mut chunk) {
                // The file became shorter, or can't be read: the body ends before its length, which the client sees.
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    chunk.truncate(count);
                    left -= count as u64;
                    if !sender.blocking_send(Bytes::from(chunk)) {
                        break;
                    }
                }
            }
        }
    });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(format.content_type()));
    headers.insert(CONTENT_LENGTH, length.into());
    Ok(response)
}
