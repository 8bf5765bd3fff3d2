//! The files of `ssldir`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SslFault;
use crate::settings::Settings;

/// Where Puppet's agent keeps what.
pub struct Files {
    pub ca_bundle: PathBuf,
    pub revocation_list: PathBuf,
    pub private_key: PathBuf,
    pub public_key: PathBuf,
    pub request: PathBuf,
    pub certificate: PathBuf,
}

impl Files {
    /// The files of `settings`; their folders are made.
    pub fn new(settings: &Settings) -> Result<Files, SslFault> {
        let ssldir = &settings.ssldir;
        let folders = ["certs", "private_keys", "public_keys", "certificate_requests"];
        for folder in folders {
            let path = ssldir.join(folder);
            std::fs::create_dir_all(&path).map_err(|e| fault(&path, e))?;
        }
        let keys = ssldir.join("private_keys");
        let private = std::fs::Permissions::from_mode(0o750);
        std::fs::set_permissions(&keys, private).map_err(|e| fault(&keys, e))?;
        let own = format!("{}.pem", settings.certname);
        Ok(Files {
            ca_bundle: ssldir.join("certs/ca.pem"),
            revocation_list: ssldir.join("crl.pem"),
            private_key: keys.join(&own),
            public_key: ssldir.join("public_keys").join(&own),
            request: ssldir.join("certificate_requests").join(&own),
            certificate: ssldir.join("certs").join(&own),
        })
    }

    /// The content, or nothing when there is no such file.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, SslFault> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(fault(path, e)),
        }
    }

    /// Replaces the file at once: a run that is killed leaves the old or the new one.
    pub fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<(), SslFault> {
        let temporary = path.with_extension(format!("pem.{}", std::process::id()));
        let written = (|| {
            let mut options = std::fs::OpenOptions::new();
            std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true).truncate(true), mode);
            let mut file = options.open(&temporary)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)
        })();
        written.map_err(|e| fault(path, e))
    }

    /// Removes the file, if it is there.
    pub fn remove(&self, path: &Path) -> Result<(), SslFault> {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(fault(path, e)),
            _ => Ok(()),
        }
    }

    /// Time since the last change; zero when it can't be told.
    pub fn age(&self, path: &Path) -> Duration {
        let changed = std::fs::metadata(path).and_then(|m| m.modified());
        changed.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default()
    }
}

fn fault(path: &Path, source: io::Error) -> SslFault {
    SslFault::File { path: path.display().to_string(), source }
}
