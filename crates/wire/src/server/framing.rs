//! Follows the framing of an HTTP/1.1 request stream, line by line, beside the parser that answers it.
//!
//! The parser drops `Content-Length` when it finds `Transfer-Encoding` (RFC 9112, 6.3), so a request with both reaches
//! a handler looking harmless. Such a request is how requests are smuggled past a proxy, and no Puppet client sends
//! one: it is refused, and for that it must be seen. What the parser refuses by itself (a malformed line, a bad
//! length) need not be understood here: the connection ends there. What this cannot follow but the parser perhaps can (a
//! length behind a hundred blanks, a chunk size with as many zeros) must not look like the end of a request, or whoever
//! writes so could wait inside a body for ever, or have what follows counted as another request than it is, and so believed.
//! Nor must what the parser takes for the middle of a line and others for its end (LF alone, in a trailer). Such a request
//! is refused, or, when it is answered already, its body breaks off and the connection ends.

/// State of the stream of one connection.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    state: State,
    line: Line,
    head: Head,
    /// Ordinal of the header that is being read, or was read last (from 0).
    requests: u64,
    first_conflict: Option<u64>,
    /// Headers that were read to their end.
    heads: u64,
    /// It cannot be said where the body ends.
    broken: bool,
}

/// What a peer still has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owed {
    /// It is its choice.
    Nothing,
    /// The rest of a header.
    Header,
    /// The rest of a body.
    Body,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    /// Before a request: empty lines are skipped.
    #[default]
    Idle,
    RequestLine,
    Header,
    Body(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    /// Nothing more can be said; the connection ends with a refusal.
    Lost,
}

/// What is kept of the current line: enough for the two names and a length.
#[derive(Debug, Default)]
struct Line {
    start: Vec<u8>,
    length: usize,
    last: u8,
}

const KEPT: usize = 64;

impl Line {
    fn extend(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(KEPT - self.start.len());
        self.start.extend_from_slice(&bytes[..kept]);
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    fn clear(&mut self) {
        self.start.clear();
        self.length = 0;
        self.last = 0;
    }

    /// Whether all of it was kept.
    fn is_whole(&self) -> bool {
        self.length <= KEPT
    }

    /// Whether it ends as the standard has it: CR before the LF.
    fn has_carriage_return(&self) -> bool {
        self.last == b'\r'
    }

    fn is_blank(&self) -> bool {
        self.length == 0 || (self.length == 1 && self.start == b"\r")
    }
}

#[derive(Debug, Default)]
struct Head {
    length: Option<u64>,
    encoded: bool,
    /// Readers differ about it.
    odd: bool,
}

impl Framing {
    /// Takes the next bytes of the stream. False: the body that they go on with (its header came before) must not be
    /// believed, nor anything that follows. Of one whose header is among them [`Framing::is_conflicting`] says so.
    #[must_use]
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> bool {
        let heads = self.heads;
        self.follow(bytes);
        !(self.broken && self.heads == heads)
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Lost => return,
                State::Body(left) | State::ChunkData(left) => {
                    let taken = (*left).min(bytes.len() as u64);
                    *left -= taken;
                    bytes = &bytes[taken as usize..];
                    if *left == 0 {
                        self.state = match self.state {
                            State::Body(_) => self.next_request(),
                            _ => State::ChunkEnd,
                        };
                    }
                }
                _ => {
                    let end = bytes.iter().position(|byte| *byte == b'\n');
                    let line = &bytes[..end.unwrap_or(bytes.len())];
                    if self.state == State::Idle && line.iter().any(|byte| *byte != b'\r') {
                        self.state = State::RequestLine;
                    }
                    self.line.extend(line);
                    bytes = match end {
                        Some(at) => {
                            self.end_of_line();
                            self.line.clear();
                            &bytes[at + 1..]
                        }
                        None => &[],
                    };
                }
            }
        }
    }

    /// What the peer has begun and not finished.
    pub(crate) fn owed(&self) -> Owed {
        match self.state {
            State::Idle | State::Lost => Owed::Nothing,
            State::RequestLine | State::Header => Owed::Header,
            _ => Owed::Body,
        }
    }

    /// Whether request number `ordinal` (from 0) of this connection had both a length and a transfer encoding, more than one
    /// length, or lines that end in LF alone.
    pub(crate) fn is_conflicting(&self, ordinal: u64) -> bool {
        self.first_conflict.is_some_and(|first| ordinal >= first)
    }

    fn next_request(&mut self) -> State {
        self.requests += 1;
        State::Idle
    }

    fn end_of_line(&mut self) {
        self.state = match std::mem::take(&mut self.state) {
            State::Idle => State::Idle,
            State::RequestLine => {
                self.head = Head { odd: !self.line.has_carriage_return(), ..Head::default() };
                State::Header
            }
            State::Header if self.line.is_blank() => self.end_of_header(),
            State::Header => {
                self.note_header();
                State::Header
            }
            State::ChunkSize | State::ChunkEnd | State::Trailer if !self.line.has_carriage_return() => {
                self.break_off()
            }
            State::ChunkSize => match chunk_size(&self.line) {
                Some(0) => State::Trailer,
                Some(size) => State::ChunkData(size),
                None => self.break_off(),
            },
            State::ChunkEnd => State::ChunkSize,
            State::Trailer if self.line.is_blank() => self.next_request(),
            State::Trailer => State::Trailer,
            other => other,
        };
    }

    fn break_off(&mut self) -> State {
        self.broken = true;
        self.first_conflict.get_or_insert(self.requests);
        State::Lost
    }

    fn note_header(&mut self) {
        self.head.odd |= !self.line.has_carriage_return();
        let Some(colon) = self.line.start.iter().position(|&byte| byte == b':') else { return };
        let (name, value) = (&self.line.start[..colon], &self.line.start[colon + 1..]);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.head.encoded = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let number = std::str::from_utf8(value).ok().and_then(|value| value.trim().parse().ok());
            self.head.odd |= number.is_none() || !self.line.is_whole() || self.head.length.is_some();
            self.head.length = number;
        }
    }

    fn end_of_header(&mut self) -> State {
        self.heads += 1;
        if self.head.odd
            || !self.line.has_carriage_return()
            || self.head.encoded && self.head.length.is_some()
        {
            self.first_conflict.get_or_insert(self.requests);
            // This connection ends with the refusal.
            return State::Lost;
        }
        match (self.head.encoded, self.head.length) {
            (true, _) => State::ChunkSize,
            (false, None | Some(0)) => self.next_request(),
            (false, Some(length)) => State::Body(length),
        }
    }
}

