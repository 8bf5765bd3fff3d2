//! Looking at one path, and changing it.

use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::ProviderFault;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Nothing,
    File {
        digest: String,
    },
    Directory,
    Link(PathBuf),
    /// A device, socket or pipe.
    Other,
}

impl Found {
    /// Puppet's word.
    pub fn name(&self) -> &'static str {
        match self {
            Found::Nothing => "absent",
            Found::File { .. } => "file",
            Found::Directory => "directory",
            Found::Link(_) => "link",
            Found::Other => "present",
        }
    }
}

/// Looks, without following links.
pub fn found(path: &Path) -> Result<Found, ProviderFault> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Found::Nothing);
        }
        Err(e) => return Err(failed(path)(e)),
    };
    let kind = metadata.file_type();
    Ok(if kind.is_symlink() {
        Found::Link(std::fs::read_link(path).map_err(failed(path))?)
    } else if kind.is_dir() {
        Found::Directory
    } else if kind.is_file() {
        Found::File { digest: digest(&std::fs::read(path).map_err(failed(path))?) }
    } else {
        Found::Other
    })
}

/// `{sha256}…` of some content.
pub fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{sha256}}{hex}")
}

/// Replaces the content at once. A new file gets `mode`; an old one keeps its own, and its owner.
pub fn write(path: &Path, content: &[u8], mode: Option<u32>) -> Result<(), ProviderFault> {
    let old = std::fs::symlink_metadata(path).ok();
    let mode = mode.or(old.as_ref().map(|m| m.mode() & 0o7777)).unwrap_or(0o644);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", uuid::Uuid::new_v4()));
    let written = (|| {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        io::Write::write_all(&mut file, content)?;
        if let Some(old) = &old {
            std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The fault to report is the first one; a leftover would only confuse.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(failed(path))
}

/// Makes a directory with `mode` (its parent must exist, as in Puppet).
pub fn make_directory(path: &Path, mode: u32) -> Result<(), ProviderFault> {
    std::fs::create_dir(path).map_err(failed(path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed(path))
}

/// Makes a symbolic link.
pub fn make_link(path: &Path, target: &Path) -> Result<(), ProviderFault> {
    std::os::unix::fs::symlink(target, path).map_err(failed(path))
}

/// Removes what is there, so that something of another kind can take its place.
pub fn make_room(path: &Path, now: &Found, force: bool) -> Result<(), ProviderFault> {
    match now {
        Found::Nothing => Ok(()),
        _ => remove(path, now, force),
    }
}

/// Removes what is there; a directory only with `force`, as in Puppet.
pub fn remove(path: &Path, now: &Found, force: bool) -> Result<(), ProviderFault> {
    match now {
        Found::Directory if force => std::fs::remove_dir_all(path).map_err(failed(path)),
        Found::Directory => Err(ProviderFault::Failed(format!(
            "Could not remove existing file: {} is a directory; set force => true to replace it",
            path.display()
        ))),
        _ => std::fs::remove_file(path).map_err(failed(path)),
    }
}

/// Turns a fault of the system into one that names the path.
pub fn failed(path: &Path) -> impl FnOnce(io::Error) -> ProviderFault + use<'_> {
    move |fault| ProviderFault::Failed(format!("{}: {fault}", path.display()))
}
