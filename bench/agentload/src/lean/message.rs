//! As much of an HTTP/1.1 message as a load and its other end need: its head, and where it ends.

/// Longest head that is believed.
const MAX_HEAD: usize = 64 * 1024;

/// Reads one message from pieces as they come.
#[derive(Debug, Default)]
pub struct MessageReader {
    kind: Kind,
    head: Vec<u8>,
    stage: Stage,
    status: u16,
    close: bool,
    body: u64,
}

/// What it is: an answer has a status, and a request without a length has no body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Answer,
    Request,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Head,
    /// So many octets of the body are missing.
    Length(u64),
    /// In the line with a chunk's length; the length so far, whether its digits are over.
    ChunkLine(u64, bool),
    /// So many octets of a chunk with its line feed are missing.
    Chunk(u64),
    /// After the last chunk; how many octets of this line there were.
    Trailer(u64),
    Done,
}

/// Not a message that this reader understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHttp {
    #[error("the head is too long")]
    Head,
    #[error("the answer has no status")]
    Status,
    #[error("the answer tells neither length nor chunks")]
    Endless,
    #[error("a chunk's length cannot be read")]
    Chunk,
}

impl MessageReader {
    /// For a request.
    pub fn request() -> MessageReader {
        MessageReader { kind: Kind::Request, ..MessageReader::default() }
    }

    /// Takes a piece; `true` when the message is complete. What follows its end in the same piece is dropped:
    /// nobody on this machine sends on before the other side has had its turn.
    pub fn feed(&mut self, mut piece: &[u8]) -> Result<bool, NotHttp> {
        if self.stage == Stage::Head {
            let known = self.head.len();
            self.head.extend_from_slice(piece);
            // The end may lie across two pieces.
            let from = known.saturating_sub(3);
            let Some(end) = self.head[from..].windows(4).position(|four| four == b"\r\n\r\n") else {
                return if self.head.len() > MAX_HEAD { Err(NotHttp::Head) } else { Ok(false) };
            };
            let end = from + end + 4;
            piece = &piece[end - known..];
            self.head.truncate(end);
            self.read_head()?;
        }
        while !piece.is_empty() && self.stage != Stage::Done {
            piece = self.step(piece)?;
        }
        Ok(self.stage == Stage::Done)
    }

    pub fn status(&self) -> u16 {
        self.status
    }

    /// The head, once it is there, with the empty line that ends it.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Octets of the body.
    pub fn body(&self) -> u64 {
        self.body
    }

    /// Whether the connection ends after this message.
    pub fn closes(&self) -> bool {
        self.close
    }

