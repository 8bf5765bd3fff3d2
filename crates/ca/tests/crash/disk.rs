//! What a disk may hold after a crash, given the record of what was done to it.
//!
//! The model is a harsh file system: a name is durable once its directory was flushed, content once the file was; of
//! everything else any part may be there or not, and a write may be there in part. The order of what is kept is that
//! in which it was done.

use replica::witness::recorder::Operation;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A file, however its inode was used again.
type Id = usize;

#[derive(Clone, Debug)]
enum Change {
    /// Names that change together (a rename takes one and gives one), and what they stand for then.
    Names(Vec<(PathBuf, Option<Id>)>),
    Write(Id, u64, Vec<u8>),
    Cut(Id, u64),
    Sync(Id),
    SyncAll,
    SyncDirectory(PathBuf),
    Mark(String),
}

/// The names and contents of a directory.
#[derive(Clone, Debug, Default)]
struct Image {
    names: BTreeMap<PathBuf, Id>,
    contents: HashMap<Id, Vec<u8>>,
}

/// A record, ready to be cut off anywhere.
pub struct Record {
    initial: Image,
    changes: Vec<Change>,
}

/// What becomes of that which was not flushed.
#[derive(Clone, Copy, Debug)]
pub enum Unflushed {
    Kept,
    Lost,
    /// Each for itself, by this seed.
    Drawn(u64),
}

impl Record {
    /// `initial` is the directory before the first operation: its files with their inodes and contents.
    pub fn new(initial: Vec<(PathBuf, u64, Vec<u8>)>, operations: Vec<Operation>) -> Self {
        let mut before = Image::default();
        let mut of_inode: HashMap<u64, Id> = HashMap::new();
        for (id, (path, inode, bytes)) in initial.into_iter().enumerate() {
            before.names.insert(path, id);
            before.contents.insert(id, bytes);
            of_inode.insert(inode, id);
        }
        let mut next = before.contents.len();
        let mut names = before.names.clone();
        let mut changes = Vec::new();
        for operation in operations {
            match operation {
                Operation::Create { path, inode } => match names.get(&path) {
                    // Opened to be written anew: the old content goes.
                    Some(id) if of_inode.get(&inode) == Some(id) => changes.push(Change::Cut(*id, 0)),
                    _ => {
                        of_inode.insert(inode, next);
                        names.insert(path.clone(), next);
                        changes.push(Change::Names(vec![(path, Some(next))]));
                        next += 1;
                    }
                },
                Operation::Write { inode, offset, bytes } => {
                    changes.extend(of_inode.get(&inode).map(|id| Change::Write(*id, offset, bytes)));
                }
                Operation::Cut { inode, length } => {
                    changes.extend(of_inode.get(&inode).map(|id| Change::Cut(*id, length)));
                }
                Operation::Sync { inode } => changes.extend(of_inode.get(&inode).map(|id| Change::Sync(*id))),
                Operation::SyncAll => changes.push(Change::SyncAll),
                Operation::Rename { from, to } => {
                    if let Some(id) = names.remove(&from) {
                        names.insert(to.clone(), id);
                        changes.push(Change::Names(vec![(from, None), (to, Some(id))]));
                    }
                }
                Operation::Remove { path } => {
                    names.remove(&path);
                    changes.push(Change::Names(vec![(path, None)]));
                }
                Operation::SyncDirectory { path } => changes.push(Change::SyncDirectory(path)),
                Operation::Mark(text) => changes.push(Change::Mark(text)),
            }
        }
        Self { initial: before, changes }
    }

    /// How many places there are to cut it off.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether something was done to the disk just before this place: else a cut there is the same as one earlier.
    pub fn differs_at(&self, end: usize) -> bool {
        end == 0 || !matches!(self.changes[end - 1], Change::Mark(_)) || end == self.changes.len()
    }

    /// What was marked before the cut.
    pub fn marks(&self, end: usize) -> BTreeSet<&str> {
        let marks = self.changes[..end].iter().filter_map(|change| match change {
            Change::Mark(text) => Some(text.as_str()),
            _ => None,
        });
        marks.collect()
    }

    /// Writes what a crash after `end` changes leaves behind into `target`; paths lose the prefix `root`.
    pub fn materialise(&self, end: usize, unflushed: Unflushed, root: &Path, target: &Path) {
        let mut image = self.initial.clone();
        let mut draw = match unflushed {
            Unflushed::Drawn(seed) => Some(Draw(seed)),
            _ => None,
        };
        let done = &self.changes[..end];
        for (at, change) in done.iter().enumerate() {
            let flushed = is_flushed(change, &done[at + 1..]);
            let kept = flushed
                || match (&mut draw, unflushed) {
                    (Some(draw), _) => draw.below(2) == 0,
                    (None, kept) => matches!(kept, Unflushed::Kept),
                };
            if !kept {
                continue;
            }
            match change {
                Change::Names(names) => {
                    for (path, id) in names {
                        match id {
                            Some(id) => image.names.insert(path.clone(), *id),
                            None => image.names.remove(path),
                        };
                    }
                }
                Change::Write(id, offset, bytes) => {
                    let torn = !flushed && draw.as_mut().is_some_and(|draw| draw.below(2) == 0);
                    let part = match &mut draw {
                        Some(draw) if torn => draw.below(bytes.len() as u64 + 1) as usize,
                        _ => bytes.len(),
                    };
                    let content = image.contents.entry(*id).or_default();
                    let offset = *offset as usize;
                    content.resize(content.len().max(offset + part), 0);
                    content[offset..offset + part].copy_from_slice(&bytes[..part]);
                }
                Change::Cut(id, length) => image.contents.entry(*id).or_default().resize(*length as usize, 0),
                Change::Sync(_) | Change::SyncAll | Change::SyncDirectory(_) | Change::Mark(_) => {}
            }
        }
        for folder in ["signed", "requests", "bunraku/tmp"] {
            std::fs::create_dir_all(target.join(folder)).unwrap();
        }
        for (path, id) in image.names {
            let path = target.join(path.strip_prefix(root).unwrap());
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, image.contents.get(&id).map_or(&[][..], Vec::as_slice)).unwrap();
        }
    }
}

fn is_flushed(change: &Change, later: &[Change]) -> bool {
    later.iter().any(|later| match (change, later) {
        (Change::Write(id, ..) | Change::Cut(id, _), Change::Sync(synced)) => id == synced,
        (Change::Write(..) | Change::Cut(..), Change::SyncAll) => true,
        (Change::Names(names), Change::SyncDirectory(directory)) => {
            names.iter().any(|(path, _)| path.parent() == Some(directory))
        }
        _ => false,
    })
}

/// A small generator (splitmix64): the same seed, the same crash.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}
