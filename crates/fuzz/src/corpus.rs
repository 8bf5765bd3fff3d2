//! The inputs that are kept: real objects to begin with, and every input that has ever broken a promise.

use std::io;
use std::path::{Path, PathBuf};

/// Name and octets of each kept input of a target, in the order of the names.
///
/// # Errors
/// The folder of the target cannot be read.
pub fn corpus(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.iter().map(|path| Ok((name(path), std::fs::read(path)?))).collect()
}
