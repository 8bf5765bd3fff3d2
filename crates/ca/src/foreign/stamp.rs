//! Tells cheaply whether anybody has written to the directory: six `stat` calls, however many certificates there are.
//!
//! Adding, removing or replacing a file changes the directory it is in. A file that is written in place changes only
//! its own stamp: for the four single files that is seen here; one among the certificates is seen when the next change
//! makes [`super::look`] go through the names, because its change time (which nobody can set) is later than the last
//! look; `bunraku ca fsck` reads them all.

use crate::directory::Layout;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one content of a file or directory from another, without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub inode: u64,
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
    /// When the inode changed last, nanoseconds since 1970.
    pub changed: i64,
}

impl Stamp {
    /// That of a file or directory; none when it is missing.
    ///
    /// # Errors
    /// Any fault of the file system but that.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(|metadata| Some(Self::from(&metadata))),
        }
    }
}

impl From<&fs::Metadata> for Stamp {
    fn from(metadata: &fs::Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Serial,
    Inventory,
    Lists,
    Bundle,
    Signed,
    Requests,
}

impl Place {
    /// All of them, in the order of [`Seen`].
    pub const ALL: [Self; 6] =
        [Self::Serial, Self::Inventory, Self::Lists, Self::Bundle, Self::Signed, Self::Requests];

    /// Where it is.
    pub fn path(self, layout: &Layout) -> PathBuf {
        match self {
            Self::Serial => layout.serial(),
            Self::Inventory => layout.inventory(),
            Self::Lists => layout.revocation_lists(),
            Self::Bundle => layout.bundle(),
            Self::Signed => layout.signed(),
            Self::Requests => layout.requests(),
        }
    }
}

/// Files with a change time this much before a look may have been changed after it, nanoseconds: the file system's
/// clock ticks more slowly than ours.
const SLACK: i64 = 2_000_000_000;

/// The directory as it was when it was last known to show what the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Files that changed after this must be read to know them, nanoseconds since 1970.
    pub as_of: i64,
    stamps: [Option<Stamp>; 6],
}

impl Seen {
    /// The directory as it is now. To be taken before the look that judges it.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub fn now(layout: &Layout) -> io::Result<Self> {
        let clock = jiff::Timestamp::now().as_nanosecond();
        let as_of = i64::try_from(clock).unwrap_or(i64::MAX).saturating_sub(SLACK);
        let mut stamps = [None; 6];
        for (stamp, place) in stamps.iter_mut().zip(Place::ALL) {
            *stamp = Stamp::of(&place.path(layout))?;
        }
        Ok(Self { as_of, stamps })
    }

    /// This, but files that changed after `earlier` was taken must still be read.
    #[must_use]
    pub fn since(self, earlier: &Self) -> Self {
        Self { as_of: earlier.as_of, ..self }
    }

    /// The same, but as if this place had never been looked at.
    #[must_use]
    pub fn without(mut self, place: Place) -> Self {
        self.stamps[place as usize] = None;
        self
    }

    /// The stamp of a place.
    pub fn stamp(&self, place: Place) -> Option<Stamp> {
        self.stamps[place as usize]
    }

    /// Whether nothing has happened in between.
    pub fn same_stamps(&self, other: &Self) -> bool {
        self.stamps == other.stamps
    }

    /// The text of `bunraku/seen`.
    pub fn to_text(&self) -> String {
        let mut text = format!("as_of {}\n", self.as_of);
        for stamp in self.stamps {
            match stamp {
                None => text.push_str("-\n"),
                Some(Stamp { inode, size, modified, changed }) => {
                    text.push_str(&format!("{inode} {size} {modified} {changed}\n"));
                }
            }
        }
        text
    }

    /// Reads what [`Seen::to_text`] wrote; none of anything else (then everything is looked at).
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let as_of = lines.next()?.strip_prefix("as_of ")?.parse().ok()?;
        let mut stamps = [None; 6];
        for stamp in &mut stamps {
            let line = lines.next()?;
            if line == "-" {
                continue;
            }
            let mut fields = line.split(' ');
            *stamp = Some(Stamp {
                inode: fields.next()?.parse().ok()?,
                size: fields.next()?.parse().ok()?,
                modified: fields.next()?.parse().ok()?,
                changed: fields.next()?.parse().ok()?,
            });
        }
        Some(Self { as_of, stamps })
    }

    /// What was kept in `bunraku/seen`; none when nothing readable is there.
    pub fn load(layout: &Layout) -> Option<Self> {
        fs::read_to_string(layout.seen()).ok().as_deref().and_then(Self::parse)
    }

    /// Keeps it for the next start. Not flushed: an older one makes the next start look closer, no more.
    ///
    /// # Errors
    /// Any fault of the file system.
    pub fn keep(&self, layout: &Layout) -> io::Result<()> {
        let path = layout.seen();
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, self.to_text())?;
        fs::rename(unfinished, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Directory;

    #[test]
    fn each_kind_of_change_is_seen_and_the_text_survives() {
        let root = tempfile::tempdir().unwrap();
        let directory = Directory::open(root.path()).unwrap();
        let layout = directory.layout();
        for place in [layout.serial(), layout.inventory(), layout.revocation_lists(), layout.bundle()] {
            fs::write(place, "x").unwrap();
        }
        let mut seen = Seen::now(layout).unwrap();
        assert!(Seen::now(layout).unwrap().same_stamps(&seen));
        let changes: [&dyn Fn(); 5] = [
            &|| fs::write(layout.serial(), "xy").unwrap(),
            &|| fs::write(layout.request("a"), "").unwrap(),
            &|| fs::remove_file(layout.request("a")).unwrap(),
            &|| fs::write(layout.certificate("a"), "").unwrap(),
            &|| fs::remove_file(layout.bundle()).unwrap(),
        ];
        for (number, change) in changes.iter().enumerate() {
            // The file system's clock ticks every few milliseconds.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change();
            let now = Seen::now(layout).unwrap();
            assert!(!now.same_stamps(&seen), "change {number}");
            seen = now;
        }
        assert_eq!(Seen::parse(&seen.to_text()), Some(seen.clone()));
        seen.keep(layout).unwrap();
        assert_eq!(Seen::load(layout), Some(seen));
        assert_eq!(Seen::parse("as_of x"), None);
    }
}