    fn read_head(&mut self) -> Result<(), NotHttp> {
        if self.kind == Kind::Answer {
            let status = self.head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
            self.status = status.and_then(|digits| digits.parse().ok()).ok_or(NotHttp::Status)?;
        }
        let (mut length, mut chunked) = (None, false);
        for line in self.head.split(|octet| *octet == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|octet| *octet == b':') else { continue };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"content-length") {
                length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if name.eq_ignore_ascii_case(b"connection") {
                self.close = value.eq_ignore_ascii_case(b"close");
            }
        }
        self.stage = match (self.status, chunked, length) {
            (204 | 304, _, _) | (_, false, Some(0)) => Stage::Done,
            (_, true, _) => Stage::ChunkLine(0, false),
            (_, false, Some(length)) => Stage::Length(length),
            (_, false, None) if self.kind == Kind::Request => Stage::Done,
            (_, false, None) => return Err(NotHttp::Endless),
        };
        Ok(())
    }

    /// Takes what belongs to the present stage, at least one octet, and gives the rest back.
    fn step<'p>(&mut self, piece: &'p [u8]) -> Result<&'p [u8], NotHttp> {
        let available = piece.len() as u64;
        match self.stage {
            Stage::Length(missing) => {
                let taken = missing.min(available);
                self.body += taken;
                self.stage = if taken == missing { Stage::Done } else { Stage::Length(missing - taken) };
                Ok(&piece[taken as usize..])
            }
            Stage::Chunk(missing) => {
                let taken = missing.min(available);
                // The two octets of the line end are none of the body's.
                self.body += taken.min(missing.saturating_sub(2));
                self.stage =
                    if taken == missing { Stage::ChunkLine(0, false) } else { Stage::Chunk(missing - taken) };
                Ok(&piece[taken as usize..])
            }
            Stage::ChunkLine(length, over) => {
                self.stage = match piece[0] {
                    b'\n' if length == 0 => Stage::Trailer(0),
                    b'\n' => Stage::Chunk(length + 2),
                    digit if !over && digit.is_ascii_hexdigit() => {
                        let digit = u64::from(char::from(digit).to_digit(16).ok_or(NotHttp::Chunk)?);
                        let length = length.checked_mul(16).ok_or(NotHttp::Chunk)? + digit;
                        Stage::ChunkLine(length, false)
                    }
                    b';' | b'\r' | b' ' => Stage::ChunkLine(length, true),
                    _ if over => Stage::ChunkLine(length, true),
                    _ => return Err(NotHttp::Chunk),
                };
                Ok(&piece[1..])
            }
            Stage::Trailer(octets) => {
                self.stage = match piece[0] {
                    b'\n' if octets == 0 => Stage::Done,
                    b'\n' => Stage::Trailer(0),
                    b'\r' => Stage::Trailer(octets),
                    _ => Stage::Trailer(octets + 1),
                };
                Ok(&piece[1..])
            }
            Stage::Head | Stage::Done => Ok(&[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the pieces, the same answer: status, length of the body, whether the connection ends.
    fn read(text: &str) -> Result<(u16, u64, bool), NotHttp> {
        let mut results = [1, 2, 3, 7, text.len()].map(|size| {
            let mut reader = MessageReader::default();
            let mut done = false;
            for piece in text.as_bytes().chunks(size) {
                assert!(!done, "it was complete before its end");
                done = reader.feed(piece)?;
            }
            assert!(done, "in pieces of {size}: {reader:?}");
            Ok((reader.status(), reader.body(), reader.closes()))
        });
        results.sort_by_key(|result| format!("{result:?}"));
        assert_eq!(results[0], results[4]);
        results[0]
    }

    #[test]
    fn answers_with_a_length() {
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), Ok((200, 5, false)));
        let refused = "HTTP/1.1 400 Bad Request\r\ncontent-length:2\r\nConnection: close\r\n\r\nno";
        assert_eq!(read(refused), Ok((400, 2, true)));
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Ok((200, 0, false)));
        assert_eq!(read("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"), Ok((204, 0, false)));
    }

    #[test]
    fn answers_in_chunks() {
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1A;x=y\r\n\
                      abcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        assert_eq!(read(chunks), Ok((200, 31, false)));
        let trailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(read(trailer), Ok((200, 1, false)));
    }

    #[test]
    fn requests_with_and_without_a_body() {
        let mut reader = MessageReader::request();
        assert_eq!(reader.feed(b"GET /x HTTP/1.1\r\nHost: y\r\n\r\n"), Ok(true));
        assert!(reader.head().starts_with(b"GET /x ") && reader.head().ends_with(b"\r\n\r\n"));
        let mut reader = MessageReader::request();
        assert_eq!(reader.feed(b"PUT /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"), Ok(false));
        assert_eq!((reader.feed(b"c"), reader.body()), (Ok(true), 3));
    }

    #[test]
    fn what_is_no_answer() {
        let feed = |text: &str| MessageReader::default().feed(text.as_bytes());
        assert_eq!(feed("HTTP/1.1 200 OK\r\n\r\n"), Err(NotHttp::Endless));
        assert_eq!(feed("SSH-2.0-OpenSSH\r\n\r\n"), Err(NotHttp::Status));
        assert_eq!(feed(&"x".repeat(MAX_HEAD + 1)), Err(NotHttp::Head));
        assert_eq!(feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), Err(NotHttp::Chunk));
    }
}
