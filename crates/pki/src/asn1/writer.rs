//! Writes DER elements. Small structures are put together from vectors; `header` serves the big ones.

use super::tag;

/// Appends identifier and length octets.
pub(crate) fn header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let octets = length.to_be_bytes();
    let skip = octets.iter().take_while(|&&octet| octet == 0).count();
    out.push(0x80 | (octets.len() - skip) as u8);
    out.extend_from_slice(&octets[skip..]);
}

/// One element.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    header(&mut out, tag, content.len());
    out.extend_from_slice(content);
    out
}

/// One element whose content is these parts one after the other.
pub(crate) fn nested(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length + 6);
    header(&mut out, tag, length);
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// A SEQUENCE of these encoded parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    nested(tag::SEQUENCE, parts)
}

/// Appends an INTEGER with this unsigned big-endian magnitude.
pub(crate) fn push_unsigned(out: &mut Vec<u8>, magnitude: &[u8]) {
    let skip = magnitude.iter().take_while(|&&octet| octet == 0).count();
    let significant = &magnitude[skip..];
    match significant.first() {
        None => out.extend_from_slice(&[tag::INTEGER, 1, 0]),
        Some(first) => {
            // A leading zero keeps a number whose top bit is set positive.
            let pad = first & 0x80 != 0;
            header(out, tag::INTEGER, significant.len() + usize::from(pad));
            if pad {
                out.push(0);
            }
            out.extend_from_slice(significant);
        }
    }
}

/// An INTEGER with this unsigned big-endian magnitude.
pub(crate) fn unsigned(magnitude: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(magnitude.len() + 3);
    push_unsigned(&mut out, magnitude);
    out
}

/// An OCTET STRING.
pub(crate) fn octet_string(content: &[u8]) -> Vec<u8> {
    element(tag::OCTET_STRING, content)
}

/// A BIT STRING of whole octets.
pub(crate) fn bit_string(octets: &[u8]) -> Vec<u8> {
    nested(tag::BIT_STRING, &[&[0], octets])
}

/// A UTF8String.
pub(crate) fn utf8(text: &str) -> Vec<u8> {
    element(tag::UTF8_STRING, text.as_bytes())
}

/// A SET OF these encoded values, in the order DER asks for (X.690 section 11.6).
pub(crate) fn set_of(values: &[Vec<u8>]) -> Vec<u8> {
    let mut sorted: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    sorted.sort_unstable();
    nested(tag::SET, &sorted)
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn integers_are_minimal_and_positive() {
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        assert_eq!(unsigned(&[0, 0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(unsigned(&[0, 0x80]), [2, 2, 0, 0x80]);
    }

    #[test]
    fn sets_are_sorted() {
        assert_eq!(set_of(&[vec![2, 1, 9], vec![2, 1, 3]]), [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(length in 0usize..70_000) {
            let content = vec![0x5a; length];
            let encoded = octet_string(&content);
            let mut reader = Reader::new(&encoded);
            prop_assert_eq!(reader.content(tag::OCTET_STRING).unwrap(), &content[..]);
            prop_assert!(reader.is_empty());
        }
    }
}
