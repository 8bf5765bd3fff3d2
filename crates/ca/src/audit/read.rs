//! The files of the record, line by line: as much memory as the longest line takes, however many there are.

use super::Place;
use crate::directory::Layout;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

/// Longest line that can be one: longer pieces of a damaged file come in parts.
const LONGEST_LINE: u64 = 256 * 1024;

/// One file of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The number of its first line, by its name.
    pub first: u64,
    pub path: PathBuf,
}

/// The files, in the order of their lines. None when nothing has been recorded.
///
/// # Errors
/// Any fault of the file system but that there are none.
pub fn segments(layout: &Layout) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(layout.audit()) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let first = name.and_then(|name| name.strip_suffix(".jsonl")).and_then(|name| name.parse().ok());
        all.extend(first.map(|first| Segment { first, path }));
    }
    all.sort_by_key(|segment| segment.first);
    Ok(all)
}

/// A line, or a part of what should be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub place: Place,
    /// The number of the first line in its file, by the file's name.
    pub segment: u64,
    /// With the line feed, if it has one.
    pub bytes: Vec<u8>,
}

/// Reads all lines, file by file.
#[derive(Debug)]
pub struct Lines {
    segments: std::vec::IntoIter<Segment>,
    open: Option<(Segment, BufReader<File>)>,
    line: u64,
    octet: u64,
}

impl Lines {
    /// From the first line of `segments` on.
    pub fn of(segments: Vec<Segment>) -> Self {
        Self { segments: segments.into_iter(), open: None, line: 1, octet: 0 }
    }

    fn read(&mut self) -> io::Result<Option<Part>> {
        loop {
            if self.open.is_none() {
                let Some(segment) = self.segments.next() else { return Ok(None) };
                let file = BufReader::with_capacity(1 << 16, File::open(&segment.path)?);
                self.open = Some((segment, file));
                (self.line, self.octet) = (1, 0);
            }
            let Some((segment, file)) = &mut self.open else { continue };
            let mut bytes = Vec::new();
            file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
            if bytes.is_empty() {
                self.open = None;
                continue;
            }
            let name = segment.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let place = Place { file: name, line: self.line, octet: self.octet };
            self.octet += bytes.len() as u64;
            self.line += u64::from(bytes.ends_with(b"\n"));
            return Ok(Some(Part { place, segment: segment.first, bytes }));
        }
    }
}

impl Iterator for Lines {
    type Item = io::Result<Part>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
