//! The membership file: a [`Membership`] with a checksum, replaced atomically at each change (a few per failover).

use std::io;
use std::path::Path;

use thiserror::Error;

use crate::configuration::Membership;
use crate::storage::{Cell, FileCell};

/// Why the membership file cannot be used. None of these is guessed away: without it nobody knows what this member
/// has promised.
#[derive(Debug, Error)]
pub enum MembershipFault {
    /// It could not be read or written.
    #[error("membership file: {0}")]
    Io(#[from] io::Error),
    /// Its checksum is wrong or it is not what this build writes.
    #[error("membership file is damaged")]
    Damaged,
}

/// The file. `C` is [`FileCell`] outside of tests.
#[derive(Debug)]
pub struct MembershipFile<C: Cell = FileCell> {
    cell: C,
}

impl MembershipFile {
    /// The file at `path`, which need not exist.
    pub fn at(path: &Path) -> MembershipFile {
        MembershipFile { cell: FileCell::new(path) }
    }
}

impl<C: Cell> MembershipFile<C> {
    /// The file kept in `cell`.
    pub fn new(cell: C) -> MembershipFile<C> {
        MembershipFile { cell }
    }

    /// Reads it; none in a new directory.
    pub fn load(&self) -> Result<Option<Membership>, MembershipFault> {
        let Some(bytes) = self.cell.load()? else { return Ok(None) };
        let (sum, content) = bytes.split_first_chunk::<4>().ok_or(MembershipFault::Damaged)?;
        if u32::from_le_bytes(*sum) != crc32c::crc32c(content) {
            return Err(MembershipFault::Damaged);
        }
        minicbor::decode(content).map(Some).map_err(|_| MembershipFault::Damaged)
    }

    /// Replaces it; durable on return.
    pub fn store(&mut self, membership: &Membership) -> Result<(), MembershipFault> {
        let content = minicbor::to_vec(membership).expect("writing CBOR into memory cannot fail");
        let mut bytes = crc32c::crc32c(&content).to_le_bytes().to_vec();
        bytes.extend_from_slice(&content);
        Ok(self.cell.store(&bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;
    use crate::name::{ClusterId, MemberName};

    #[test]
    fn what_is_stored_is_loaded_and_damage_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("membership");
        let mut file = MembershipFile::at(&path);
        assert_eq!(file.load().unwrap(), None);
        let mut membership = Membership::blank(7);
        membership.configuration = Some(Configuration::first(ClusterId::new("c"), MemberName::new("ca-1")));
        membership.joined = true;
        file.store(&membership).unwrap();
        assert_eq!(file.load().unwrap(), Some(membership));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(file.load(), Err(MembershipFault::Damaged)));
    }
}
