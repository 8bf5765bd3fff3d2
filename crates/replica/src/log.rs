//! The log file: a header, then framed entries.
//!
//! ```text
//! file   = record(header) record(entry)*
//! record = "BnLg" | length u32 LE | crc32c u32 LE (of length and content) | content (CBOR)
//! header = { 0: format, 1: base position }          entry = { 0: entry, 1: index known durable when it was written }
//! ```
//!
//! What follows the last good record is a torn tail (written, never flushed, cut off by a crash; or octets of value 0,
//! kept for the records to come) and is cut away when the file is opened. Unless a later record proves that the bad place had once been flushed: then the file is
//! damaged, and opening fails rather than forget something acknowledged.

use std::io;
use std::path::Path;

use minicbor::{Decode, Encode};
use thiserror::Error;

use crate::position::{Entry, Position};
use crate::report::Fault;
use crate::storage::{FileStorage, Storage};

const MAGIC: [u8; 4] = *b"BnLg";
const PREFIX: usize = 12;
const FORMAT: u32 = 1;
/// Octets of a record beside the payload of its entry, at most.
const ABOUT_A_RECORD: usize = 64;

/// Why the log cannot be read or written.
#[derive(Debug, Error)]
pub enum LogFault {
    /// The file system said no. The log is as it was before the call (see [`Log::append`]).
    #[error("log: {0}")]
    Io(#[from] io::Error),
    /// A record that had been flushed is no longer readable.
    #[error("log is damaged at byte {offset}: entry {index} had been flushed and cannot be read")]
    Damaged {
        /// Where the unreadable record begins.
        offset: u64,
        /// Index of the entry that is missing.
        index: u64,
    },
    /// The file does not begin with a header of this build.
    #[error("not a log of this version")]
    NotALog,
    /// A position that is not in the log, or entries that do not follow its end.
    #[error("position {0} does not fit the log")]
    Misfit(Position),
    /// An earlier flush failed: what the file holds is unknown until it is opened again.
    #[error("log must be opened again after a failed flush")]
    Poisoned,
}

impl LogFault {
    /// What to report when a write failed for this reason.
    pub fn fault(&self) -> Fault {
        match self {
            LogFault::Io(fault) if fault.kind() == io::ErrorKind::StorageFull => Fault::DiskFull,
            LogFault::Io(fault) if fault.kind() == io::ErrorKind::QuotaExceeded => Fault::DiskFull,
            _ => Fault::Disk,
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Header {
    #[n(0)]
    format: u32,
    #[n(1)]
    base: Position,
}

#[derive(Decode)]
#[cbor(map)]
struct Record {
    #[n(0)]
    entry: Entry,
    #[n(1)]
    durable: u64,
}

/// [`Record`], as it is written.
#[derive(Encode)]
#[cbor(map)]
struct NewRecord<'a> {
    #[n(0)]
    entry: &'a Entry,
    #[n(1)]
    durable: u64,
}

/// The log on disk. Calls block; whoever has an event loop gives it a thread of its own.
#[derive(Debug)]
pub struct Log<S: Storage = FileStorage> {
    storage: S,
    base: Position,
    /// Position of each entry after `base`, and the byte where its record ends.
    places: Vec<(Position, u64)>,
    /// End of the header record.
    start: u64,
    flushed: Position,
    poisoned: bool,
}

impl Log {
    /// Makes an empty log at `path` that begins after `base` ([`Position::ZERO`] unless a snapshot stands for what
    /// came before). Durable on return.
    pub fn create_at(path: &Path, base: Position) -> Result<Log, LogFault> {
        let storage = FileStorage::create(path, &header(base))?;
        Ok(Log::empty(storage, base))
    }

    /// Opens the log at `path`; gives it and its entries.
    pub fn open_at(path: &Path) -> Result<(Log, Vec<Entry>), LogFault> {
        Log::open(FileStorage::open(path)?)
    }
}

impl<S: Storage> Log<S> {
    fn empty(storage: S, base: Position) -> Log<S> {
        let start = header(base).len() as u64;
        Log { storage, base, places: Vec::new(), start, flushed: base, poisoned: false }
    }

    /// Makes an empty log in `storage`.
    pub fn create(mut storage: S, base: Position) -> Result<Log<S>, LogFault> {
        storage.replace(&header(base))?;
        Ok(Log::empty(storage, base))
    }

    /// Reads `storage`, cuts a torn tail away, makes the rest durable.
    pub fn open(mut storage: S) -> Result<(Log<S>, Vec<Entry>), LogFault> {
        let bytes = storage.read()?;
        let (content, start) = record_at(&bytes, 0).ok_or(LogFault::NotALog)?;
        let header: Header = minicbor::decode(content).map_err(|_| LogFault::NotALog)?;
        if header.format != FORMAT {
            return Err(LogFault::NotALog);
        }
        let mut log = Log::empty(storage, header.base);
        let mut entries = Vec::new();
        let mut offset = start;
        while let Some((record, end)) = entry_at(&bytes, offset) {
            if !record.entry.follows(&log.last()) {
                break;
            }
            log.places.push((record.entry.position, end as u64));
            entries.push(record.entry);
            offset = end;
        }
        if offset < bytes.len() {
            let missing = log.last().index + 1;
            let vouches = |at| entry_at(&bytes, at).is_some_and(|(record, _)| record.durable >= missing);
            if (offset..bytes.len()).any(|at| bytes[at] == MAGIC[0] && vouches(at)) {
                return Err(LogFault::Damaged { offset: offset as u64, index: missing });
            }
            log.storage.truncate(offset as u64)?;
        }
        log.storage.sync()?;
        log.flushed = log.last();
        Ok((log, entries))
    }

    /// Position before the first entry.
    pub fn base(&self) -> Position {
        self.base
    }

    /// Position of the last entry, flushed or not.
    pub fn last(&self) -> Position {
        self.places.last().map_or(self.base, |(position, _)| *position)
    }

    /// Whether this position is in the log (its base counts). A state that stands at a position which is not was put
    /// in place by a snapshot whose second half, [`Log::reset`], a crash has prevented: do it now.
    pub fn contains(&self, position: &Position) -> bool {
        self.count_to(position).is_ok()
    }

    /// Everything up to here is durable.
    pub fn flushed(&self) -> Position {
        self.flushed
    }

    /// Bytes in the file.
    pub fn size(&self) -> u64 {
        self.end()
    }

    fn end(&self) -> u64 {
        self.places.last().map_or(self.start, |(_, end)| *end)
    }

    /// Writes `entries` at the end; durable only after [`Log::flush`]. After an error none of them is in the log: the
    /// file has been cut back, or, when that failed too, the log is poisoned.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), LogFault> {
        self.usable()?;
        let payloads: usize = entries.iter().map(|entry| entry.payload.len()).sum();
        let mut bytes = Vec::with_capacity(payloads + entries.len() * ABOUT_A_RECORD);
        let mut places = Vec::with_capacity(entries.len());
        let mut last = self.last();
        for entry in entries {
            if !entry.follows(&last) {
                return Err(LogFault::Misfit(entry.position));
            }
            last = entry.position;
            put_record(&mut bytes, NewRecord { entry, durable: self.flushed.index });
            places.push((entry.position, self.end() + bytes.len() as u64));
        }
        if let Err(fault) = self.storage.append(&bytes) {
            self.poisoned = self.storage.truncate(self.end()).is_err();
            return Err(fault.into());
        }
        self.places.extend(places);
        Ok(())
    }

    /// Makes everything durable; gives the end. After an error the state of the file is unknown: the process should
    /// end, and open the log again in its next life.
    pub fn flush(&mut self) -> Result<Position, LogFault> {
        self.usable()?;
        if let Err(fault) = self.storage.sync() {
            self.poisoned = true;
            return Err(fault.into());
        }
        self.flushed = self.last();
        Ok(self.flushed)
    }

    /// Drops every entry after `to`. Durable on return: were it not, a crash could leave new entries half written
    /// in front of old ones that look flushed, and opening would take that for damage.
    pub fn truncate(&mut self, to: &Position) -> Result<(), LogFault> {
        self.usable()?;
        let keep = self.count_to(to)?;
        let end = if keep == 0 { self.start } else { self.places[keep - 1].1 };
        self.storage.truncate(end)?;
        if let Err(fault) = self.storage.sync() {
            self.poisoned = true;
            return Err(fault.into());
        }
        self.places.truncate(keep);
        self.flushed = *to;
        Ok(())
    }

    /// Empties the log to begin after `base`: a snapshot that stands for everything up to there has been made
    /// durable before this is called. Atomic and durable.
    pub fn reset(&mut self, base: Position) -> Result<(), LogFault> {
        self.usable()?;
        self.storage.replace(&header(base))?;
        self.base = base;
        self.start = header(base).len() as u64;
        self.places.clear();
        self.flushed = base;
        Ok(())
    }

    /// Drops the entries up to and with `to`: a snapshot that stands for them is durable. Atomic and durable.
    pub fn compact(&mut self, to: &Position) -> Result<(), LogFault> {
        self.usable()?;
        let drop = self.count_to(to)?;
        if drop == 0 {
            return Ok(());
        }
        let cut = self.places[drop - 1].1;
        let mut kept = header(*to);
        let start = kept.len() as u64;
        // Only what stays is read: what goes may be hundreds of megabytes.
        kept.extend_from_slice(&self.storage.read_from(cut)?[..(self.end() - cut) as usize]);
        self.storage.replace(&kept)?;
        self.places.drain(..drop);
        for (_, end) in &mut self.places {
            *end = *end - cut + start;
        }
        self.base = *to;
        self.start = start;
        self.flushed = self.last();
        Ok(())
    }

    fn usable(&self) -> Result<(), LogFault> {
        if self.poisoned { Err(LogFault::Poisoned) } else { Ok(()) }
    }

    /// How many entries there are up to and with `position`, which must be in the log.
    fn count_to(&self, position: &Position) -> Result<usize, LogFault> {
        if *position == self.base {
            return Ok(0);
        }
        let count = position.index.saturating_sub(self.base.index) as usize;
        match count.checked_sub(1).and_then(|last| self.places.get(last)) {
            Some((found, _)) if found == position => Ok(count),
            _ => Err(LogFault::Misfit(*position)),
        }
    }
}

fn header(base: Position) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_record(&mut bytes, Header { format: FORMAT, base });
    bytes
}

fn put_record(bytes: &mut Vec<u8>, content: impl Encode<()>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; PREFIX]);
    minicbor::encode(content, &mut *bytes).expect("writing CBOR into memory cannot fail");
    let (prefix, content) = bytes[start..].split_at_mut(PREFIX);
    let length = (content.len() as u32).to_le_bytes();
    let sum = crc32c::crc32c_append(crc32c::crc32c(&length), content).to_le_bytes();
    prefix[..4].copy_from_slice(&MAGIC);
    prefix[4..8].copy_from_slice(&length);
    prefix[8..].copy_from_slice(&sum);
}

/// Content of the record at `offset` and where it ends; none if there is no whole, sound record.
fn record_at(bytes: &[u8], offset: usize) -> Option<(&[u8], usize)> {
    let prefix = bytes.get(offset..offset + PREFIX)?;
    let (magic, rest) = prefix.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let sum = rest.first_chunk::<4>()?;
    if *magic != MAGIC {
        return None;
    }
    let end = offset.checked_add(PREFIX)?.checked_add(u32::from_le_bytes(*length) as usize)?;
    let content = bytes.get(offset + PREFIX..end)?;
    let sound = crc32c::crc32c_append(crc32c::crc32c(length), content) == u32::from_le_bytes(*sum);
    sound.then_some((content, end))
}

fn entry_at(bytes: &[u8], offset: usize) -> Option<(Record, usize)> {
    let (content, end) = record_at(bytes, offset)?;
    Some((minicbor::decode(content).ok()?, end))
}
