//! Checksums of files by Puppet's `checksum_type`.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use sha2::Digest;

use crate::regular;

/// Puppet's checksum types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumType {
    Md5,
    Md5Lite,
    Sha1,
    Sha1Lite,
    Sha224,
    Sha256,
    Sha256Lite,
    Sha384,
    Sha512,
    Mtime,
    Ctime,
    None,
}

/// The "lite" types read no more than this.
const LITE: u64 = 512;

impl ChecksumType {
    /// By Puppet's name.
    pub fn parse(name: &str) -> Option<ChecksumType> {
        use ChecksumType::*;
        Some(match name {
            "md5" => Md5,
            "md5lite" => Md5Lite,
            "sha1" => Sha1,
            "sha1lite" => Sha1Lite,
            "sha224" => Sha224,
            "sha256" => Sha256,
            "sha256lite" => Sha256Lite,
            "sha384" => Sha384,
            "sha512" => Sha512,
            "mtime" => Mtime,
            "ctime" => Ctime,
            "none" => None,
            _ => return Option::None,
        })
    }

    /// Puppet's name.
    pub fn name(self) -> &'static str {
        use ChecksumType::*;
        match self {
            Md5 => "md5",
            Md5Lite => "md5lite",
            Sha1 => "sha1",
            Sha1Lite => "sha1lite",
            Sha224 => "sha224",
            Sha256 => "sha256",
            Sha256Lite => "sha256lite",
            Sha384 => "sha384",
            Sha512 => "sha512",
            Mtime => "mtime",
            Ctime => "ctime",
            None => "none",
        }
    }

    /// The checksum of the file at `path`, without the `{type}` prefix.
    pub fn of_file(self, path: &Path, metadata: &Metadata) -> io::Result<String> {
        use ChecksumType::*;
        match self {
            Md5 => digest::<md5::Md5>(path, u64::MAX),
            Md5Lite => digest::<md5::Md5>(path, LITE),
            Sha1 => digest::<sha1::Sha1>(path, u64::MAX),
            Sha1Lite => digest::<sha1::Sha1>(path, LITE),
            Sha224 => digest::<sha2::Sha224>(path, u64::MAX),
            Sha256 => digest::<sha2::Sha256>(path, u64::MAX),
            Sha256Lite => digest::<sha2::Sha256>(path, LITE),
            Sha384 => digest::<sha2::Sha384>(path, u64::MAX),
            Sha512 => digest::<sha2::Sha512>(path, u64::MAX),
            Mtime => metadata.modified().map(ruby_time),
            Ctime => Ok(change_time(metadata)),
            None => Ok(String::new()),
        }
    }
}

/// `{ctime}`'s value, which Puppet uses for directories.
pub fn change_time(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    timestamp(metadata.ctime())
}

fn digest<D: Digest>(path: &Path, limit: u64) -> io::Result<String> {
    let mut reader = regular::open_file(path)?.take(limit);
    let mut hasher = D::new();
    let mut buffer = [0_u8; 64 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => break,
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn ruby_time(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64);
    timestamp(seconds)
}

/// `2026-11-22 09:53:43 +0000`, Ruby's `Time#to_s`.
fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|t| t.strftime("%Y-%m-%d %H:%M:%S +0000").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_recorded_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hello.txt");
        std::fs::write(&path, "hello file\n").unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        let of = |kind: ChecksumType| kind.of_file(&path, &metadata).unwrap();
        let sha256 = "702b7d2e4b28c4f3ef1434bd2333a83427796a9007fb2a23248becd4d51a3e7f";
        assert_eq!(of(ChecksumType::Sha256), sha256);
        assert_eq!(of(ChecksumType::Sha256Lite), sha256);
        assert!(of(ChecksumType::Md5).starts_with("14f21c9a90ca89a660e63f886a91"));
        assert_eq!(of(ChecksumType::None), "");
    }

    #[test]
    fn a_lite_digest_reads_the_head_only() {
        let dir = tempfile::tempdir().unwrap();
        let (long, head) = (dir.path().join("long"), dir.path().join("head"));
        std::fs::write(&long, [b'x'; 5000]).unwrap();
        std::fs::write(&head, [b'x'; 512]).unwrap();
        let metadata = std::fs::metadata(&long).unwrap();
        let lite = ChecksumType::Md5Lite.of_file(&long, &metadata).unwrap();
        assert_eq!(lite, ChecksumType::Md5.of_file(&head, &metadata).unwrap());
    }

    #[test]
    fn time_is_written_as_ruby_does() {
        assert_eq!(timestamp(1_795_341_223), "2026-11-22 09:53:43 +0000");
    }
}
