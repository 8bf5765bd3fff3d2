//! The audit record: who did what to which certificate, when and why; one line for each, chained by hashes.
//!
//! Lines follow from the log's envelopes and from nothing else ([`record`]), so every member writes the same ones. They
//! are JSON, in files below `bunraku/audit` that are only ever appended to. Each line names the SHA-256 of the line
//! before it; the hash of the last one is part of the state, so what is changed, removed or put in shows ([`verify`]).
//!
//! The files are not flushed for each line: the log is, and it still has every line that is newer than the last
//! snapshot. A snapshot waits until the files are flushed, and the start writes again what a crash took.

mod expected;
mod read;
mod record;
mod verify;

pub use expected::{Expected, expected};
pub use read::{Lines, Part, Segment, segments};
pub use record::Record;
pub(crate) use record::{Before, Context};
pub use verify::{Damage, Findings, Missing, Place, verify, verify_watched};

use minicbor::{Decode, Encode};
use pki::fingerprint;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The form of the lines that this version writes.
pub(crate) const FORMAT: u32 = 1;
/// A file ends with the line that reaches the next multiple of this, counted over all files.
const SEGMENT_OCTETS: u64 = 64 * 1024 * 1024;

/// The hash of a line, its line feed included.
pub type Hash = [u8; 32];

/// What the first line names as the hash of the one before.
pub const NOTHING: Hash = [0; 32];

/// How many lines there are, and the hash of the last one: what a whole record is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Lines.
    pub count: u64,
    /// SHA-256 of the last one; zeros before the first.
    pub hash: Hash,
}

impl Head {
    /// Before the first line.
    pub const NONE: Self = Self { count: 0, hash: NOTHING };
}

/// `12:9f86d081…`: the number of lines, a colon, the hash in lower-case hexadecimal.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.count, hex(&self.hash))
    }
}

/// A text that is not a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a head is a number of lines, a colon and 64 hexadecimal digits, as --verify prints it")]
pub struct NoHead;

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (count, hash) = text.trim().split_once(':').ok_or(NoHead)?;
        Ok(Self { count: count.parse().map_err(|_| NoHead)?, hash: parse_hex(hash).ok_or(NoHead)? })
    }
}

/// Lines that a member does not hold, because it was fed by a snapshot and not from the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last line that it holds before them.
    pub after: Head,
    /// The last one of them.
    pub until: Head,
}

/// What the state knows of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The form of the lines; 0 as long as none are written, which is so in logs that began before there were any.
    format: u32,
    head: Head,
    /// Of all lines.
    octets: u64,
    /// The number of the first line in the file that is being written to.
    segment: u64,
    /// The length of that file.
    offset: u64,
    /// Of this member alone.
    gaps: Vec<Gap>,
}

impl Default for Audit {
    fn default() -> Self {
        Self { format: 0, head: Head::NONE, octets: 0, segment: 1, offset: 0, gaps: Vec::new() }
    }
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The number of the first line in the file.
    pub segment: u64,
    /// Where in the file.
    pub offset: u64,
    /// Whole lines.
    pub text: String,
}

impl Audit {
    /// Whether lines are written.
    pub fn is_begun(&self) -> bool {
        self.format > 0
    }

    /// The last line.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The file that is being written to: the number of its first line, and its length.
    pub fn end(&self) -> (u64, u64) {
        (self.segment, self.offset)
    }

