//! A second reader of HTTP/1.1 request streams, which shares no code with the first: RFC 9112 by the letter, and nothing
//! that is merely common. Where it stops, no request may be understood.

/// A request by the letter.
#[derive(Debug, PartialEq, Eq)]
pub struct Strict {
    pub method: String,
    pub target: Vec<u8>,
    /// Names in small letters, values without the blanks around them, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// None: it breaks off, or breaks the rules.
    pub body: Option<Vec<u8>>,
}

/// The requests of a stream, up to where it breaks the rules or ends.
pub fn requests(mut stream: &[u8]) -> Vec<Strict> {
    let mut found = Vec::new();
    while let Some((mut request, framing)) = head(&mut stream) {
        request.body = match framing {
            Framing::Length(length) => take(&mut stream, length).map(<[u8]>::to_vec),
            Framing::Chunked => chunks(&mut stream),
        };
        let whole = request.body.is_some();
        found.push(request);
        if !whole {
            break;
        }
    }
    found
}

enum Framing {
    Length(usize),
    Chunked,
}

/// What stands before the next CR and LF; an LF of its own ends no line.
fn line<'a>(stream: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = stream.iter().position(|octet| *octet == b'\n')?;
    let line = stream[..end].strip_suffix(b"\r")?;
    *stream = &stream[end + 1..];
    (!line.contains(&b'\r')).then_some(line)
}

fn take<'a>(stream: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = stream.split_at_checked(length)?;
    *stream = rest;
    Some(taken)
}

fn is_token(octets: &[u8]) -> bool {
    let token = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    !octets.is_empty() && octets.iter().all(token)
}

fn head(stream: &mut &[u8]) -> Option<(Strict, Framing)> {
    // Empty lines before a request mean nothing, however they end (2.2).
    while let Some(rest) = stream.strip_prefix(b"\r\n").or_else(|| stream.strip_prefix(b"\n")) {
        *stream = rest;
    }
    let first: Vec<&[u8]> = line(stream)?.split(|octet| *octet == b' ').collect();
    let [method, target, version] = first.as_slice() else { return None };
    let is_target = !target.is_empty() && target.iter().all(|octet| *octet > b' ' && *octet != 0x7f);
    if !is_token(method) || !is_target || ![&b"HTTP/1.1"[..], b"HTTP/1.0"].contains(version) {
        return None;
    }
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|octet| *octet == b':')?;
        let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
        let is_value = value.iter().all(|octet| *octet == b'\t' || *octet >= b' ' && *octet != 0x7f);
        if !is_token(name) || !is_value {
            return None;
        }
        headers.push((String::from_utf8_lossy(name).to_ascii_lowercase(), value.to_vec()));
    }
    let framing = framing(&headers, *version == b"HTTP/1.1")?;
    let (method, target) = (String::from_utf8_lossy(method).into_owned(), target.to_vec());
    Some((Strict { method, target, headers, body: None }, framing))
}

/// Without blanks and tabs on both sides.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_blank = |octet: &u8| *octet == b' ' || *octet == b'\t';
    let from = value.iter().position(|octet| !is_blank(octet)).unwrap_or(value.len());
    let to = value.iter().rposition(|octet| !is_blank(octet)).map_or(from, |at| at + 1);
    &value[from..to]
}

/// One length, or one word `chunked` (6.1 and 6.3); anything else is an attempt.
fn framing(headers: &[(String, Vec<u8>)], chunks_exist: bool) -> Option<Framing> {
    let of = |name: &str| headers.iter().filter(|(known, _)| known == name).collect::<Vec<_>>();
    match (of("content-length").as_slice(), of("transfer-encoding").as_slice()) {
        ([], []) => Some(Framing::Length(0)),
        ([(_, length)], []) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            String::from_utf8_lossy(length).parse().ok().map(Framing::Length)
        }
        ([], [(_, encoding)]) if chunks_exist && encoding.eq_ignore_ascii_case(b"chunked") => {
            Some(Framing::Chunked)
        }
        _ => None,
    }
}

/// Chunks up to the last one, and the trailers behind it (7.1).
fn chunks(stream: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = line(stream)?;
        let digits = line.iter().take_while(|octet| octet.is_ascii_hexdigit()).count();
        // An extension begins with a semicolon, before which there may be blanks.
        if !matches!(trimmed(&line[digits..]).first(), None | Some(b';')) {
            return None;
        }
        let size = usize::from_str_radix(&String::from_utf8_lossy(&line[..digits]), 16).ok()?;
        if size == 0 {
            break;
        }
        body.extend_from_slice(take(stream, size)?);
        take(stream, 2).filter(|end| *end == b"\r\n")?;
    }
    while !line(stream)?.is_empty() {}
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_is_right_and_stops_at_what_is_not() {
        let read = requests(
            b"PUT /a HTTP/1.1\r\nHost:  x \r\nTransfer-Encoding: Chunked\r\n\r\n2;e=f\r\nab\r\n0\r\nT: x\r\n\r\n\
              \r\nGET /b HTTP/1.0\r\n\r\nPUT /c HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
        );
        let seen: Vec<_> = read.iter().map(|one| (one.target.as_slice(), one.body.as_deref())).collect();
        assert_eq!(seen, [(&b"/a"[..], Some(&b"ab"[..])), (b"/b", Some(b"")), (b"/c", None)]);
        assert_eq!(read[0].headers[0], ("host".to_owned(), b"x".to_vec()));
        for wrong in [
            "GET /a HTTP/1.1\nHost: x\n\n",
            "GET  /a HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /a HTTP/1.1\r\nX: a\r\n b\r\n\r\n",
            "PUT /a HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
            "PUT /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            "PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ] {
            assert_eq!(requests(wrong.as_bytes()), [], "{wrong:?}");
        }
    }
}
