//! Where a file's content comes from: the server (`puppet:///…`) or this machine.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::ProviderFault;
use super::change::{digest, failed};
use super::wanted::{Kind, Wanted};
use crate::session::Session;

/// One file or directory of a source.
#[derive(Debug, Clone)]
pub struct Remote {
    pub kind: Kind,
    /// Relative to the source; empty for itself.
    pub relative: String,
    pub below: Vec<Remote>,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    /// Key at the server and digest of the content.
    Server {
        key: String,
        digest: Option<String>,
    },
    Local(PathBuf),
}

impl Remote {
    /// The content of a file; nothing for a directory or link. What this machine has already is not fetched.
    pub async fn content(&self, session: &Session, path: &Path) -> Result<Option<Vec<u8>>, ProviderFault> {
        if self.kind != Kind::File {
            return Ok(None);
        }
        let (key, expected) = match &self.origin {
            Origin::Local(from) => return std::fs::read(from).map(Some).map_err(failed(from)),
            Origin::Server { key, digest } => (key, digest),
        };
        let same = |bytes: &[u8]| expected.as_ref().is_some_and(|expected| *expected == digest(bytes));
        if path.symlink_metadata().is_ok_and(|m| m.is_file())
            && let Ok(here) = std::fs::read(path)
            && same(&here)
        {
            return Ok(Some(here));
        }
        let fetched = session.file_content(key).await;
        let bytes = fetched.map_err(|e| {
            ProviderFault::Failed(format!("Could not retrieve file content of puppet:///{key}: {e}"))
        })?;
        if expected.is_some() && !same(&bytes) {
            return Err(ProviderFault::Failed(format!(
                "puppet:///{key} changed while it was fetched; the next run takes the new content"
            )));
        }
        Ok(Some(bytes.to_vec()))
    }
}

/// The first of the resource's sources that exists; `None` when it has none.
pub async fn fetch(wanted: &Wanted, session: &Session) -> Result<Option<Remote>, ProviderFault> {
    for source in &wanted.sources {
        if let Some(found) = look(source, wanted, session).await? {
            return Ok(Some(found));
        }
    }
    if wanted.sources.is_empty() || wanted.kind == Some(Kind::Absent) {
        return Ok(None);
    }
    Err(ProviderFault::Failed(format!(
        "Could not retrieve information from environment source(s) {}",
        wanted.sources.join(", ")
    )))
}

async fn look(source: &str, wanted: &Wanted, session: &Session) -> Result<Option<Remote>, ProviderFault> {
    if let Some(path) = source.strip_prefix("file://").or(source.starts_with('/').then_some(source)) {
        return local(Path::new(path), wanted);
    }
    let Some(key) = source.strip_prefix("puppet:///") else {
        return Err(ProviderFault::Invalid {
            attribute: "source",
            value: source.to_string(),
            problem: "is neither puppet:///… nor a path of this machine (http and puppet://HOST are not supported yet)",
        });
    };
    let unreachable =
        |e: crate::session::SessionFault| ProviderFault::Failed(format!("Could not retrieve {source}: {e}"));
    if !wanted.recurse {
        let metadata = session.file_metadata(key).await.map_err(unreachable)?;
        return metadata.map(|m| remote(&m, key, wanted.follow)).transpose();
    }
    let mut all = session.file_metadatas(key).await.map_err(unreachable)?.into_iter();
    let Some(top) = all.next() else { return Ok(None) };
    let mut found = remote(&top, key, wanted.follow)?;
    for metadata in all {
        let relative = metadata["relative_path"].as_str().unwrap_or_default().to_string();
        // What a server says is below the directory must be there, not `../` beside it.
        if relative.split('/').any(|part| part.is_empty() || part == "..") {
            return Err(ProviderFault::Failed(format!("{source}: the server names a path '{relative}'")));
        }
        let mut below = remote(&metadata, &format!("{key}/{relative}"), wanted.follow)?;
        below.relative = relative;
        found.below.push(below);
    }
    Ok(Some(found))
}

fn remote(metadata: &Value, key: &str, follow: bool) -> Result<Remote, ProviderFault> {
    let kind = match metadata["type"].as_str() {
        Some("directory") => Kind::Directory,
        Some("link") if !follow => Kind::Link(metadata["destination"].as_str().unwrap_or_default().into()),
        Some("file" | "link") => Kind::File,
        other => {
            return Err(ProviderFault::Failed(format!(
                "puppet:///{key} is a {other:?}, which is not served"
            )));
        }
    };
    let digest = metadata["checksum"]["value"].as_str().filter(|v| v.starts_with("{sha256}"));
    let origin = Origin::Server { key: key.to_string(), digest: digest.map(str::to_string) };
    Ok(Remote { kind, relative: String::new(), below: Vec::new(), origin })
}

fn local(path: &Path, wanted: &Wanted) -> Result<Option<Remote>, ProviderFault> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
    let kind = if metadata.is_dir() { Kind::Directory } else { Kind::File };
    let mut found = Remote {
        kind,
        relative: String::new(),
        below: Vec::new(),
        origin: Origin::Local(path.to_path_buf()),
    };
    if wanted.recurse && metadata.is_dir() {
        local_below(path, "", &mut found.below)?;
    }
    Ok(Some(found))
}

fn local_below(root: &Path, below: &str, found: &mut Vec<Remote>) -> Result<(), ProviderFault> {
    let dir = root.join(below);
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .map_err(failed(&dir))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let relative = if below.is_empty() { name } else { format!("{below}/{name}") };
        let path = root.join(&relative);
        let metadata = std::fs::symlink_metadata(&path).map_err(failed(&path))?;
        let kind = if metadata.is_dir() {
            Kind::Directory
        } else if metadata.file_type().is_symlink() {
            Kind::Link(std::fs::read_link(&path).map_err(failed(&path))?)
        } else {
            Kind::File
        };
        let directory = kind == Kind::Directory;
        found.push(Remote {
            kind,
            relative: relative.clone(),
            below: Vec::new(),
            origin: Origin::Local(path),
        });
        if directory {
            local_below(root, &relative, found)?;
        }
    }
    Ok(())
}
