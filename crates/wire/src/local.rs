//! Unix sockets: owner-only, at any path length, and never in the way of a later start.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest path that fits into a socket address on Linux (108 bytes with the closing zero).
const MAX_SOCKET_PATH: usize = 107;

/// Why a local socket could not be opened for listening.
#[derive(Debug, thiserror::Error)]
pub enum LocalFault {
    /// Somebody is listening there already.
    #[error("{0} is in use by a running process")]
    InUse(PathBuf),
    /// There is a file at this path which is not a socket.
    #[error("{0} exists and is not a socket")]
    NotASocket(PathBuf),
    /// The file system refused.
    #[error("cannot listen on {path}: {source}")]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A path that fits into a socket address: the given one, or one through a handle on its directory. The handle must
/// live as long as the path is used.
pub(crate) struct SocketPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl SocketPath {
    pub(crate) fn new(path: &Path) -> io::Result<SocketPath> {
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return Ok(SocketPath { path: path.to_owned(), _directory: None });
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the path of a socket"));
        };
        let directory = File::open(parent)?;
        let path = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
        Ok(SocketPath { path, _directory: Some(directory) })
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// A listening Unix socket that only its owner may open. The file goes away with it.
#[derive(Debug)]
pub struct LocalListener {
    pub(crate) listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

impl LocalListener {
    /// Listens at `path`. A socket left there by a process that died is replaced; one that answers is not.
    pub fn bind(path: impl Into<PathBuf>) -> Result<LocalListener, LocalFault> {
        let path = path.into();
        let fault = |source| LocalFault::Io { path: path.clone(), source };
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.file_type().is_socket() => return Err(LocalFault::NotASocket(path)),
            Ok(_) => {
                let place = SocketPath::new(&path).map_err(fault)?;
                if std::os::unix::net::UnixStream::connect(place.as_path()).is_ok() {
                    return Err(LocalFault::InUse(path));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fault(error)),
        }
        // Bound under another name and renamed, so that at its own name it never has wider permissions.
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let place = SocketPath::new(&fresh).map_err(fault)?;
        let listener = std::os::unix::net::UnixListener::bind(place.as_path()).map_err(fault)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).map_err(fault)?;
        fs::rename(&fresh, &path).map_err(fault)?;
        listener.set_nonblocking(true).map_err(fault)?;
        Ok(LocalListener { listener, path })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        // Best effort: a socket that stays behind is replaced by the next start.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_socket_is_not_taken_and_a_dead_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let first = LocalListener::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(LocalListener::bind(&path), Err(LocalFault::InUse(_))));
        drop(first);
        assert!(!path.exists());
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "what a killed process leaves behind");
        LocalListener::bind(&path).unwrap();
    }

    #[test]
    fn a_file_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(LocalListener::bind(&path), Err(LocalFault::NotASocket(_))));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_long_path_works() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        let listener = LocalListener::bind(deep.join("socket")).unwrap();
        let place = SocketPath::new(listener.path()).unwrap();
        std::os::unix::net::UnixStream::connect(place.as_path()).unwrap();
    }
}
