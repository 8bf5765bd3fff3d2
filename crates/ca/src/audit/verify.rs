//! Whether the record is whole: every line follows the one before, and the last is the one that the CA knows.

use super::{Expected, Head, Lines, NOTHING, Part, Record, hex, parse_hex, segments};
use crate::directory::Layout;
use pki::fingerprint;
use serde::Serialize;
use std::collections::{BTreeSet, VecDeque};
use std::io;

/// Damages that are told one by one.
const TOLD: usize = 20;

/// Octets after which progress is told.
const TOLD_EVERY: u64 = 4 << 20;

/// Where a line begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Below `bunraku/audit`.
    pub file: String,
    /// Counted from 1, in the file.
    pub line: u64,
    /// Octets before it in the file.
    pub octet: u64,
}

/// A line that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    #[serde(flatten)]
    pub place: Place,
    /// What is the matter, as a sentence without its subject.
    pub what: String,
}

/// Lines that are gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The number of the first.
    pub from: u64,
    /// ... and of the last.
    pub to: u64,
    /// The log still has them: the next start of the CA writes them again.
    pub in_log: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first ones.
    pub damages: Vec<Damage>,
    /// All of them.
    pub damage_count: usize,
    pub missing: Vec<Missing>,
    /// First and last number of lines that this member never had, because it was fed by a snapshot.
    pub not_held: Vec<(u64, u64)>,
    /// Lines at the end that a crash kept from the files, and that the next start writes.
    pub unwritten: bool,
    pub lines: u64,
    pub files: usize,
    /// Time of the first and of the last line.
    pub times: Option<(String, String)>,
    /// The last line.
    pub head: Option<Head>,
    /// Whether the head that was to be looked for is a line of this record. None when nobody can say, because this
    /// member does not hold that line, or nothing was to be looked for.
    pub has_noted: Option<bool>,
}

impl Findings {
    /// Nothing was changed, and nothing is missing but what this member never had.
    pub fn is_whole(&self) -> bool {
        self.damage_count == 0 && self.missing.is_empty()
    }
}

/// Reads the whole record. Without `expected` a record whose end is cut off looks whole. `noted` is a head that was
/// written down elsewhere: is its line still there?
///
/// # Errors
/// Any fault of the file system.
pub fn verify(layout: &Layout, expected: Option<&Expected>, noted: Option<Head>) -> io::Result<Findings> {
    verify_watched(layout, expected, noted, &mut |_, _| {})
}

/// The same; `progress` is told now and then how many octets have been read, of how many.
///
/// # Errors
/// Any fault of the file system.
pub fn verify_watched(
    layout: &Layout,
    expected: Option<&Expected>,
    noted: Option<Head>,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<Findings> {
    let segments = segments(layout)?;
    let sizes = segments.iter().map(|segment| std::fs::metadata(&segment.path).map(|about| about.len()));
    let total: u64 = sizes.sum::<io::Result<u64>>()?;
    let mut read = 0;
    let mut walk = Walk {
        expected,
        noted,
        at: Head::NONE,
        last: None,
        unreadable: 0,
        gaps: expected.map(|expected| expected.gaps.iter().copied().collect()).unwrap_or_default(),
        damaged: BTreeSet::new(),
        found: Findings { files: segments.len(), ..Findings::default() },
    };
    if noted == Some(Head::NONE) {
        walk.found.has_noted = Some(true);
    }
    let mut lines = Lines::of(segments).peekable();
    while let Some(part) = lines.next() {
        let part = part?;
        let before = read / TOLD_EVERY;
        read += part.bytes.len() as u64;
        if read / TOLD_EVERY != before {
            progress(read, total);
        }
        let next = lines.peek().and_then(|next| next.as_ref().ok());
        walk.step(part, next);
    }
    Ok(walk.end())
}

struct Walk<'a> {
    expected: Option<&'a Expected>,
    noted: Option<Head>,
    /// The last line that counts.
    at: Head,
    last: Option<Place>,
    /// Lines after it that could not be read.
    unreadable: u64,
    gaps: VecDeque<super::Gap>,
    damaged: BTreeSet<Place>,
    found: Findings,
}