/// Size of a chunk: hexadecimal digits, then perhaps an extension (RFC 9112, 7.1). None when the digits do not end in what
/// is kept of the line.
fn chunk_size(line: &Line) -> Option<u64> {
    let whole = line.is_whole();
    let line = line.start.as_slice();
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if !whole && digits == line.len() {
        return None;
    }
    let text = std::str::from_utf8(&line[..digits]).ok()?;
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(stream: &[u8]) -> Framing {
        let mut framing = Framing::default();
        let _ = framing.feed(stream);
        framing
    }

    #[test]
    fn both_lengths_in_either_order_conflict() {
        for head in [
            "PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "PUT / HTTP/1.1\r\ntransfer-encoding:chunked\r\nHost: x\r\ncontent-length:3\r\n\r\n",
            "\r\nPUT / HTTP/1.1\nTRANSFER-ENCODING: chunked\nCONTENT-LENGTH: 0\n\n",
        ] {
            assert!(fed(head.as_bytes()).is_conflicting(0), "{head:?}");
        }
    }

    #[test]
    fn requests_are_counted_across_bodies() {
        let mut framing = fed(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
            PUT /b HTTP/1.1\r\nContent-Length: 12\r\n\r\nTransfer: \r\n\
            POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nab\r\nc\r\n0\r\nTrailer: z\r\n\r\n\
            POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n");
        assert_eq!(framing.owed(), Owed::Header);
        assert_eq!(framing.requests, 3);
        assert!(framing.feed(b"Content-Length: 1\r\n\r\n"));
        assert!(!framing.is_conflicting(2));
        assert!(framing.is_conflicting(3));
    }

    #[test]
    fn a_body_that_looks_like_a_header_is_not_one() {
        let body = "PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let stream = format!("PUT / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let framing = fed(stream.as_bytes());
        assert_eq!((framing.first_conflict, framing.requests), (None, 1));
        assert_eq!(framing.owed(), Owed::Nothing);
    }

    #[test]
    fn what_hides_where_a_body_ends_is_where_trust_ends() {
        let head = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let zeros = format!("{}1\r\na\r\n0\r\n\r\n", "0".repeat(100));
        for body in [
            zeros.as_str(),
            "0\r\n\n",
            "0\r\nX: y\n\r\n",
            "0\n\r\n",
            "1\na\r\n0\r\n\r\n",
            "1\r\na\n0\r\n\r\n",
        ] {
            // The header came before: the body is broken off. It came with it: the request is refused.
            let mut framing = fed(head.as_bytes());
            assert!(!framing.feed(body.as_bytes()), "{body:?}");
            let mut framing = Framing::default();
            assert!(
                framing.feed(format!("{head}{body}").as_bytes()) && framing.is_conflicting(0),
                "{body:?}"
            );
            assert!(!framing.feed(b"x"), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn the_division_into_reads_does_not_matter(
            bodies in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 1..6),
            cut in 1usize..17,
        ) {
            let mut stream = Vec::new();
            for (body, chunked) in &bodies {
                stream.extend_from_slice(b"PUT /x HTTP/1.1\r\nHost: h\r\n");
                if *chunked {
                    stream.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for part in body.chunks(7) {
                        stream.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                        stream.extend_from_slice(part);
                        stream.extend_from_slice(b"\r\n");
                    }
                    stream.extend_from_slice(b"0\r\n\r\n");
                } else {
                    stream.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                    stream.extend_from_slice(body);
                }
            }
            let mut framing = Framing::default();
            for part in stream.chunks(cut) {
                prop_assert!(framing.feed(part));
            }
            prop_assert_eq!(framing.requests, bodies.len() as u64);
            prop_assert_eq!(&framing.state, &State::Idle);
            prop_assert_eq!(framing.first_conflict, None);
        }

        #[test]
        fn nothing_makes_it_panic(stream in proptest::collection::vec(any::<u8>(), 0..400)) {
            fed(&stream);
        }
    }
}
