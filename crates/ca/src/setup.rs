//! A new authority, as Puppet Server makes itself one at its first start: one self-signed certificate.

use crate::directory::{DIRECTORY_MODE, Layout, PRIVATE_MODE, PUBLIC_MODE, sync_directory};
use crate::inventory::Row;
use crate::store::{OpenFault, Store};
use crate::time;
use pki::crl::CrlDraft;
use pki::issue::{self, BACKDATED_SECONDS, IssueFault};
use pki::{KeyFault, KeyKind, PrivateKey, Serial};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// What the new authority is to be.
#[derive(Clone, Debug)]
pub struct SetupOptions {
    /// Common name of the CA certificate; Puppet's is `Puppet CA: HOST`.
    pub ca_name: String,
    /// Kind of the CA's key; Puppet's is RSA-4096.
    pub key: KeyKind,
    /// Life of the CA certificate, seconds; Puppet's is `ca_ttl`, 5 years.
    pub ca_ttl: i64,
}

/// What is being done, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupStep {
    /// Making the key: seconds for RSA-4096.
    Key,
    /// Signing the certificate and an empty revocation list.
    Certificate,
    /// Writing the directory.
    Directory,
}

/// Why there is no new authority. Nothing was left behind.
#[derive(Debug, Error)]
pub enum SetupFault {
    /// The directory is not empty.
    #[error("{} exists and is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The key could not be made.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The certificate or list could not be made.
    #[error(transparent)]
    Issue(#[from] IssueFault),
    /// The log could not be begun.
    #[error(transparent)]
    Open(#[from] OpenFault),
}

/// Validity of the first revocation list.
const LIST_YEARS: i32 = 5;

/// Makes a CA directory at `cadir`, with the beginning of its log. All or nothing: everything is made beside it and
/// renamed at the end.
///
/// # Errors
/// [`SetupFault`].
pub fn setup(
    cadir: &Path,
    options: &SetupOptions,
    mut progress: impl FnMut(SetupStep),
) -> Result<(), SetupFault> {
    let fault = |source| SetupFault::Io { path: cadir.to_owned(), source };
    match fs::read_dir(cadir).map(Iterator::count) {
        Ok(0) => {}
        Ok(_) => return Err(SetupFault::NotEmpty(cadir.to_owned())),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {}
        Err(other) => return Err(fault(other)),
    }
    let parent = cadir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(fault)?;
    let mut name = cadir.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".new-{}", std::process::id()));
    let unfinished = parent.join(name);
    let made = make(&unfinished, options, &mut progress)
        .and_then(|()| fs::rename(&unfinished, cadir).and_then(|()| sync_directory(parent)).map_err(fault));
    if made.is_err() {
        // Best effort: the first fault is the one to be told.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

fn make(root: &Path, options: &SetupOptions, progress: &mut impl FnMut(SetupStep)) -> Result<(), SetupFault> {
    progress(SetupStep::Key);
    let key = Arc::new(PrivateKey::generate(options.key)?);

    progress(SetupStep::Certificate);
    let now = time::now();
    let serial = Serial::from_u64(1);
    let (not_before, not_after) = (now - BACKDATED_SECONDS, now + options.ca_ttl);
    let certificate = issue::self_signed_ca(&options.ca_name, &*key, serial, not_before, not_after)?;
    let authority = issue::Authority { certificate: certificate.clone(), signer: key.clone() };
    let next_update = time::add_years(now, LIST_YEARS);
    let draft = CrlDraft { number: 0, this_update: now, next_update, entries: &[] };
    let list = pki::crl::issue(&authority, &draft)?;

    progress(SetupStep::Directory);
    let layout = Layout::new(root);
    let row = Row { serial, not_before, not_after, name: options.ca_name.clone() };
    let private = PRIVATE_MODE;
    let files: [(PathBuf, String, u32); 9] = [
        (layout.key(), key.to_pem(), private),
        (layout.public_key(), key.public_pem(), PUBLIC_MODE),
        (layout.bundle(), certificate.to_pem(), PUBLIC_MODE),
        (layout.revocation_lists(), list.to_pem(), PUBLIC_MODE),
        (root.join("infra_crl.pem"), list.to_pem(), PUBLIC_MODE),
        (root.join("infra_inventory.txt"), String::new(), private),
        (root.join("infra_serials"), String::new(), PUBLIC_MODE),
        (layout.inventory(), row.to_line(), private),
        (layout.serial(), serial.next().to_string(), PUBLIC_MODE),
    ];
    let write = || {
        make_directory(root)?;
        make_directory(&layout.requests())?;
        make_directory(&layout.signed())?;
        files.iter().try_for_each(|(path, content, mode)| write_file(path, content.as_bytes(), *mode))?;
        sync_directory(root)
    };
    write().map_err(|source| SetupFault::Io { path: root.to_owned(), source })?;
    // Opening it once begins the log.
    Store::open(root)?;
    Ok(())
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(DIRECTORY_MODE).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(DIRECTORY_MODE))
}

fn write_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_with_content_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("precious"), "x").unwrap();
        let options = SetupOptions { ca_name: "Puppet CA: x".into(), key: KeyKind::EcP256, ca_ttl: 1000 };
        assert!(matches!(setup(root.path(), &options, |_| {}), Err(SetupFault::NotEmpty(_))));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_authority_is_a_complete_directory() {
        let root = tempfile::tempdir().unwrap();
        let cadir = root.path().join("ssl/ca");
        let options = SetupOptions { ca_name: "Puppet CA: x".into(), key: KeyKind::EcP256, ca_ttl: 86_400 };
        let mut steps = Vec::new();
        setup(&cadir, &options, |step| steps.push(step)).unwrap();
        assert_eq!(steps, [SetupStep::Key, SetupStep::Certificate, SetupStep::Directory]);
        assert_eq!(fs::read_to_string(cadir.join("serial")).unwrap(), "0002");
        assert_eq!(fs::read_dir(root.path().join("ssl")).unwrap().count(), 1, "nothing else stays");
        let inventory = fs::read_to_string(cadir.join("inventory.txt")).unwrap();
        assert!(
            inventory.starts_with("0x0001 ") && inventory.ends_with(" /CN=Puppet CA: x\n"),
            "{inventory}"
        );
        let mode = |name: &str| fs::metadata(cadir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("ca_key.pem"), mode("ca_crt.pem"), mode("signed")), (0o640, 0o644, 0o750));
        let store = Store::open(&cadir).unwrap();
        assert!(store.membership.joined);
        assert_eq!(store.applied.index, 1);
        assert_eq!(store.state.unwrap().next_serial(), Serial::from_u64(2));
    }
}
