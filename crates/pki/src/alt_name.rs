//! Subject alternative names (RFC 5280 section 4.2.1.6).

use std::fmt;
use std::net::IpAddr;

use crate::asn1::{Malformed, Reader, tag, writer};

/// One alternative name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AltName {
    /// A DNS name.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// An e-mail address.
    Email(String),
    /// A URI.
    Uri(String),
    /// Any other kind of name, as its encoded element.
    Other(Vec<u8>),
}

impl AltName {
    /// Reads the form in which Puppet's settings give alternative names: `DNS:name`, `IP:address`, `URI:..`,
    /// `email:..`, or a bare DNS name.
    pub fn parse(text: &str) -> Option<AltName> {
        let text = text.trim();
        let name = match text.split_once(':') {
            Some(("DNS", name)) => AltName::Dns(name.to_owned()),
            Some(("IP", address)) => AltName::Ip(address.parse().ok()?),
            Some(("URI", uri)) => AltName::Uri(uri.to_owned()),
            Some(("email", address)) => AltName::Email(address.to_owned()),
            Some(_) => return None,
            None => AltName::Dns(text.to_owned()),
        };
        match &name {
            AltName::Dns(text) | AltName::Email(text) | AltName::Uri(text)
                if text.is_empty() || !text.is_ascii() =>
            {
                None
            }
            _ => Some(name),
        }
    }

    /// All names of an extension's value. A name that is broken in itself is kept as it stands.
    pub(crate) fn read_all(value: &[u8]) -> Result<Vec<AltName>, Malformed> {
        let mut outer = Reader::new(value);
        let mut names = outer.sequence()?;
        outer.end()?;
        let mut read = Vec::new();
        while !names.is_empty() {
            let element = names.any()?;
            read.push(match AltName::read(element.tag, element.content) {
                Some(name) => name,
                None => AltName::Other(element.raw.to_vec()),
            });
        }
        Ok(read)
    }

    fn read(tag: u8, content: &[u8]) -> Option<AltName> {
        let ascii = || std::str::from_utf8(content).ok().filter(|text| text.is_ascii()).map(str::to_owned);
        match tag {
            0x81 => ascii().map(AltName::Email),
            0x82 => ascii().map(AltName::Dns),
            0x86 => ascii().map(AltName::Uri),
            0x87 if content.len() == 4 => {
                <[u8; 4]>::try_from(content).ok().map(|octets| AltName::Ip(octets.into()))
            }
            0x87 => <[u8; 16]>::try_from(content).ok().map(|octets| AltName::Ip(octets.into())),
            _ => None,
        }
    }

    /// Whether it is of a kind that RFC 5280 knows and, if it is one of the readable kinds, could be read.
    pub fn is_well_formed(&self) -> bool {
        match self {
            // otherName, x400Address, directoryName, ediPartyName, registeredID
            AltName::Other(element) => matches!(element.first(), Some(0xa0 | 0xa3 | 0xa4 | 0xa5 | 0x88)),
            // Readers differ about what stands behind a NUL, and a line's end has no business in a name.
            AltName::Dns(text) | AltName::Email(text) | AltName::Uri(text) => {
                !text.is_empty() && !text.contains(|c: char| c.is_ascii_control())
            }
            AltName::Ip(_) => true,
        }
    }

