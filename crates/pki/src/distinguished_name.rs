//! Distinguished names (RFC 5280 section 4.1.2.4): made here with a common name only, read in full.

use crate::asn1::reader::text;
use crate::asn1::{Malformed, Reader, tag, writer};
use crate::oid::{self, Oid};

/// One attribute of a name: type and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameAttribute {
    pub oid: Oid,
    pub value: String,
    /// Whether it stands in the same relative distinguished name as the one before it.
    joined: bool,
}

/// The short attribute names that are shown, as OpenSSL and Java spell them.
const SHORT: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// Reads a Name; `element` is the whole SEQUENCE.
pub(crate) fn parse(element: &[u8]) -> Result<Vec<NameAttribute>, Malformed> {
    let mut outer = Reader::new(element);
    let mut sets = outer.sequence()?;
    outer.end()?;
    let mut attributes = Vec::new();
    while !sets.is_empty() {
        let mut set = Reader::new(sets.content(tag::SET)?);
        let mut joined = false;
        while !set.is_empty() {
            let mut pair = set.sequence()?;
            let oid = Oid::from_der_content(pair.content(tag::OBJECT_IDENTIFIER)?)?;
            let value = pair.any()?;
            pair.end()?;
            attributes.push(NameAttribute { oid, value: text(value.tag, value.content)?, joined });
            joined = true;
        }
    }
    Ok(attributes)
}

/// A Name of one common name, a UTF8String.
pub(crate) fn common_name(cn: &str) -> Vec<u8> {
    let pair = writer::sequence(&[&oid::COMMON_NAME.to_der(), &writer::utf8(cn)]);
    writer::sequence(&[&writer::nested(tag::SET, &[&pair])])
}

/// The first common name.
pub(crate) fn first_common_name(attributes: &[NameAttribute]) -> Option<&str> {
    attributes
        .iter()
        .find(|attribute| attribute.oid == oid::COMMON_NAME)
        .map(|attribute| attribute.value.as_str())
}

/// `/O=Acme/CN=x`: the form of Puppet's inventory.
pub(crate) fn slashed(attributes: &[NameAttribute]) -> String {
    let mut shown = String::new();
    for attribute in attributes {
        shown.push(if attribute.joined { '+' } else { '/' });
        shown.push_str(&type_name(&attribute.oid));
        shown.push('=');
        shown.push_str(&attribute.value);
    }
    shown
}

/// RFC 2253 text: last first, with commas, special characters escaped.
pub(crate) fn rfc2253(attributes: &[NameAttribute]) -> String {
    let mut shown = String::new();
    let mut end = attributes.len();
    while end > 0 {
        let start = (0..end).rev().find(|&index| !attributes[index].joined).unwrap_or(0);
        for (index, attribute) in attributes[start..end].iter().enumerate() {
            if index > 0 {
                shown.push('+');
            } else if !shown.is_empty() {
                shown.push(',');
            }
            shown.push_str(&type_name(&attribute.oid));
            shown.push('=');
            escape(&attribute.value, &mut shown);
        }
        end = start;
    }
    shown
}

fn type_name(oid: &Oid) -> String {
    match SHORT.iter().find(|(content, _)| *content == oid.as_content()) {
        Some((_, short)) => (*short).to_owned(),
        None => oid.to_string(),
    }
}

fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (character == '#' && index == 0)
            || (character == ' ' && (index == 0 || index == last));
        if special {
            out.push('\\');
        }
        if character.is_control() {
            let mut octets = [0; 4];
            for octet in character.encode_utf8(&mut octets).bytes() {
                out.push_str(&format!("\\{octet:02X}"));
            }
        } else {
            out.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(parts: &[(&str, &str, bool)]) -> Vec<NameAttribute> {
        parts
            .iter()
            .map(|(oid, value, joined)| NameAttribute {
                oid: Oid::parse(oid).unwrap(),
                value: (*value).to_owned(),
                joined: *joined,
            })
            .collect()
    }

    #[test]
    fn a_common_name_is_the_recorded_encoding() {
        let encoded = common_name("jacc.example.com");
        assert_eq!(encoded[..11], [0x30, 27, 0x31, 25, 0x30, 23, 6, 3, 0x55, 4, 3]);
        let attributes = parse(&encoded).unwrap();
        assert_eq!(first_common_name(&attributes), Some("jacc.example.com"));
        assert_eq!(slashed(&attributes), "/CN=jacc.example.com");
        assert_eq!(rfc2253(&attributes), "CN=jacc.example.com");
    }

    #[test]
    fn several_parts_are_shown_in_both_orders() {
        let attributes =
            name(&[("2.5.4.10", "Acme, Inc", false), ("2.5.4.3", "x", false), ("1.2.3", " #", true)]);
        assert_eq!(slashed(&attributes), "/O=Acme, Inc/CN=x+1.2.3= #");
        assert_eq!(rfc2253(&attributes), "CN=x+1.2.3=\\ #,O=Acme\\, Inc");
        assert_eq!(rfc2253(&name(&[("2.5.4.3", "#a\nb ", false)])), "CN=\\#a\\0Ab\\ ");
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(attributes) = parse(&writer::sequence(&[&bytes])) {
                let _ = (slashed(&attributes), rfc2253(&attributes));
            }
        }

        #[test]
        fn any_common_name_round_trips(cn in "\\PC{0,30}") {
            let attributes = parse(&common_name(&cn)).unwrap();
            prop_assert_eq!(first_common_name(&attributes), Some(cn.as_str()));
        }
    }
}
