//! The result beside the destination, checked, and the two exchanged in one step. A crash leaves either the old
//! directory or the new one, and beside it a folder that the next run sweeps away.

use super::{Origin, Plan, compare};
use crate::directory::{Layout, sync_directory};
use crate::fsck::{Material, Progress};
use crate::store::{DirectoryLock, OpenFault};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why nothing was done. The destination is as it was.
#[derive(Debug, Error)]
pub enum SyncFault {
    /// A CA has one of the directories.
    #[error(transparent)]
    Open(#[from] OpenFault),
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The destination cannot be exchanged as a whole.
    #[error(
        "{0} cannot be exchanged for another directory in one step (it is a mount point, or its file system cannot do \
         that): make it a folder below the mount point"
    )]
    NotExchangeable(String),
    /// The source was at work meanwhile.
    #[error("the source has changed while it was read ({0}): nothing was done; stop its CA, then repeat")]
    SourceChanged(String),
    /// The result is not what it should be.
    #[error("the copy is not what it should be ({0}): nothing was done")]
    Unsound(String),
}

/// What was done.
#[derive(Debug)]
pub struct Applied {
    /// Files of the result.
    pub files: usize,
}

fn staging(destination: &Path) -> PathBuf {
    let name = destination.file_name().unwrap_or_default().to_string_lossy().into_owned();
    destination.with_file_name(format!(".{name}.bunraku-sync"))
}

/// Removes what a run that did not come to its end has left beside the destination.
///
/// # Errors
/// Any fault of the file system.
pub fn sweep(destination: &Path) -> io::Result<()> {
    match fs::remove_dir_all(staging(destination)) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes `destination` (absolute, links resolved) what `plan` says. Nobody may have either directory.
///
/// # Errors
/// [`SyncFault`]; then nothing was done.
pub fn apply(
    plan: &Plan,
    source: &Material,
    destination: &Path,
    progress: &mut Progress<'_>,
) -> Result<Applied, SyncFault> {
    let place = staging(destination);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| SyncFault::Io { path, source }
    };
    sweep(destination).map_err(io(&place))?;
    // Held until the exchange; it is a lock on the folder that is replaced.
    let existed = destination.exists();
    let lock = existed.then(|| Owned::take(destination)).transpose()?;
    build(plan, source.layout.root(), destination, &place, progress).map_err(io(&place))?;
    let outcome = check(plan, source, &place, progress).and_then(|()| exchange(&place, destination, existed));
    if outcome.is_err() {
        // The fault above is the one to be told.
        let _ = fs::remove_dir_all(&place);
    }
    outcome?;
    drop(lock);
    if existed {
        fs::remove_dir_all(&place).map_err(io(&place))?;
    }
    Ok(Applied { files: plan.result.len() })
}

/// A lock on a directory that need not be Bunraku's: what was made for it goes again.
struct Owned {
    lock: Option<DirectoryLock>,
}

impl Owned {
    fn take(root: &Path) -> Result<Self, OpenFault> {
        Ok(Self { lock: Some(DirectoryLock::take(&Layout::new(root))?) })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.lock = None;
    }
}

fn build(
    plan: &Plan,
    source: &Path,
    destination: &Path,
    place: &Path,
    progress: &mut Progress<'_>,
) -> io::Result<()> {
    let model = if destination.exists() { destination } else { source };
    make_folder(place, model)?;
    for folder in ["signed", "requests"] {
        let of_model = model.join(folder);
        make_folder(&place.join(folder), if of_model.exists() { &of_model } else { model })?;
    }
    let owner = fs::metadata(model)?;
    for (done, (name, origin)) in plan.result.iter().enumerate() {
        if done % 256 == 0 {
            progress("copying", done, plan.result.len());
        }
        let target = place.join(name);
        let from = match origin {
            Origin::Destination => destination.join(name),
            Origin::Source | Origin::Made(_) => source.join(name),
        };
        match origin {
            Origin::Made(bytes) => fs::write(&target, bytes)?,
            Origin::Source | Origin::Destination => drop(fs::copy(&from, &target)?),
        }
        let mode = fs::metadata(&from).map_or(0o640, |about| about.permissions().mode() & 0o777);
        fs::set_permissions(&target, Permissions::from_mode(mode))?;
        give(&target, owner.uid(), owner.gid())?;
    }
    progress("making durable", 0, 0);
    rustix::fs::syncfs(File::open(place)?)?;
    Ok(())
}

