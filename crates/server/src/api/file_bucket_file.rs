//! `GET`, `HEAD` and `PUT /puppet/v3/file_bucket_file/sha256/DIGEST[/PATH]`: agents' backups.

use std::sync::Arc;

use http::{Method, StatusCode};
use wire::{Response, reply};

use crate::accept::{Format, choose};
use crate::bucket::Sum;
use crate::fault::Fault;
use crate::send;
use crate::worker::{Call, CatalogWorker, blocking, body_of};

/// Keeps, sends or looks for a backup.
pub async fn answer(worker: &Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    let (sum, path) = key(&call.key)?;
    let name = call.key.join("/");
    let method = call.request.method().clone();
    let places = worker.clone();
    blocking(move || places.environments.places(&environment)).await?;
    if method == Method::PUT {
        return save(worker, call, sum, path).await;
    }
    if call.query.get("list_all").is_some() {
        return Err(Fault::BadParameter {
            message: "Listing remote file buckets is not allowed".to_string(),
        });
    }
    if call.query.get("diff_with").is_some() {
        return Err(Fault::BadParameter { message: "diff_with is not supported".to_string() });
    }
    let format =
        if method == Method::HEAD { None } else { Some(choose(call.request.headers(), &[Format::Binary])?) };
    let worker = worker.clone();
    let (file, length) = blocking(move || {
        let found = worker.bucket.find(&sum, path.as_deref()).map_err(|e| unreadable(&e))?;
        found.ok_or(Fault::NotInBucket { key: name })
    })
    .await?;
    Ok(match format {
        None => reply::empty(StatusCode::OK),
        Some(format) => send::file(file, length, format.content_type()),
    })
}

async fn save(
    worker: &Arc<CatalogWorker>,
    call: Call,
    sum: Sum,
    path: Option<String>,
) -> Result<Response, Fault> {
    let format = choose(call.request.headers(), &[Format::Binary])?;
    call.body_type(&["application/octet-stream"])?;
    let content = body_of(worker, call.request).await?;
    let worker = worker.clone();
    blocking(move || {
        let found = Sum::of(&content);
        if found != sum {
            return Err(Fault::WrongDigest {
                named: sum.as_str().to_string(),
                found: found.as_str().to_string(),
            });
        }
        worker.bucket.save(&sum, path.as_deref(), &content).map_err(|e| unreadable(&e))
    })
    .await?;
    Ok(reply::with_type(StatusCode::OK, format.content_type(), ""))
}

/// Digest and original path of `sha256/DIGEST[/PATH]`.
fn key(segments: &[String]) -> Result<(Sum, Option<String>), Fault> {
    let bad = |message: String| Err(Fault::BadParameter { message });
    let kind = segments.first().map_or("", String::as_str);
    if kind != "sha256" {
        return bad(format!("Unsupported checksum type {kind:?}"));
    }
    let digest = segments.get(1).map_or("", String::as_str);
    let Some(sum) = Sum::parse(digest) else {
        return bad(format!("Invalid checksum {digest:?}"));
    };
    let path = segments[2..].join("/");
    // The list of paths is a text of lines.
    if path.contains(['\n', '\r']) {
        return bad("a path in the file bucket can't hold a line break".to_string());
    }
    Ok((sum, (!path.is_empty()).then_some(path)))
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault::Internal { detail: format!("file bucket: {error}") }
}
