//! The files of the audit record: appended to in place, flushed before a snapshot makes them the only copy.

use super::{Batch, Directory, Layout, OWN_MODE, flush, sync_directory, write_at};
use crate::audit::{Append, Audit, segment_name};
use crate::state::State;
use crate::time;
use replica::witness;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};
use tracing::{error, warn};

/// Nobody but the CA reads it: it names every node, and where its operators work.
const MODE: u32 = 0o600;
/// Octets of a file that are compared or filled at a time.
const PIECE: usize = 1 << 20;

impl Layout {
    /// `bunraku/audit/NUMBER.jsonl`: the file whose first line has this number.
    pub fn audit_segment(&self, first: u64) -> PathBuf {
        self.audit().join(segment_name(first))
    }
}

impl Directory {
    fn unflushed(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        // Each change is a single insertion or removal.
        self.unflushed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines where they belong. May be repeated.
    pub(super) fn write_record(&self, lines: &[Append]) -> io::Result<()> {
        for append in lines {
            let path = self.layout.audit_segment(append.segment);
            let file = self.open_segment(&path)?;
            self.unflushed().insert(append.segment);
            self.write_lines(&path, &file, append)?;
        }
        Ok(())
    }

    fn open_segment(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).mode(MODE);
        match options.open(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
            other => return other,
        }
        self.make_directory(&self.layout.audit(), OWN_MODE)?;
        let file = options.create(true).truncate(false).open(path)?;
        witness::created(path, &file);
        if let Some((user, group)) = self.owner {
            std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
        }
        Ok(file)
    }

    fn write_lines(&self, path: &Path, file: &File, Append { offset, text, .. }: &Append) -> io::Result<()> {
        let length = file.metadata()?.len();
        let text = text.as_bytes();
        if length < *offset {
            error!(
                path = %path.display(), length, expected = offset,
                "the audit record was cut short by somebody else: the lines in between are lost here; \
                 'bunraku ca log --verify' says which"
            );
            // Lines that hold nothing, so that what comes now is found and read.
            let mut at = length;
            while at < *offset {
                let piece = usize::try_from(offset - at).unwrap_or(PIECE).min(PIECE);
                write_at(file, &b"\n".repeat(piece), at)?;
                at += piece as u64;
            }
        }
        let known = usize::try_from(length.saturating_sub(*offset)).unwrap_or(usize::MAX).min(text.len());
        if known > 0 {
            let mut there = vec![0; known];
            file.read_exact_at(&mut there, *offset)?;
            if there == text[..known] {
                // A repeated batch, or its beginning.
                return if known == text.len() {
                    Ok(())
                } else {
                    write_at(file, &text[known..], *offset + known as u64)
                };
            }
            // Octets of value 0 are those that a crash kept from the disk.
            if there.iter().zip(text).any(|(there, ours)| there != ours && *there != 0) {
                let kept = self.set_segment_aside(path)?;
                error!(
                    path = %path.display(), kept = %kept.display(),
                    "the audit record was changed by somebody else; written anew from the log, the file as it was is kept"
                );
                // Nor does what came after it follow from what is written now.
                file.set_len(*offset)?;
            }
        }
        write_at(file, text, *offset)
    }

    /// Keeps a copy of a file as it is.
    fn set_segment_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let target = self.place_for_found()?.join(path.file_name().unwrap_or_default());
        fs::copy(path, &target)?;
        File::open(&target)?.sync_all()?;
        sync_directory(target.parent().unwrap_or(&target))?;
        Ok(target)
    }

    fn place_for_found(&self) -> io::Result<PathBuf> {
        let place = self.layout.found().join(time::format(time::now()).replace(':', "")).join("audit");
        DirBuilder::new().recursive(true).mode(OWN_MODE).create(&place)?;
        Ok(place)
    }

    /// Makes everything that was written to the record durable. Before a snapshot: the log may drop what it has of it.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub(crate) fn flush_record(&self) -> io::Result<()> {
        let segments: Vec<u64> = self.unflushed().iter().copied().collect();
        if segments.is_empty() {
            return Ok(());
        }
        for segment in &segments {
            match File::open(self.layout.audit_segment(*segment)) {
                Ok(file) => flush::one(&file)?,
                // Somebody has removed it; there is nothing left to flush.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        for directory in [self.layout.audit(), self.layout.own()] {
            sync_directory(&directory)?;
        }
        self.unflushed().retain(|segment| !segments.contains(segment));
        Ok(())
    }

    /// At the start: writes what the files lack of these lines, which are all since the last snapshot. `record` is the
    /// state after them.
    pub(crate) fn complete_record(&self, lines: &Batch, record: &Audit) -> io::Result<()> {
        if !record.is_begun() {
            return Ok(());
        }
        let (segment, length) = record.end();
        let path = self.layout.audit_segment(segment);
        let there = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        if there < length {
            warn!(
                path = %path.display(), lacking = length - there,
                "the audit record is shorter than it was; what the log has of it is written again"
            );
        }
        self.write_record(&lines.audit)
    }

    /// On a member that is being fed by a snapshot: its record goes on in a file of its own. What it has of another
    /// record than its primary's is set aside.
    pub(crate) fn resume_record(&self, state: &mut State, held: Option<&State>) -> io::Result<()> {
        self.flush_record()?;
        let held = held.map(State::audit).filter(|held| held.is_begun());
        // Of a member that knows nothing any more nobody can say whether its files belong to this record.
        let is_another = held.is_none_or(|held| !state.audit().continues(held));
        if is_another {
            self.leave_record()?;
        }
        state.resume_record(held);
        Ok(())
    }

    /// Sets aside a record that does not lead to the one that is written from now on.
    pub(crate) fn leave_record(&self) -> io::Result<()> {
        if !self.layout.audit().exists() {
            return Ok(());
        }
        let place = self.place_for_found()?;
        fs::rename(self.layout.audit(), place.join("record"))?;
        sync_directory(&place)?;
        sync_directory(&self.layout.own())?;
        self.unflushed().clear();
        error!(
            kept = %place.display(),
            "the audit record that was here does not lead to the one of this log; it is set aside, and begins anew"
        );
        Ok(())
    }
}
