//! The CA's private keys on disk: `ca_key.pem` is the one that signs; any other lies beside it, in a file that is named
//! after its public half. Such a file never changes its content, so no step of a rollover can lose a key.
//!
//! A private key is in no log. A member takes an entry that names a new key only once it has that key (see
//! [`crate::replicated`]): whoever may become primary can sign.

use crate::directory::{Directory, Layout, PRIVATE_MODE, PUBLIC_MODE};
use crate::state::{Side, State};
use pki::{KeyFault, PrivateKey, Signer as _};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tracing::warn;

/// Mode of the files beside `ca_key.pem`: nobody but this CA needs them.
pub const OTHER_KEY_MODE: u32 = 0o600;
/// Digits of a key's name: enough that no two keys of a CA share one.
const DIGITS: usize = 16;

/// Why a key cannot be used.
#[derive(Debug, Error)]
pub enum KeyProblem {
    /// It is in none of the files.
    #[error(
        "this member does not have the key {id}: neither {} nor {} holds it. Copy one of them from a member that has it \
         (mode 0600, the owner of the CA directory)",
        main.display(),
        other.display()
    )]
    Missing { id: String, main: PathBuf, other: PathBuf },
    /// A file is there that cannot be read.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// A file is there that holds no usable key.
    #[error("{}: {fault}", path.display())]
    Key { path: PathBuf, fault: KeyFault },
}

/// What a key is called: the first digits of the SHA-256 digest of its public half (DER of SubjectPublicKeyInfo).
pub fn id(spki_der: &[u8]) -> String {
    let digest = pki::fingerprint::Digests::of(spki_der).sha256;
    digest.iter().take(DIGITS / 2).map(|octet| format!("{octet:02x}")).collect()
}

/// Where the key of this name is kept beside `ca_key.pem`.
pub fn path(layout: &Layout, id: &str) -> PathBuf {
    layout.root().join(format!("ca_key-{id}.pem"))
}

/// The name of the key in a file of this name, if it is one of those beside `ca_key.pem`.
pub fn id_in(file: &str) -> Option<&str> {
    let id = file.strip_prefix("ca_key-")?.strip_suffix(".pem")?;
    (id.len() == DIGITS && id.bytes().all(|octet| octet.is_ascii_hexdigit())).then_some(id)
}

/// Reads the key with this public half from whichever file has it.
///
/// # Errors
/// [`KeyProblem`].
pub fn read(layout: &Layout, spki_der: &[u8]) -> Result<PrivateKey, KeyProblem> {
    let (main, other) = (layout.key(), path(layout, &id(spki_der)));
    let mut problem = None;
    for path in [&main, &other] {
        match read_file(path) {
            Ok(Some(key)) if key.spki_der() == spki_der => return Ok(key),
            Ok(_) => {}
            Err(fault) => problem = problem.or(Some(fault)),
        }
    }
    Err(problem.unwrap_or_else(|| KeyProblem::Missing { id: id(spki_der), main, other }))
}