impl Walk<'_> {
    fn step(&mut self, part: Part, next: Option<&Part>) {
        let Part { place, segment, bytes } = part;
        if !bytes.ends_with(b"\n") && next.is_none() {
            return self.torn(place, &bytes);
        }
        let parsed = if bytes.ends_with(b"\n") { Record::parse(&bytes) } else { None };
        let Some(record) = parsed else {
            self.unreadable += 1;
            let what = if bytes == b"\n" { "holds nothing" } else { "cannot be read" };
            return self.damage(place, what);
        };
        self.found.lines += 1;
        let last = record.time.clone();
        self.found.times =
            Some(self.found.times.take().map_or((last.clone(), last.clone()), |(first, _)| (first, last)));
        if place.line == 1 && record.number != segment {
            self.damage(
                place.clone(),
                &format!("has number {}, and the file is named otherwise", record.number),
            );
        }
        let hash = fingerprint::sha256_octets(&bytes);
        let following = next.and_then(|next| Record::parse(&next.bytes));
        self.pass_gaps(record.number);
        let due = self.at.count + 1;
        if record.number == due {
            self.check_link(&record, hash, &place, following.as_ref());
        } else if following.as_ref().is_some_and(|following| following.number == due + 1) {
            self.damage(place.clone(), &format!("has number {}, {due} is due", record.number));
        } else if record.number < due {
            let what =
                format!("has number {}, {due} is due: it was moved, repeated or put in", record.number);
            return self.damage(place, &what);
        } else if self.unreadable != record.number - due {
            // As many as could not be read are damaged, not missing.
            self.missing(due, record.number - 1);
        }
        let number = if following.is_some_and(|next| next.number == due + 1) { due } else { record.number };
        self.at = Head { count: number, hash };
        self.unreadable = 0;
        self.compare(&place, &bytes);
        self.last = Some(place);
    }

    /// What this member never had.
    fn pass_gaps(&mut self, number: u64) {
        while let Some(gap) = self.gaps.front().copied()
            && gap.after.count <= self.at.count
            && gap.until.count < number
        {
            self.gaps.pop_front();
            if gap.after.hash != self.at.hash && gap.after.count == self.at.count {
                let place = self.last.clone().unwrap_or_default();
                self.damage(
                    place,
                    "is not the line that was the last before this member was fed by a snapshot",
                );
            }
            self.found.not_held.push((gap.after.count + 1, gap.until.count));
            if let Some(noted) = self.noted {
                let known = [gap.after, gap.until].into_iter().find(|known| known.count == noted.count);
                if let Some(known) = known {
                    self.found.has_noted = Some(known == noted);
                }
            }
            (self.at, self.unreadable) = (gap.until, 0);
        }
    }

    fn check_link(&mut self, record: &Record, hash: [u8; 32], place: &Place, next: Option<&Record>) {
        if parse_hex(&record.previous) == Some(self.at.hash) {
            return;
        }
        // Which of the two was changed? The one whose own hash the line after it, or else the CA, does not name.
        let intact = match next {
            Some(next) => next.previous == hex(&hash),
            None => self.is_known(record.number, hash),
        };
        match &self.last {
            Some(before) if intact || next.is_none() && self.expected.is_none() => {
                let before = before.clone();
                self.damage(before, "is not the line that the next one follows");
            }
            _ if self.at.hash == NOTHING => {
                self.damage(place.clone(), "is not the first: it follows a line that is not here");
            }
            _ => self.damage(place.clone(), "does not follow the line before it"),
        }
    }

    /// Whether the CA knows this very line.
    fn is_known(&self, number: u64, hash: [u8; 32]) -> bool {
        let Some(expected) = self.expected else { return false };
        if number == expected.head.count {
            return hash == expected.head.hash;
        }
        let after = number.checked_sub(expected.head.count + 1).and_then(|after| usize::try_from(after).ok());
        let line = after.and_then(|after| expected.lines.get(after));
        line.is_some_and(|line| fingerprint::sha256_octets(line.as_bytes()) == hash)
    }

    /// With what the CA knows, and with what somebody has noted.
    fn compare(&mut self, place: &Place, bytes: &[u8]) {
        let at = self.at;
        if let Some(noted) = self.noted.filter(|noted| noted.count == at.count) {
            self.found.has_noted = Some(noted.hash == at.hash);
        }
        let Some(expected) = self.expected else { return };
        if at.count == expected.head.count && at.hash != expected.head.hash {
            self.damage(
                place.clone(),
                "is not the line that the CA wrote under this number: it, or the record before it, was written anew",
            );
        }
        let Some(after) = at.count.checked_sub(expected.head.count + 1) else { return };
        let known = usize::try_from(after).ok().and_then(|after| expected.lines.get(after));
        match known {
            Some(known) if known.as_bytes() != bytes => {
                self.damage(place.clone(), "is not what the CA's log says");
            }
            None if !expected.grows => self.damage(place.clone(), "is more than the CA's log knows of"),
            _ => {}
        }
    }

    /// The end of the last file is not the end of a line.
    fn torn(&mut self, place: Place, bytes: &[u8]) {
        let in_log = self.expected.is_some_and(|expected| {
            let after = (self.at.count + 1).checked_sub(expected.head.count + 1);
            let line = after.and_then(|after| expected.lines.get(usize::try_from(after).ok()?));
            // Octets of value 0 are those that a crash kept from the disk.
            line.is_some_and(|line| {
                let same = |(there, ours): (&u8, &u8)| there == ours || *there == 0;
                bytes.len() < line.len() && bytes.iter().zip(line.as_bytes()).all(same)
            })
        });
        if in_log {
            self.found.unwritten = true;
        } else if !self.expected.is_some_and(|expected| expected.grows && self.at.count >= expected.count) {
            self.damage(place, "does not end");
        }
    }

    fn missing(&mut self, from: u64, to: u64) {
        let in_log = self.expected.is_some_and(|expected| {
            from > expected.head.count && to <= expected.head.count + expected.lines.len() as u64
        });
        self.found.missing.push(Missing { from, to, in_log });
    }

    fn damage(&mut self, place: Place, what: &str) {
        if !self.damaged.insert(place.clone()) {
            return;
        }
        self.found.damage_count += 1;
        if self.found.damages.len() < TOLD {
            self.found.damages.push(Damage { place, what: what.to_owned() });
        }
    }

    fn end(mut self) -> Findings {
        self.pass_gaps(u64::MAX);
        if let Some(expected) = self.expected {
            let written = self.at.count;
            if written < expected.count {
                self.missing(written + 1, expected.count);
            } else if written < expected.head.count + expected.lines.len() as u64 {
                self.found.unwritten = true;
            }
        }
        let beyond = |noted: Head| noted.count > self.at.count;
        if self.found.has_noted.is_none() && self.noted.is_some_and(beyond) {
            self.found.has_noted = Some(false);
        }
        self.found.head = Some(self.at);
        self.found.damages.sort_by(|one, other| one.place.cmp(&other.place));
        self.found
    }
}

#[cfg(test)]
mod tests;
