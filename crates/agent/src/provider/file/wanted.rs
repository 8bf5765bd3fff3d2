//! The state that a `file` resource asks for.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::{ProviderFault, check_attributes};
use super::owner;
use crate::catalog::Resource;

/// What should be at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Absent,
    /// Anything; a file when there is nothing.
    Present,
    File,
    Directory,
    Link(PathBuf),
}

/// A parsed resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub path: PathBuf,
    /// `None`: whatever is there, only its attributes matter.
    pub kind: Option<Kind>,
    pub content: Option<Vec<u8>>,
    /// In order of preference.
    pub sources: Vec<String>,
    pub mode: Option<u32>,
    pub owner: Option<u32>,
    pub group: Option<u32>,
    pub force: bool,
    pub replace: bool,
    pub recurse: bool,
    /// Take a link of the source for what it points to.
    pub follow: bool,
}

const KNOWN: [&str; 17] = [
    "backup",
    "checksum",
    "content",
    "ensure",
    "force",
    "group",
    "links",
    "mode",
    "owner",
    "path",
    "purge",
    "recurse",
    "replace",
    "show_diff",
    "source",
    "source_permissions",
    "target",
];

impl Wanted {
    /// Nothing but a path and what should be there.
    pub fn of(path: &Path, kind: Option<Kind>) -> Wanted {
        Wanted {
            path: path.to_path_buf(),
            kind,
            content: None,
            sources: Vec::new(),
            mode: None,
            owner: None,
            group: None,
            force: false,
            replace: true,
            recurse: false,
            follow: false,
        }
    }

    /// Reads the attributes; refuses those it would have to ignore.
    pub fn parse(resource: &Resource) -> Result<Wanted, ProviderFault> {
        check_attributes(resource, &KNOWN)?;
        let path = resource.text("path").unwrap_or(&resource.title);
        if !path.starts_with('/') {
            return Err(invalid("path", path, "is not an absolute path"));
        }
        let trimmed = path.trim_end_matches('/');
        let mut wanted = Wanted::of(Path::new(if trimmed.is_empty() { "/" } else { trimmed }), None);
        if truth(resource, "purge")? {
            return Err(unsupported("purge => true"));
        }
        if let Some(kept @ ("md5" | "md5lite" | "mtime" | "ctime" | "none" | "sha256lite")) =
            resource.text("checksum")
        {
            return Err(unsupported(&format!("checksum => {kept}")));
        }
        match resource.parameters.get("backup") {
            None | Some(Value::Bool(false)) | Some(Value::Null) => {}
            Some(Value::String(text)) if matches!(text.as_str(), "false" | "puppet" | "main") => {}
            Some(_) => return Err(unsupported("backup")),
        }
        wanted.content = match resource.parameters.get("content") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone().into_bytes()),
            Some(_) => return Err(unsupported("content that is not a text")),
        };
        wanted.sources = match resource.parameters.get("source") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(source)) => vec![source.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(|s| s.as_str().map(str::to_string)).collect(),
            Some(_) => return Err(unsupported("source that is not a text")),
        };
        wanted.mode = resource.text("mode").map(parse_mode).transpose()?;
        wanted.owner = resource.parameters.get("owner").map(owner::user).transpose()?;
        wanted.group = resource.parameters.get("group").map(owner::group).transpose()?;
        wanted.force = truth(resource, "force")?;
        wanted.replace = resource.parameters.get("replace").is_none_or(|v| !is(v, "false") && !is(v, "no"));
        wanted.follow = resource.text("links") == Some("follow");
        wanted.recurse = match resource.parameters.get("recurse") {
            None | Some(Value::Bool(false)) => false,
            Some(value) if is(value, "true") || is(value, "remote") => true,
            Some(value) if is(value, "false") => false,
            Some(_) => return Err(unsupported("recurse")),
        };
        if wanted.recurse && wanted.sources.is_empty() {
            return Err(unsupported("recurse without a source"));
        }
        wanted.kind = wanted.kind_of(resource)?;
        Ok(wanted)
    }

    /// Search permission goes with read permission on directories, as Puppet does for `recurse`.
    pub fn mode_below(&self, kind: &Kind) -> Option<u32> {
        let mode = self.mode?;
        Some(if *kind == Kind::Directory { mode | ((mode & 0o444) >> 2) } else { mode })
    }

    fn kind_of(&self, resource: &Resource) -> Result<Option<Kind>, ProviderFault> {
        let target = resource.text("target");
        Ok(match (resource.text("ensure"), target) {
            (Some("absent"), _) => Some(Kind::Absent),
            (Some("directory"), _) => Some(Kind::Directory),
            (Some("link"), Some(target)) => Some(Kind::Link(target.into())),
            (Some("link"), None) => return Err(invalid("ensure", "link", "needs a target")),
            (Some("file"), _) => Some(Kind::File),
            (Some("present"), None) => Some(Kind::Present),
            (Some("present") | None, Some(target)) => Some(Kind::Link(target.into())),
            (Some(path), _) if path.starts_with('/') => Some(Kind::Link(path.into())),
            (Some(other), _) => {
                return Err(invalid("ensure", other, "is not one of absent, present, file, directory, link"));
            }
            (None, None) if self.content.is_some() => Some(Kind::File),
            (None, None) => None,
        })
    }
}

