//! Why a directory cannot be taken over, and what its operator can do about it.

use pki::KeyFault;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a directory cannot be taken over. Nothing in it has been changed then.
#[derive(Debug, Error)]
pub enum ImportFault {
    /// Some of the files that make a CA are there, others are not.
    #[error("{} is not a complete CA directory{}", path.display(), advice(missing))]
    Partial { path: PathBuf, missing: Vec<&'static str> },
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// This process may not do what a CA has to do here.
    #[error(
        "{}: user {user} may not {verb} it, it belongs to user {owner}; start Bunraku as the user that owns the CA \
         directory (Puppet's packages call it puppet), or as root",
        path.display()
    )]
    Denied { path: PathBuf, verb: &'static str, user: u32, owner: u32 },
    /// A file holds something else than it should.
    #[error("{}: {reason}", path.display())]
    Content { path: PathBuf, reason: String },
    /// The key cannot be used.
    #[error("{}: {fault}", path.display())]
    Key { path: PathBuf, fault: KeyFault },
    /// The key is encrypted.
    #[error(
        "{}: the private key is encrypted, and nobody is there to ask for its password when a CA starts; decrypt it with\n  \
         {command}\nand start again",
        path.display()
    )]
    Encrypted { path: PathBuf, command: String },
    /// Nobody knows which serial numbers have been used.
    #[error(
        "{}: it and inventory.txt are both empty, so nobody knows which serial numbers have been used; restore one of \
         them, or write a number above all that were ever used into serial (hexadecimal)",
        path.display()
    )]
    NoNumbers { path: PathBuf },
}

impl ImportFault {
    /// A fault of the file system, with advice where the reason is a permission.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::PermissionDenied {
            return Self::denied(path, "read");
        }
        Self::Io { path: path.to_owned(), source }
    }

    /// This user may not `verb` the file.
    pub(super) fn denied(path: &Path, verb: &'static str) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        // Of a file in a folder that may not be looked into, its folder's owner is who knows.
        let known = path.ancestors().find_map(|path| path.metadata().ok());
        Self::Denied { path: path.to_owned(), verb, user, owner: known.map_or(0, |about| about.uid()) }
    }

    pub(super) fn content(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Content { path: path.to_owned(), reason: reason.to_string() }
    }
}

fn advice(missing: &[&'static str]) -> String {
    missing.iter().map(|name| format!("; {name} is missing: {}", remedy(name))).collect()
}

fn remedy(name: &str) -> &'static str {
    match name {
        "ca_key.pem" => "put the CA's private key there",
        "ca_crl.pem" => {
            "restore it, or take a server's copy (crl.pem in its ssldir), because without it all that was revoked would \
             count again"
        }
        "inventory.txt" => {
            "restore it; if it is lost, put an empty file there, which gets a line for each certificate in signed/, and \
             what only the inventory knew can no longer be revoked by name"
        }
        "serial" => {
            "restore it; if it is lost, put an empty file there, and numbers go on above the highest in use"
        }
        _ => "restore it",
    }
}
