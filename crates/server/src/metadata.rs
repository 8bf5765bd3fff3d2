//! One file's metadata, as Puppet's `file_metadata` describes it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::checksum::{ChecksumType, change_time};
use crate::fault::Fault;
use crate::parameters::Parameters;

/// How the client wants files described.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Describe what a link points to, not the link.
    pub follow_links: bool,
    pub checksum: ChecksumType,
    /// Owner, group and mode of the file; else of this process, and 0644.
    pub source_permissions: bool,
}

impl Wanted {
    /// From the query of a request, with Puppet's defaults.
    pub fn parse(query: &Parameters) -> Result<Wanted, Fault> {
        let name = query.get("checksum_type").unwrap_or("sha256");
        let checksum =
            ChecksumType::parse(name).ok_or_else(|| Fault::UnsupportedChecksum { name: name.to_string() })?;
        let bad = |message: String| Err(Fault::BadParameter { message });
        let follow_links = match query.get("links") {
            Some("follow") => true,
            None | Some("manage" | "ignore") => false,
            Some(_) => return bad(":links can only be set to :manage or :follow".to_string()),
        };
        let source_permissions = match query.get("source_permissions") {
            Some("use" | "use_when_creating") => true,
            None | Some("ignore") => false,
            Some(other) => return bad(format!("Unsupported source_permission {other}")),
        };
        Ok(Wanted { follow_links, checksum, source_permissions })
    }

    fn links(self) -> &'static str {
        if self.follow_links { "follow" } else { "manage" }
    }

    /// `stat` or `lstat`, as the client wants links treated.
    pub fn stat(self, path: &Path) -> std::io::Result<Metadata> {
        if self.follow_links { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) }
    }
}

/// The JSON object of the file `relative` below `root`; `None` when there is no such file, or one that is neither
/// file, directory nor link (Puppet does not serve devices).
pub fn describe(root: &Path, relative: Option<&str>, wanted: Wanted) -> Result<Option<Value>, Fault> {
    let path: PathBuf = match relative {
        None | Some(".") => root.to_path_buf(),
        Some(relative) => root.join(relative),
    };
    let Ok(metadata) = wanted.stat(&path) else { return Ok(None) };
    let unreadable = |e: std::io::Error| Fault::Internal { detail: format!("{}: {e}", path.display()) };
    let kind = metadata.file_type();
    let mut destination = Value::Null;
    let (name, checksum) = if kind.is_dir() {
        let value = format!("{{ctime}}{}", change_time(&metadata));
        ("directory", json!({"type": "ctime", "value": value}))
    } else if kind.is_file() {
        let value = wanted.checksum.of_file(&path, &metadata).map_err(unreadable)?;
        ("file", tagged(wanted.checksum, &value))
    } else if kind.is_symlink() {
        destination = json!(std::fs::read_link(&path).map_err(unreadable)?);
        // A dangling link, or one to something else than a file, has no content to digest.
        let target = std::fs::metadata(&path).ok().filter(Metadata::is_file);
        let value = target.and_then(|m| wanted.checksum.of_file(&path, &m).ok());
        (
            "link",
            value.map_or(json!({"type": wanted.checksum.name(), "value": null}), |v| {
                tagged(wanted.checksum, &v)
            }),
        )
    } else {
        return Ok(None);
    };
    let (owner, group, mode) = if wanted.source_permissions {
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    } else {
        let process = process_owner();
        (process.0, process.1, 0o644)
    };
    Ok(Some(json!({
        "path": root, "relative_path": relative, "links": wanted.links(),
        "owner": owner, "group": group, "mode": mode,
        "checksum": checksum, "type": name, "destination": destination,
    })))
}

fn tagged(kind: ChecksumType, value: &str) -> Value {
    json!({"type": kind.name(), "value": format!("{{{}}}{value}", kind.name())})
}

/// User and group of this process, which own `/proc/self`.
fn process_owner() -> (u32, u32) {
    static OWNER: std::sync::OnceLock<(u32, u32)> = std::sync::OnceLock::new();
    *OWNER.get_or_init(|| std::fs::metadata("/proc/self").map_or((0, 0), |m| (m.uid(), m.gid())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        Wanted::parse(&Parameters::parse(query)).unwrap()
    }

    #[test]
    fn a_file_is_described_as_recorded() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hello.txt"), "hello file\n").unwrap();
        let found = describe(&dir.path().join("hello.txt"), None, wanted("")).unwrap().unwrap();
        let keys: Vec<&String> = found.as_object().unwrap().keys().collect();
        let recorded =
            ["path", "relative_path", "links", "owner", "group", "mode", "checksum", "type", "destination"];
        assert_eq!(keys, recorded);
        assert_eq!(found["mode"], 0o644);
        assert_eq!(found["relative_path"], Value::Null);
        let digest = "{sha256}702b7d2e4b28c4f3ef1434bd2333a83427796a9007fb2a23248becd4d51a3e7f";
        assert_eq!(found["checksum"]["value"], digest);
    }

    #[test]
    fn a_link_is_shown_or_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("target"), "x").unwrap();
        std::os::unix::fs::symlink("target", dir.path().join("link")).unwrap();
        let shown = describe(dir.path(), Some("link"), wanted("links=manage")).unwrap().unwrap();
        assert_eq!((&shown["type"], &shown["destination"]), (&json!("link"), &json!("target")));
        let followed = describe(dir.path(), Some("link"), wanted("links=follow")).unwrap().unwrap();
        assert_eq!((&followed["type"], &followed["destination"]), (&json!("file"), &Value::Null));
    }

    #[test]
    fn a_link_to_a_fifo_is_described_without_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        std::os::unix::fs::symlink("fifo", dir.path().join("link")).unwrap();
        let shown = describe(dir.path(), Some("link"), wanted("links=manage")).unwrap().unwrap();
        assert_eq!(shown["checksum"]["value"], Value::Null);
        assert_eq!(describe(dir.path(), Some("link"), wanted("links=follow")).unwrap(), None);
        assert_eq!(describe(dir.path(), Some("fifo"), wanted("")).unwrap(), None);
    }

    #[test]
    fn an_unknown_checksum_is_refused() {
        let fault = Wanted::parse(&Parameters::parse("checksum_type=bogus")).unwrap_err();
        assert_eq!(fault, Fault::UnsupportedChecksum { name: "bogus".into() });
    }
}
