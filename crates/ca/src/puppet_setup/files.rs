//! The files: looked for before anything is made, and written in an order in which a directory that was cut off in
//! between is told from a whole one.

use super::{ExistingHostKey, Parts, PuppetSetup, PuppetSetupFault};
use crate::directory::{DIRECTORY_MODE, Layout, PRIVATE_MODE, sync_directory};
use crate::inventory::Row;
use pki::{Certificate, PrivateKey};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Where everything goes.
struct Places {
    cadir: Layout,
    ssldir: PathBuf,
    certname: String,
}

impl Places {
    fn of(setup: &PuppetSetup) -> Self {
        Self {
            cadir: Layout::new(&setup.cadir),
            ssldir: setup.host.ssldir.clone(),
            certname: setup.host.certname.to_string(),
        }
    }

    fn host(&self, folder: &str) -> PathBuf {
        self.ssldir.join(folder).join(format!("{}.pem", self.certname))
    }

    /// In the authority's directory, beside what the layout knows.
    fn other(&self, name: &str) -> PathBuf {
        self.cadir.root().join(name)
    }
}

/// Looks for files that would be written over, before any key is made.
pub(super) fn check(setup: &PuppetSetup, with_root_key: bool) -> Result<(), PuppetSetupFault> {
    let places = Places::of(setup);
    let layout = &places.cadir;
    let mut written = vec![
        layout.bundle(),
        layout.revocation_lists(),
        places.other("infra_crl.pem"),
        places.host("certs"),
        places.ssldir.join("certs/ca.pem"),
        places.ssldir.join("crl.pem"),
        layout.public_key(),
        layout.inventory(),
        places.other("infra_inventory.txt"),
        places.other("infra_serials"),
        layout.serial(),
        layout.certificate(&places.certname),
    ];
    if with_root_key {
        written.push(places.other("root_key.pem"));
    }
    written.push(layout.key());
    let existing: Vec<PathBuf> = written.into_iter().filter(|path| path.exists()).collect();
    if !existing.is_empty() {
        return Err(PuppetSetupFault::Existing(existing));
    }
    if layout.configuration().exists() {
        return Err(PuppetSetupFault::Log(layout.own()));
    }
    match (places.host("private_keys").exists(), places.host("public_keys").exists()) {
        (false, true) => Err(ExistingHostKey::NoPrivate(places.host("public_keys")).into()),
        (true, false) => Err(ExistingHostKey::NoPublic(places.host("private_keys")).into()),
        _ => Ok(()),
    }
}

/// The server's key, and whether it had to be made: a host may have been an agent before.
pub(super) fn host_key(setup: &PuppetSetup) -> Result<(PrivateKey, bool), PuppetSetupFault> {
    let path = Places::of(setup).host("private_keys");
    match fs::read(&path) {
        Ok(pem) => Ok((PrivateKey::from_pem(&pem)?, false)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok((PrivateKey::generate(setup.key)?, true)),
        Err(source) => Err(PuppetSetupFault::Io { path, source }),
    }
}

/// Writes everything.
pub(super) fn write(
    setup: &PuppetSetup,
    parts: &Parts,
    host_key: &PrivateKey,
    new_host_key: bool,
    certificate: &Certificate,
    row: &Row,
) -> Result<(), PuppetSetupFault> {
    let places = Places::of(setup);
    let layout = &places.cadir;
    let bundle: String = parts.bundle.iter().map(Certificate::to_pem).collect();
    let lists: String = parts.lists.iter().map(pki::crl::RevocationList::to_pem).collect();
    let own = certificate.to_pem();

    let folders = [
        places.ssldir.clone(),
        places.ssldir.join("certs"),
        places.ssldir.join("private_keys"),
        places.ssldir.join("public_keys"),
        layout.root().to_owned(),
        layout.signed(),
    ];
    for folder in &folders {
        make_folder(folder, setup.owner).map_err(|source| fault(folder, source))?;
    }
    // The CA's certificate comes last: without it nobody takes the directory for a CA.
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    if new_host_key {
        files.push((places.host("private_keys"), host_key.to_pem()));
        files.push((places.host("public_keys"), host_key.public_pem()));
    }
    if let Some(root_key) = &parts.root_key {
        files.push((places.other("root_key.pem"), root_key.to_pem()));
    }
    files.extend([
        (layout.key(), parts.key.to_pem()),
        (layout.public_key(), parts.key.public_pem()),
        (layout.inventory(), row.to_line()),
        (places.other("infra_crl.pem"), lists.clone()),
        (places.other("infra_inventory.txt"), "\n".to_owned()),
        (places.other("infra_serials"), "\n".to_owned()),
        (layout.serial(), "002\n".to_owned()),
        (layout.certificate(&places.certname), own.clone()),
        (places.host("certs"), own),
        (places.ssldir.join("certs/ca.pem"), bundle.clone()),
        (places.ssldir.join("crl.pem"), lists.clone()),
        (layout.revocation_lists(), lists),
        (layout.bundle(), bundle),
    ]);
    for (path, content) in &files {
        write_file(path, content, setup.owner).map_err(|source| fault(path, source))?;
    }
    for folder in &folders {
        sync_directory(folder).map_err(|source| fault(folder, source))?;
    }
    Ok(())
}

fn fault(path: &Path, source: io::Error) -> PuppetSetupFault {
    PuppetSetupFault::Io { path: path.to_owned(), source }
}

fn make_folder(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::DirBuilder::new().mode(DIRECTORY_MODE).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE))?;
    give(path, owner)
}

/// All files have the mode that they get from Puppet's command under its umask.
fn write_file(path: &Path, content: &str, owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(PRIVATE_MODE).open(path)?;
    file.write_all(content.as_bytes())?;
    file.set_permissions(fs::Permissions::from_mode(PRIVATE_MODE))?;
    file.sync_all()?;
    give(path, owner)
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    match owner {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}
