//! The file bucket: what agents replaced, kept by digest, in the layout of Puppet's `bucketdir`.
//!
//! `a/8/0/4/7/b/5/6/DIGEST/contents` is the file, `paths` beside it lists where it was. Several workers may share one
//! bucket.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::regular;

/// A SHA-256 in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum(String);

impl Sum {
    /// Reads what a path names.
    pub fn parse(text: &str) -> Option<Sum> {
        let digits = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        (text.len() == 64 && digits).then(|| Sum(text.to_string()))
    }

    /// Of a file's content.
    pub fn of(content: &[u8]) -> Sum {
        Sum(hex(&Sha256::digest(content)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A directory of backups.
#[derive(Debug)]
pub struct Bucket {
    dir: PathBuf,
}

impl Bucket {
    /// The bucket in `dir`, which is made when it is missing. Backups may hold secrets: nobody but owner and group
    /// may look.
    pub fn open(dir: &Path) -> io::Result<Bucket> {
        private_directories(dir)?;
        Ok(Bucket { dir: dir.to_path_buf() })
    }

    /// The backup of this digest; with a `path`, only if a file of that path was kept under it.
    pub fn find(&self, sum: &Sum, path: Option<&str>) -> io::Result<Option<(File, u64)>> {
        let dir = self.place(sum);
        let file = match regular::open_file(&dir.join("contents")) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        if let Some(path) = path {
            match std::fs::read_to_string(dir.join("paths")) {
                Ok(paths) if paths.lines().any(|line| line == path) => {}
                Ok(_) => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            }
        }
        let length = file.metadata()?.len();
        Ok(Some((file, length)))
    }

    /// Keeps `content`, whose digest is `sum`, as what was at `path`. It is on disk when this returns: the agent is
    /// about to destroy the original.
    pub fn save(&self, sum: &Sum, path: Option<&str>, content: &[u8]) -> io::Result<()> {
        let dir = self.place(sum);
        private_directories(&dir)?;
        let mut paths =
            OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(dir.join("paths"))?;
        // Held until the file is closed, against another worker with the same backup.
        paths.lock()?;
        let contents = dir.join("contents");
        match regular::open_file(&contents) {
            Ok(file) if digest(&file)? == *sum => {}
            Ok(_) => {
                tracing::warn!("the backup {} was damaged and is replaced", sum.0);
                replace(&contents, content)?;
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => replace(&contents, content)?,
            Err(e) => return Err(e),
        }
        if let Some(path) = path {
            let mut known = String::new();
            paths.read_to_string(&mut known)?;
            if !known.lines().any(|line| line == path) {
                paths.write_all(format!("{path}\n").as_bytes())?;
                paths.sync_all()?;
            }
        }
        Ok(())
    }

    fn place(&self, sum: &Sum) -> PathBuf {
        let mut dir = self.dir.clone();
        dir.extend(sum.0[..8].chars().map(|digit| digit.to_string()));
        dir.join(&sum.0)
    }
}

fn private_directories(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o750).create(dir)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = path.with_file_name(format!(".{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o440).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(e) = written.and_then(|()| std::fs::rename(&temporary, path)) {
        // Nobody knows of it; the first error says why.
        let _ = std::fs::remove_file(&temporary);
        return Err(e);
    }
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn digest(mut file: &File) -> io::Result<Sum> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sum(hex(&hasher.finalize()))),
            count => hasher.update(&buffer[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bucket: &Bucket, sum: &Sum, path: Option<&str>) -> Option<String> {
        let (mut file, length) = bucket.find(sum, path).unwrap()?;
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, length);
        Some(text)
    }

    #[test]
    fn a_backup_is_found_by_digest_and_by_its_paths() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(&dir.path().join("bucket")).unwrap();
        let sum = Sum::of(b"bucket me");
        assert_eq!(sum.as_str(), "a8047b5686dc46b5e63eadfbfce27825b00d707ca68276834eef069aa28eb994");
        assert_eq!(kept(&bucket, &sum, None), None);
        bucket.save(&sum, Some("tmp/x"), b"bucket me").unwrap();
        bucket.save(&sum, Some("tmp/y"), b"bucket me").unwrap();
        bucket.save(&sum, Some("tmp/x"), b"bucket me").unwrap();
        assert_eq!(kept(&bucket, &sum, None).unwrap(), "bucket me");
        assert_eq!(kept(&bucket, &sum, Some("tmp/y")).unwrap(), "bucket me");
        assert_eq!(kept(&bucket, &sum, Some("tmp")), None);
        let place = dir.path().join("bucket/a/8/0/4/7/b/5/6").join(sum.as_str());
        assert_eq!(std::fs::read_to_string(place.join("paths")).unwrap(), "tmp/x\ntmp/y\n");
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn a_damaged_backup_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let bucket = Bucket::open(dir.path()).unwrap();
        let sum = Sum::of(b"good");
        bucket.save(&sum, None, b"good").unwrap();
        let contents = bucket.place(&sum).join("contents");
        std::fs::remove_file(&contents).unwrap();
        std::fs::write(&contents, "bad!").unwrap();
        bucket.save(&sum, None, b"good").unwrap();
        assert_eq!(kept(&bucket, &sum, None).unwrap(), "good");
    }

    #[test]
    fn only_lower_case_digits_are_a_digest() {
        assert!(Sum::parse(&"a".repeat(64)).is_some());
        for bad in ["a".repeat(63), "A".repeat(64), "../".repeat(22)[..64].to_string(), "é".repeat(32)] {
            assert_eq!(Sum::parse(&bad), None, "{bad}");
        }
    }
}