    /// What this member does not hold.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    pub(crate) fn begin(&mut self, format: u32) {
        self.format = self.format.max(format);
    }

    /// Adds a line, and says where it goes.
    pub(crate) fn add(&mut self, record: Record) -> Append {
        self.add_within(record, SEGMENT_OCTETS)
    }

    fn add_within(&mut self, mut record: Record, segment_octets: u64) -> Append {
        record.number = self.head.count + 1;
        record.previous = hex(&self.head.hash);
        let text = record.to_line();
        let length = text.len() as u64;
        // Counted over all files: members whose files begin at different lines share the next boundary.
        let crossed = self.octets / segment_octets != (self.octets + length) / segment_octets;
        self.head = Head { count: record.number, hash: fingerprint::sha256_octets(text.as_bytes()) };
        self.octets += length;
        let append = Append { segment: self.segment, offset: self.offset, text };
        if crossed {
            self.segment = self.head.count + 1;
            self.offset = 0;
        } else {
            self.offset += length;
        }
        append
    }

    /// Begins a file of its own on a member that was fed by a snapshot. `held` is what this member knew before.
    pub(crate) fn resume_after_snapshot(&mut self, held: Option<&Audit>) {
        self.segment = self.head.count + 1;
        self.offset = 0;
        self.gaps.clear();
        // A record that has more than its primary's is another one: its files have been set aside.
        let held = held.filter(|held| self.continues(held));
        self.gaps.extend(held.iter().flat_map(|held| held.gaps.iter().copied()));
        let after = held.map_or(Head::NONE, Audit::head);
        if after.count < self.head.count {
            self.gaps.push(Gap { after, until: self.head });
        }
    }

    /// Whether this may be a later state of the same record.
    pub(crate) fn continues(&self, earlier: &Audit) -> bool {
        earlier.head.count < self.head.count || earlier.head == self.head
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let gaps =
            self.gaps.iter().map(|gap| ImageGap { after: (&gap.after).into(), until: (&gap.until).into() });
        let image = Image {
            format: self.format,
            head: (&self.head).into(),
            octets: self.octets,
            segment: self.segment,
            offset: self.offset,
            gaps: gaps.collect(),
        };
        minicbor::to_vec(image).expect("encoding into memory cannot fail")
    }

    /// Reads [`Audit::encode`]; none when it is something else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let image: Image = minicbor::decode(bytes).ok()?;
        let gap = |gap: ImageGap| Some(Gap { after: gap.after.head()?, until: gap.until.head()? });
        Some(Self {
            format: image.format,
            head: image.head.head()?,
            octets: image.octets,
            segment: image.segment,
            offset: image.offset,
            gaps: image.gaps.into_iter().map(gap).collect::<Option<_>>()?,
        })
    }
}

#[derive(Encode, Decode)]
struct Image {
    #[n(0)]
    format: u32,
    #[n(1)]
    head: ImageHead,
    #[n(2)]
    octets: u64,
    #[n(3)]
    segment: u64,
    #[n(4)]
    offset: u64,
    #[n(5)]
    gaps: Vec<ImageGap>,
}

#[derive(Encode, Decode)]
struct ImageGap {
    #[n(0)]
    after: ImageHead,
    #[n(1)]
    until: ImageHead,
}

#[derive(Encode, Decode)]
struct ImageHead {
    #[n(0)]
    count: u64,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    hash: Vec<u8>,
}

impl From<&Head> for ImageHead {
    fn from(head: &Head) -> Self {
        Self { count: head.count, hash: head.hash.to_vec() }
    }
}

impl ImageHead {
    fn head(self) -> Option<Head> {
        Some(Head { count: self.count, hash: self.hash.try_into().ok()? })
    }
}

/// A time (Unix seconds) as lines have it.
pub fn time(seconds: i64) -> String {
    crate::time::rfc3339(seconds)
}

/// The name of the file whose first line has this number.
pub fn segment_name(first: u64) -> String {
    format!("{first:012}.jsonl")
}

/// Octets as lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    text
}

fn parse_hex(text: &str) -> Option<Hash> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 64 { octets.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(certname: &str) -> Record {
        Record { event: "signed".into(), certname: Some(certname.into()), ..Record::default() }
    }

    #[test]
    fn a_file_ends_at_the_same_line_on_members_whose_files_begin_elsewhere() {
        let mut one = Audit::default();
        one.begin(FORMAT);
        for number in 0..7 {
            one.add_within(record(&format!("n{number}")), 1000);
        }
        let mut other = one.clone();
        other.resume_after_snapshot(None);
        assert_eq!(other.gaps(), [Gap { after: Head::NONE, until: one.head() }]);
        assert_eq!(other.end(), (8, 0));
        let mut ends = (0, 0);
        for number in 7..40 {
            let (mine, theirs) = (
                one.add_within(record(&format!("n{number}")), 1000),
                other.add_within(record(&format!("n{number}")), 1000),
            );
            assert_eq!(mine.text, theirs.text);
            ends = (ends.0.max(mine.segment), ends.1.max(theirs.segment));
            assert!(mine.offset < 1000);
        }
        assert!(ends.0 > 20 && ends.0 == ends.1);
        assert_eq!((one.head(), one.end()), (other.head(), other.end()));
    }

    #[test]
    fn what_the_state_knows_survives_encoding() {
        let mut audit = Audit::default();
        audit.begin(FORMAT);
        audit.add(record("a"));
        let held = audit.clone();
        audit.add(record("b"));
        let until = audit.head();
        audit.resume_after_snapshot(Some(&held));
        audit.add(record("c"));
        assert_eq!(audit.gaps(), [Gap { after: held.head(), until }]);
        assert_eq!(Audit::decode(&audit.encode()), Some(audit.clone()));
        assert_eq!(audit.head().to_string().parse(), Ok(audit.head()));
        assert_eq!("12:abc".parse::<Head>(), Err(NoHead));
    }
}
