//! The infrastructure's revocation list as `puppetserver ca enable --infracrl` begins it: empty, and with the lists of
//! the issuers above.

use super::{PuppetSetupFault, first_list};
use crate::directory::{Layout, PRIVATE_MODE, sync_directory};
use crate::store::{DirectoryLock, OpenFault};
use crate::time;
use pki::crl::RevocationList;
use pki::{Certificate, PrivateKey, Signer as _, issue};
use replica::MemberName;
use replica::membership::MembershipFile;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Why there is no such list.
#[derive(Debug, Error)]
pub enum InfraListFault {
    /// Nobody has said which nodes these are.
    #[error(
        "  Please create an inventory file at '{}' with the certnames of your\n  infrastructure nodes before \
         proceeding with infra CRL setup!",
        .0.display()
    )]
    NoInventory(PathBuf),
    /// There is one.
    #[error(
        "Existing file at '{}'\n  If you would really like to reinitialize your infrastructure CRL, please delete\n  \
         the existing files and run this command again.",
        .0.display()
    )]
    Existing(PathBuf),
    /// The directory belongs to others as well.
    #[error(
        "other CA members have the same files as {}: take them out of the in-sync set first (stop them while this one \
         runs), or make the file on each of them",
        .0.display()
    )]
    Shared(PathBuf),
    /// The CA's own files cannot be read.
    #[error("{}: {reason}", path.display())]
    Content { path: PathBuf, reason: String },
    /// Another process has the directory.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// It could not be signed or written.
    #[error(transparent)]
    Setup(#[from] PuppetSetupFault),
}

/// Takes the lock of a directory that a Bunraku CA has owned before; there is none in one of Puppet Server.
///
/// # Errors
/// [`OpenFault::Locked`] when a CA owns it.
pub fn lock_directory(cadir: &Path) -> Result<Option<DirectoryLock>, OpenFault> {
    let layout = Layout::new(cadir);
    if layout.own().exists() { DirectoryLock::take(&layout).map(Some) } else { Ok(None) }
}

/// Makes `infra_crl.pem`; `ttl` is its life in seconds, `member` the name of the CA member whose directory this is.
///
/// # Errors
/// [`InfraListFault`].
pub fn make_infra_list(cadir: &Path, member: &str, ttl: i64) -> Result<(), InfraListFault> {
    let layout = Layout::new(cadir);
    let _lock = lock_directory(cadir)?;
    let membership = MembershipFile::at(&layout.configuration()).load();
    let membership = membership.map_err(|fault| content(&layout.configuration(), &fault))?;
    if membership.is_some_and(|membership| !membership.sole_owner(&MemberName::new(member))) {
        return Err(InfraListFault::Shared(cadir.to_owned()));
    }
    let inventory = cadir.join("infra_inventory.txt");
    if !inventory.exists() {
        return Err(InfraListFault::NoInventory(inventory));
    }
    let path = cadir.join("infra_crl.pem");
    if path.exists() {
        return Err(InfraListFault::Existing(path));
    }
    let read = |path: PathBuf| std::fs::read(&path).map_err(|fault| content(&path, &fault));
    let key = PrivateKey::from_pem(&read(layout.key())?).map_err(|fault| content(&layout.key(), &fault))?;
    let bundle = Certificate::all_from_pem(&read(layout.bundle())?)
        .map_err(|fault| content(&layout.bundle(), &fault))?;
    let issuer = bundle.into_iter().find(|one| one.spki_der() == key.spki_der());
    let issuer =
        issuer.ok_or_else(|| content(&layout.bundle(), &"no certificate belongs to the CA's key"))?;
    let lists = RevocationList::all_from_pem(&read(layout.revocation_lists())?)
        .map_err(|fault| content(&layout.revocation_lists(), &fault))?;
    let others = lists.iter().filter(|list| list.verify(issuer.spki_der()).is_err());
    let chain: String = others.map(RevocationList::to_pem).collect();
    let authority = issue::Authority { certificate: issuer.clone(), signer: Arc::new(key) };
    let own = first_list(&authority, time::now(), ttl).map_err(PuppetSetupFault::from)?;
    let written = || {
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(PRIVATE_MODE).open(&path)?;
        file.write_all(format!("{}{chain}", own.to_pem()).as_bytes())?;
        file.set_permissions(std::fs::Permissions::from_mode(PRIVATE_MODE))?;
        file.sync_all()?;
        let owner = std::fs::metadata(cadir)?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid()))?;
        }
        sync_directory(cadir)
    };
    written().map_err(|source| PuppetSetupFault::Io { path: path.clone(), source }.into())
}

fn content(path: &Path, reason: &dyn std::fmt::Display) -> InfraListFault {
    InfraListFault::Content { path: path.to_owned(), reason: reason.to_string() }
}
