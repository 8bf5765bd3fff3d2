//! `ssldir`: certificates and keys of hosts, in the folders and with the permissions that `puppetserver ca` gives them.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// What `puppetserver ca` gives files.
const FILE_MODE: u32 = 0o640;
/// What it gives folders that it makes.
const FOLDER_MODE: u32 = 0o750;

/// A host's files below an `ssldir`.
pub struct HostFiles {
    ssldir: PathBuf,
}

impl HostFiles {
    /// Those below `ssldir`.
    pub fn below(ssldir: PathBuf) -> HostFiles {
        HostFiles { ssldir }
    }

    /// `certs/NAME.pem`.
    pub fn certificate(&self, certname: &str) -> PathBuf {
        self.ssldir.join("certs").join(format!("{certname}.pem"))
    }

    /// `private_keys/NAME.pem`.
    pub fn private_key(&self, certname: &str) -> PathBuf {
        self.ssldir.join("private_keys").join(format!("{certname}.pem"))
    }

    /// `public_keys/NAME.pem`.
    pub fn public_key(&self, certname: &str) -> PathBuf {
        self.ssldir.join("public_keys").join(format!("{certname}.pem"))
    }

    /// Makes the folders that are missing.
    pub fn make_folders(&self) -> anyhow::Result<()> {
        for folder in ["", "certs", "private_keys", "public_keys"] {
            let path = self.ssldir.join(folder);
            if !path.exists() {
                make_folder(&path).with_context(|| format!("could not make {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Writes a new file, owned by whoever owns its folder.
    pub fn write(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        write_new(path, text).with_context(|| format!("could not write {}", path.display()))
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)?;
    give_to_owner_of(path.parent().unwrap_or(path), path)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(std::fs::Permissions::from_mode(FILE_MODE))?;
    file.sync_all()?;
    give_to_owner_of(path.parent().unwrap_or(path), path)
}

/// Root works for the one whose folder it is: a server that runs as another user must be able to read the file.
fn give_to_owner_of(folder: &Path, path: &Path) -> io::Result<()> {
    let owner = std::fs::metadata(folder)?;
    if rustix::process::geteuid().is_root() && owner.uid() != 0 {
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}