fn make_folder(path: &Path, model: &Path) -> io::Result<()> {
    let about = fs::metadata(model)?;
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(about.permissions().mode() & 0o777))?;
    give(path, about.uid(), about.gid())
}

/// Files belong to whom the directory belongs; who is not root can only make files of his own.
fn give(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    let about = fs::metadata(path)?;
    if (about.uid(), about.gid()) == (uid, gid) { Ok(()) } else { chown(path, Some(uid), Some(gid)) }
}

/// Reads the result as a CA would, and the source once more.
fn check(plan: &Plan, source: &Material, place: &Path, progress: &mut Progress<'_>) -> Result<(), SyncFault> {
    let io = |source| SyncFault::Io { path: place.to_owned(), source };
    let again = compare::read(source.layout.root(), "source again", progress).map_err(io)?;
    if let Some(what) = difference(source, &again) {
        return Err(SyncFault::SourceChanged(what));
    }
    let made = compare::read(place, "checking", progress).map_err(io)?;
    let unsound = |what: &str| Err(SyncFault::Unsound(what.to_owned()));
    if made.signed.len() != plan.certificates || made.signed.iter().any(|(_, parsed)| parsed.is_err()) {
        return unsound("signed/ lacks certificates");
    }
    if made.rows.iter().any(|line| line.row.is_none()) {
        return unsound("inventory.txt cannot be read");
    }
    let highest = made.rows.iter().filter_map(|line| line.row.as_ref()).map(|row| row.serial).max();
    let next =
        made.serial.bytes().and_then(|text| pki::Serial::parse_hex(&String::from_utf8_lossy(text)).ok());
    if highest >= next && highest.is_some() {
        return unsound("serial is not above what the inventory has");
    }
    match (&made.own_list, &made.issuer) {
        (Some(list), Some(issuer)) if list.verify(issuer.spki_der()).is_ok() => {
            if plan.revoked.iter().all(|serial| list.contains(serial)) {
                Ok(())
            } else {
                unsound("the revocation list lacks entries")
            }
        }
        _ => unsound("ca_crl.pem is not signed by the CA"),
    }
}

/// The first thing that differs between two readings of one directory.
fn difference(one: &Material, other: &Material) -> Option<String> {
    let same = |a: Option<&[u8]>, b: Option<&[u8]>| a == b;
    if !same(one.serial.bytes(), other.serial.bytes()) {
        return Some("serial".into());
    }
    if !same(one.inventory.bytes(), other.inventory.bytes()) {
        return Some("inventory.txt".into());
    }
    let der = |material: &Material| material.own_list.as_ref().map(|list| list.der().to_vec());
    if der(one) != der(other) {
        return Some("ca_crl.pem".into());
    }
    let signed = |material: &Material| -> Vec<(String, Option<pki::Serial>)> {
        material
            .signed
            .iter()
            .map(|(name, parsed)| (name.clone(), parsed.as_ref().ok().map(|one| one.serial())))
            .collect()
    };
    if signed(one) != signed(other) {
        return Some("signed/".into());
    }
    let requests =
        |material: &Material| material.requests.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    (requests(one) != requests(other)).then(|| "requests/".into())
}

fn exchange(place: &Path, destination: &Path, existed: bool) -> Result<(), SyncFault> {
    let flags = if existed { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    renameat_with(CWD, place, CWD, destination, flags).map_err(|fault| match fault {
        rustix::io::Errno::BUSY | rustix::io::Errno::INVAL | rustix::io::Errno::XDEV => {
            SyncFault::NotExchangeable(destination.display().to_string())
        }
        fault => SyncFault::Io { path: destination.to_owned(), source: fault.into() },
    })?;
    let parent = destination.parent().unwrap_or(Path::new("/"));
    sync_directory(parent).map_err(|source| SyncFault::Io { path: parent.to_owned(), source })
}