fn truth(resource: &Resource, name: &'static str) -> Result<bool, ProviderFault> {
    match resource.parameters.get(name) {
        None | Some(Value::Null) | Some(Value::Bool(false)) => Ok(false),
        Some(Value::Bool(true)) => Ok(true),
        Some(value) if is(value, "true") || is(value, "yes") => Ok(true),
        Some(value) if is(value, "false") || is(value, "no") => Ok(false),
        Some(value) => Err(invalid(name, &value.to_string(), "is neither true nor false")),
    }
}

fn is(value: &Value, word: &str) -> bool {
    value.as_str() == Some(word) || value.as_bool().is_some_and(|b| b.to_string() == word)
}

fn parse_mode(text: &str) -> Result<u32, ProviderFault> {
    let octal = !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if octal && mode <= 0o7777 => Ok(mode),
        _ => Err(invalid(
            "mode",
            text,
            "is not an octal mode such as 0644 (symbolic modes are not supported yet)",
        )),
    }
}

fn invalid(attribute: &'static str, value: &str, problem: &'static str) -> ProviderFault {
    ProviderFault::Invalid { attribute, value: value.to_string(), problem }
}

fn unsupported(attribute: &str) -> ProviderFault {
    ProviderFault::UnsupportedAttribute { kind: "File".to_string(), attribute: attribute.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(parameters: Value) -> Result<Wanted, ProviderFault> {
        let document = serde_json::json!({
            "version": 1, "resources": [{"type": "File", "title": "/tmp/x/", "parameters": parameters}],
        });
        let catalog = crate::catalog::Catalog::parse(&document).unwrap();
        Wanted::parse(&catalog.resources[0])
    }

    #[test]
    fn what_should_be_there_follows_from_the_attributes() {
        use serde_json::json;
        assert_eq!(parsed(json!({})).unwrap().kind, None);
        assert_eq!(parsed(json!({"content": "x"})).unwrap().kind, Some(Kind::File));
        assert_eq!(parsed(json!({"ensure": "/a"})).unwrap().kind, Some(Kind::Link("/a".into())));
        assert_eq!(parsed(json!({"target": "/a"})).unwrap().kind, Some(Kind::Link("/a".into())));
        assert_eq!(parsed(json!({"ensure": "absent"})).unwrap().path, Path::new("/tmp/x"));
        assert_eq!(parsed(json!({"mode": "0640"})).unwrap().mode, Some(0o640));
    }

    #[test]
    fn what_can_not_be_done_is_refused() {
        use serde_json::json;
        for parameters in [
            json!({"mode": "u+x"}),
            json!({"mode": "0999"}),
            json!({"ensure": "gone"}),
            json!({"seltype": "x"}),
            json!({"recurse": true}),
            json!({"owner": "no-such-user-here"}),
        ] {
            assert!(parsed(parameters.clone()).is_err(), "{parameters}");
        }
    }
}
