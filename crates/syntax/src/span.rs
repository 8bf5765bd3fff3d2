//! Where something stands in a source text.

use std::fmt;
use std::sync::Arc;

/// Names one source text among those a caller has parsed. The number is the caller's; this crate only carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one source text.
///
/// The start is the position Puppet reports for the node, which isn't always its leftmost byte: `$a + $b` is
/// located at the `+`, a method call at its `.` or `(`. Error messages depend on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// The text the range lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A range of bytes in a file.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        let narrow = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Span { file, start: narrow(start), end: narrow(end.max(start)) }
    }

    /// From the start of this span to the end of another one in the same file.
    pub fn to(self, last: Span) -> Span {
        Span { file: self.file, start: self.start, end: last.end.max(self.start) }
    }
}

/// A line and a column as Puppet prints them: both count from 1, the column in characters, not in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// Line, from 1.
    pub line: u32,
    /// Character on the line, from 1.
    pub column: u32,
}

/// A source text with its name and the places where its lines start.
#[derive(Debug, Clone)]
pub struct Source {
    id: FileId,
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Vec<u32>,
}

impl Source {
    /// Indexes the lines of a text. `name` is what error messages call it: usually an absolute path, or empty.
    pub fn new(id: FileId, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Source {
        let text = text.into();
        let mut line_starts = vec![0];
        for (offset, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                line_starts.push(offset as u32 + 1);
            }
        }
        Source { id, name: name.into(), text, line_starts }
    }

    /// The number its spans carry.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name for messages, shared.
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset. An offset past the end is taken as the end.
    pub fn location(&self, offset: u32) -> Location {
        let offset = (offset as usize).min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start as usize <= offset);
        let start = self.line_starts[line - 1] as usize;
        let column = match self.text.get(start..offset) {
            Some(before) => before.chars().count(),
            // Inside a character: count the bytes, as nothing better is known.
            None => offset - start,
        };
        Location { line: line as u32, column: column as u32 + 1 }
    }

    /// The text a span covers; empty if the span doesn't fit this source.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line: {}, column: {}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let source = Source::new(FileId(3), "a.pp", "äö x\nzwei\n");
        assert_eq!(source.location(0), Location { line: 1, column: 1 });
        assert_eq!(source.location(5), Location { line: 1, column: 4 });
        assert_eq!(source.location(7), Location { line: 2, column: 1 });
        assert_eq!(source.location(99), Location { line: 3, column: 1 });
    }

    #[test]
    fn slices_never_panic() {
        let source = Source::new(FileId(0), "", "äb");
        assert_eq!(source.slice(Span::new(FileId(0), 0, 1)), "");
        assert_eq!(source.slice(Span::new(FileId(0), 2, 3)), "b");
        assert_eq!(source.slice(Span::new(FileId(0), 2, 30)), "");
    }
}
