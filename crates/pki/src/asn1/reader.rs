//! Reads elements one after the other out of a byte slice; never recurses, never allocates.

use super::{Malformed, tag};

/// One element: identifier, content, and all of its octets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    /// Identifier, length and content as they stand in the input.
    pub raw: &'a [u8],
}

/// A cursor over the elements of one level.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many octets have not been read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The identifier octet of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Element<'a>, Malformed> {
        let input = self.rest;
        let (&tag, after_tag) = input.split_first().ok_or(Malformed::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(Malformed::Tag { expected: tag & 0xe0, found: tag });
        }
        let (&first, mut rest) = after_tag.split_first().ok_or(Malformed::Truncated)?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || rest.len() < count {
                return Err(if count == 0 { Malformed::Length } else { Malformed::Truncated });
            }
            let (octets, after) = rest.split_at(count);
            rest = after;
            let mut length = 0usize;
            for &octet in octets {
                // 2^32 octets are far beyond anything accepted, and staying below keeps this free of overflow.
                if length >= 1 << 24 {
                    return Err(Malformed::Length);
                }
                length = length << 8 | usize::from(octet);
            }
            length
        };
        if rest.len() < length {
            return Err(Malformed::Truncated);
        }
        let (content, after) = rest.split_at(length);
        self.rest = after;
        Ok(Element { tag, content, raw: &input[..input.len() - after.len()] })
    }

    /// The next element, which must have this tag.
    pub fn element(&mut self, expected: u8) -> Result<Element<'a>, Malformed> {
        match self.peek() {
            None => Err(Malformed::Missing { expected }),
            Some(found) if found != expected => Err(Malformed::Tag { expected, found }),
            Some(_) => self.any(),
        }
    }

    /// The content of the next element, which must have this tag.
    pub fn content(&mut self, expected: u8) -> Result<&'a [u8], Malformed> {
        self.element(expected).map(|element| element.content)
    }

    /// The content of the next element if it has this tag; otherwise nothing is consumed.
    pub fn optional(&mut self, expected: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(expected) { self.content(expected).map(Some) } else { Ok(None) }
    }

    /// A reader over the content of the next element, a SEQUENCE.
    pub fn sequence(&mut self) -> Result<Reader<'a>, Malformed> {
        self.content(tag::SEQUENCE).map(Reader::new)
    }

    /// A non-negative number below 2^64.
    pub fn small_number(&mut self) -> Result<u64, Malformed> {
        small_number(self.content(tag::INTEGER)?)
    }

    /// The octets of a BIT STRING without unused bits.
    pub fn bit_string(&mut self) -> Result<&'a [u8], Malformed> {
        match self.content(tag::BIT_STRING)?.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(Malformed::BitString),
        }
    }

    /// Fails unless everything has been read.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed::Trailing) }
    }
}

/// The content of an INTEGER as a number below 2^64; negative numbers are refused.
pub(crate) fn small_number(content: &[u8]) -> Result<u64, Malformed> {
    if content.is_empty() || content[0] & 0x80 != 0 {
        return Err(Malformed::Number);
    }
    let first = content.iter().position(|&octet| octet != 0).unwrap_or(content.len());
    let significant = &content[first..];
    if significant.len() > 8 {
        return Err(Malformed::Number);
    }
    Ok(significant.iter().fold(0, |number, &octet| number << 8 | u64::from(octet)))
}

/// The text of a character-string element of any type X.520 allows for a directory string.
pub(crate) fn text(tag: u8, content: &[u8]) -> Result<String, Malformed> {
    match tag {
        tag::UTF8_STRING => std::str::from_utf8(content).map(str::to_owned).map_err(|_| Malformed::Text),
        // ASCII or T.61 in the standard, but whoever wrote more than ASCII into one of them meant Latin-1.
        tag::PRINTABLE_STRING
        | tag::IA5_STRING
        | tag::VISIBLE_STRING
        | tag::NUMERIC_STRING
        | tag::TELETEX_STRING => Ok(content.iter().map(|&octet| char::from(octet)).collect()),
        tag::BMP_STRING => {
            let (units, rest) = content.as_chunks::<2>();
            if !rest.is_empty() {
                return Err(Malformed::Text);
            }
            char::decode_utf16(units.iter().map(|unit| u16::from_be_bytes(*unit)))
                .collect::<Result<_, _>>()
                .map_err(|_| Malformed::Text)
        }
        tag::UNIVERSAL_STRING => {
            let (units, rest) = content.as_chunks::<4>();
            if !rest.is_empty() {
                return Err(Malformed::Text);
            }
            units
                .iter()
                .map(|unit| char::from_u32(u32::from_be_bytes(*unit)).ok_or(Malformed::Text))
                .collect()
        }
        found => Err(Malformed::Tag { expected: tag::UTF8_STRING, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_lengths_are_read_even_when_padded() {
        let mut reader = Reader::new(&[0x04, 0x83, 0, 0, 2, 7, 8, 0x05, 0x00]);
        let element = reader.any().unwrap();
        assert_eq!((element.tag, element.content, element.raw.len()), (0x04, &[7u8, 8][..], 7));
        assert_eq!(reader.any().unwrap().raw, &[0x05, 0x00]);
        assert!(reader.is_empty());
    }

    #[test]
    fn bad_lengths_are_refused() {
        for (bytes, fault) in [
            (&[0x30u8, 0x80, 0, 0][..], Malformed::Length),
            (&[0x30, 0x05, 0], Malformed::Truncated),
            (&[0x30, 0x82, 1], Malformed::Truncated),
            (&[0x30, 0x85, 0xff, 0xff, 0xff, 0xff, 0xff], Malformed::Length),
            (&[0x30], Malformed::Truncated),
        ] {
            assert_eq!(Reader::new(bytes).any().unwrap_err(), fault, "{bytes:x?}");
        }
    }

    #[test]
    fn numbers_are_unsigned_and_bounded() {
        assert_eq!(small_number(&[0x00, 0xff]), Ok(255));
        assert_eq!(small_number(&[0xff]), Err(Malformed::Number));
        assert_eq!(small_number(&[]), Err(Malformed::Number));
        assert_eq!(small_number(&[1; 9]), Err(Malformed::Number));
    }

    #[test]
    fn strings_of_every_type_are_read() {
        assert_eq!(text(tag::BMP_STRING, &[0, b'a', 0, 0xe9]).unwrap(), "aé");
        assert_eq!(text(tag::TELETEX_STRING, &[0xe9]).unwrap(), "é");
        assert_eq!(text(tag::UNIVERSAL_STRING, &[0, 1, 0xf6, 0]).unwrap(), "\u{1f600}");
        assert_eq!(text(tag::UTF8_STRING, &[0xff]), Err(Malformed::Text));
        assert_eq!(text(tag::BMP_STRING, &[0]), Err(Malformed::Text));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(element) = reader.any() {
                prop_assert!(element.raw.ends_with(element.content));
                let _ = text(element.tag, element.content);
            }
        }
    }
}