    /// The value of an extension with these names.
    pub(crate) fn write_all(names: &[AltName]) -> Vec<u8> {
        let encoded: Vec<Vec<u8>> = names
            .iter()
            .map(|name| match name {
                AltName::Email(text) => writer::element(tag::context(1), text.as_bytes()),
                AltName::Dns(text) => writer::element(tag::context(2), text.as_bytes()),
                AltName::Uri(text) => writer::element(tag::context(6), text.as_bytes()),
                AltName::Ip(IpAddr::V4(address)) => writer::element(tag::context(7), &address.octets()),
                AltName::Ip(IpAddr::V6(address)) => writer::element(tag::context(7), &address.octets()),
                AltName::Other(element) => element.clone(),
            })
            .collect();
        writer::sequence(&encoded.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// The names of a request in the order in which Puppet Server handles and issues them: grouped by kind, the
    /// requested order within a kind. (It keeps them in a hash table keyed by kind; this is that table's order.)
    pub fn in_puppet_order(names: &[AltName]) -> Vec<AltName> {
        let mut ordered = names.to_vec();
        ordered.sort_by_key(AltName::puppet_rank);
        ordered
    }

    fn puppet_rank(&self) -> u8 {
        match self {
            AltName::Ip(_) => 0,
            AltName::Email(_) => 1,
            AltName::Other(_) => 2,
            AltName::Uri(_) => 3,
            AltName::Dns(_) => 4,
        }
    }
}

impl fmt::Display for AltName {
    /// `DNS:name`, `IP:address`, `email:address`, `URI:uri`; the other kinds as their hexadecimal octets.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AltName::Dns(name) => write!(out, "DNS:{name}"),
            // As Java writes them: all eight groups.
            AltName::Ip(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let groups = address.segments().map(|group| format!("{group:x}"));
                write!(out, "IP:{}", groups.join(":"))
            }
            AltName::Ip(address) => write!(out, "IP:{address}"),
            AltName::Email(address) => write!(out, "email:{address}"),
            AltName::Uri(uri) => write!(out, "URI:{uri}"),
            AltName::Other(element) => write!(out, "other:{}", crate::fingerprint::colons(element)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(names: &[&str]) -> Vec<AltName> {
        names.iter().map(|name| AltName::parse(name).unwrap()).collect()
    }

    #[test]
    fn names_round_trip() {
        let mut names =
            parsed(&["DNS:a.b", "IP:10.0.0.9", "IP:fe80::1", "URI:spiffe://x/y", "email:a@b.c", "bare"]);
        names.push(AltName::Other(vec![0x88, 1, 0x2a]));
        let value = AltName::write_all(&names);
        assert_eq!(AltName::read_all(&value).unwrap(), names);
        assert_eq!(names[0].to_string(), "DNS:a.b");
        assert_eq!(names[1].to_string(), "IP:10.0.0.9");
        assert_eq!(names[2].to_string(), "IP:fe80:0:0:0:0:0:0:1");
    }

    #[test]
    fn recorded_orders() {
        for (requested, issued) in [
            (&["DNS:g2", "DNS:alt", "IP:10.0.0.9"][..], &["IP:10.0.0.9", "DNS:g2", "DNS:alt"][..]),
            (&["DNS:s4", "email:a@b.c"], &["email:a@b.c", "DNS:s4"]),
            (&["DNS:b", "DNS:a"], &["DNS:b", "DNS:a"]),
            (&["DNS:b", "URI:u:x", "IP:10.0.0.9"], &["IP:10.0.0.9", "URI:u:x", "DNS:b"]),
        ] {
            assert_eq!(AltName::in_puppet_order(&parsed(requested)), parsed(issued));
        }
    }

    #[test]
    fn text_that_is_no_name() {
        for bad in ["", "DNS:", "IP:x", "FOO:x", "DNS:é"] {
            assert_eq!(AltName::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn broken_names_are_kept_but_told() {
        for element in
            [&[0x87u8, 3, 1, 2, 3][..], &[0x82, 1, 0xff], &[0x02, 1, 0], &[0x82, 0], b"\x82\x03a\0b"]
        {
            let names = AltName::read_all(&writer::sequence(&[element])).unwrap();
            assert!(names.len() == 1 && !names[0].is_well_formed(), "{element:x?}");
        }
        assert_eq!(AltName::read_all(&[0x30, 0, 0]), Err(Malformed::Trailing));
        assert_eq!(AltName::read_all(&[0x30, 2, 0x82, 1]), Err(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let value = writer::sequence(&[&bytes]);
            if let Ok(names) = AltName::read_all(&value) {
                let _ = names.iter().map(ToString::to_string).count();
            }
        }
    }
}