/// Reads the key of this name, if a file has it.
///
/// # Errors
/// [`KeyProblem`].
pub fn named(layout: &Layout, wanted: &str) -> Result<Option<PrivateKey>, KeyProblem> {
    if id_in(&format!("ca_key-{wanted}.pem")).is_none() {
        return Ok(None);
    }
    let files = [path(layout, wanted), layout.key()];
    for file in &files {
        if let Some(key) = read_file(file)?.filter(|key| id(key.spki_der()) == wanted) {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Whether this is the name of a key that a state's CA signs with, or will, or has to for its former list.
pub fn in_use(state: &State, wanted: &str) -> bool {
    needed(state).into_iter().map(id).any(|id| id == wanted)
}

/// The public halves (DER) of the keys that a member must have: those of both sides, and one that waits for its
/// certificate.
pub fn needed(state: &State) -> Vec<&[u8]> {
    let both = [Side::Own, Side::Second].into_iter().filter_map(|side| state.authority_of(side));
    let awaited = state.awaited().map(|awaited| awaited.request.spki_der());
    both.map(pki::Certificate::spki_der).chain(awaited).collect()
}

fn read_file(path: &Path) -> Result<Option<PrivateKey>, KeyProblem> {
    match fs::read(path) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyProblem::Io { path: path.to_owned(), source }),
        Ok(pem) => PrivateKey::from_pem(&pem)
            .map(Some)
            .map_err(|fault| KeyProblem::Key { path: path.to_owned(), fault }),
    }
}

/// Keeps a key beside `ca_key.pem`; durable on return. A file that has it already stays as it is.
///
/// # Errors
/// Any fault of the file system.
pub fn keep(directory: &Directory, key: &PrivateKey) -> io::Result<()> {
    let path = path(directory.layout(), &id(key.spki_der()));
    if matches!(read_file(&path), Ok(Some(there)) if there.spki_der() == key.spki_der()) {
        return Ok(());
    }
    directory.write(&path, key.to_pem().as_bytes(), OTHER_KEY_MODE)
}

/// Makes `ca_key.pem` and `ca_pub.pem` those of this public half, and keeps the key that was there beside them. May be
/// repeated. False when this member does not have the key: its files stay as they are.
///
/// # Errors
/// Any fault of the file system.
pub fn install(directory: &Directory, spki_der: &[u8]) -> io::Result<bool> {
    let layout = directory.layout();
    let key = match read(layout, spki_der) {
        Ok(key) => key,
        Err(problem) => {
            warn!(%problem, "ca_key.pem stays as it is");
            return Ok(false);
        }
    };
    let present = fs::read(layout.key()).unwrap_or_default();
    let former = PrivateKey::from_pem(&present).ok();
    if former.as_ref().is_none_or(|former| former.spki_der() != spki_der) {
        if let Some(former) = former {
            keep(directory, &former)?;
        }
        directory.write(&layout.key(), key.to_pem().as_bytes(), PRIVATE_MODE)?;
    }
    let public = key.public_pem();
    if fs::read(layout.public_key()).ok().as_deref() != Some(public.as_bytes()) {
        directory.write(&layout.public_key(), public.as_bytes(), PUBLIC_MODE)?;
    }
    Ok(true)
}

/// Removes the file that keeps this key beside `ca_key.pem`.
///
/// # Errors
/// Any fault of the file system.
pub fn drop_other(directory: &Directory, spki_der: &[u8]) -> io::Result<()> {
    directory.remove(&path(directory.layout(), &id(spki_der)))
}

/// The keys that have been read, so that none is read for each signature.
#[derive(Debug)]
pub struct Keys {
    layout: Layout,
    known: Mutex<HashMap<Vec<u8>, Arc<PrivateKey>>>,
}

impl Keys {
    /// Nothing is read yet: a standby gets its first key only with its first snapshot.
    pub fn new(layout: Layout) -> Self {
        Self { layout, known: Mutex::default() }
    }

    /// The key with this public half.
    ///
    /// # Errors
    /// [`KeyProblem`].
    pub fn get(&self, spki_der: &[u8]) -> Result<Arc<PrivateKey>, KeyProblem> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(spki_der) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(read(&self.layout, spki_der)?);
        known.insert(spki_der.to_vec(), Arc::clone(&key));
        Ok(key)
    }

    /// Forgets a key that is not to be used any more.
    pub fn forget(&self, spki_der: &[u8]) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(spki_der);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::KeyKind;
    use std::os::unix::fs::PermissionsExt;

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::EcP256).unwrap()
    }

    #[test]
    fn a_key_takes_its_place_and_the_one_before_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let layout = directory.layout().clone();
        let (old, new) = (key(), key());
        fs::write(layout.key(), old.to_pem()).unwrap();
        assert!(!install(&directory, new.spki_der()).unwrap(), "nobody has it");
        assert!(matches!(read(&layout, new.spki_der()), Err(KeyProblem::Missing { .. })));
        keep(&directory, &new).unwrap();
        for _ in 0..2 {
            assert!(install(&directory, new.spki_der()).unwrap());
            assert_eq!(fs::read_to_string(layout.key()).unwrap(), new.to_pem());
            assert_eq!(fs::read_to_string(layout.public_key()).unwrap(), new.public_pem());
        }
        for one in [&old, &new] {
            assert_eq!(read(&layout, one.spki_der()).unwrap().spki_der(), one.spki_der());
            let mode = fs::metadata(path(&layout, &id(one.spki_der()))).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, OTHER_KEY_MODE);
        }
        drop_other(&directory, new.spki_der()).unwrap();
        drop_other(&directory, new.spki_der()).unwrap();
        assert_eq!(read(&layout, new.spki_der()).unwrap().spki_der(), new.spki_der(), "it is in ca_key.pem");
    }

    #[test]
    fn names_of_files_tell_keys_apart() {
        let id = id(key().spki_der());
        assert_eq!(id_in(&format!("ca_key-{id}.pem")), Some(id.as_str()));
        for other in ["ca_key.pem", "ca_key-.pem", "ca_key-xyz.pem", "ca_key-0123456789abcdeg.pem"] {
            assert_eq!(id_in(other), None, "{other}");
        }
    }
}
