//! Certificate extensions and request attributes.

use crate::asn1::{Malformed, Reader, reader, tag, writer};
use crate::oid::Oid;

/// One extension (RFC 5280 section 4.1.2.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// What it is.
    pub oid: Oid,
    /// Whether one that does not know it must refuse the certificate.
    pub critical: bool,
    /// The content of `extnValue`: the encoded value.
    pub value: Vec<u8>,
}

/// One attribute of a signing request (RFC 2986 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What it is.
    pub oid: Oid,
    /// Its values, each an encoded element.
    pub values: Vec<Vec<u8>>,
}

impl Extension {
    /// A non-critical extension whose value is a UTF8String, as Puppet's own extensions are.
    pub fn utf8(oid: Oid, text: &str) -> Extension {
        Extension { oid, critical: false, value: writer::utf8(text) }
    }

    /// The value as text. Certificates signed by Puppet 3 hold the bare text without a type around it; that is
    /// read too, as Puppet does.
    pub fn text(&self) -> Option<String> {
        element_text(&self.value).or_else(|| String::from_utf8(self.value.clone()).ok())
    }

    /// The value as it is issued: bare text, as agents of Puppet 3 ask for it, becomes a UTF8String, as Puppet Server makes
    /// it one; all else stays.
    pub(crate) fn typed_value(&self) -> Vec<u8> {
        let mut reader = Reader::new(&self.value);
        let is_element = reader.any().is_ok() && reader.end().is_ok();
        match std::str::from_utf8(&self.value) {
            Ok(text) if !is_element && !text.is_empty() => writer::utf8(text),
            _ => self.value.clone(),
        }
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        let critical: &[u8] = if self.critical { &[tag::BOOLEAN, 1, 0xff] } else { &[] };
        writer::sequence(&[&self.oid.to_der(), critical, &writer::octet_string(&self.value)])
    }

    /// Reads the extensions of a SEQUENCE OF Extension, `content` being what is inside.
    pub(crate) fn read_all(content: &[u8]) -> Result<Vec<Extension>, Malformed> {
        let mut list = Reader::new(content);
        let mut extensions: Vec<Extension> = Vec::new();
        while !list.is_empty() {
            let mut fields = list.sequence()?;
            let oid = Oid::from_der_content(fields.content(tag::OBJECT_IDENTIFIER)?)?;
            let critical = match fields.optional(tag::BOOLEAN)? {
                None | Some([0]) => false,
                Some([_]) => true,
                Some(_) => return Err(Malformed::Length),
            };
            let value = fields.content(tag::OCTET_STRING)?.to_vec();
            fields.end()?;
            if extensions.iter().any(|seen| seen.oid == oid) {
                return Err(Malformed::RepeatedExtension);
            }
            extensions.push(Extension { oid, critical, value });
        }
        Ok(extensions)
    }

    /// A SEQUENCE OF Extension.
    pub(crate) fn write_all(extensions: &[Extension]) -> Vec<u8> {
        let encoded: Vec<Vec<u8>> = extensions.iter().map(Extension::to_der).collect();
        writer::sequence(&encoded.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }
}

impl Attribute {
    /// An attribute with one UTF8String.
    pub fn utf8(oid: Oid, text: &str) -> Attribute {
        Attribute { oid, values: vec![writer::utf8(text)] }
    }

    /// The first value as text.
    pub fn text(&self) -> Option<String> {
        self.values.first().and_then(|value| element_text(value))
    }

    pub(crate) fn to_der(&self) -> Vec<u8> {
        writer::sequence(&[&self.oid.to_der(), &writer::set_of(&self.values)])
    }

    pub(crate) fn read_all(content: &[u8]) -> Result<Vec<Attribute>, Malformed> {
        let mut list = Reader::new(content);
        let mut attributes = Vec::new();
        while !list.is_empty() {
            let mut fields = list.sequence()?;
            let oid = Oid::from_der_content(fields.content(tag::OBJECT_IDENTIFIER)?)?;
            let mut set = Reader::new(fields.content(tag::SET)?);
            fields.end()?;
            let mut values = Vec::new();
            while !set.is_empty() {
                values.push(set.any()?.raw.to_vec());
            }
            attributes.push(Attribute { oid, values });
        }
        Ok(attributes)
    }
}

fn element_text(value: &[u8]) -> Option<String> {
    let mut reader = Reader::new(value);
    let element = reader.any().ok()?;
    reader.end().ok()?;
    reader::text(element.tag, element.content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oid;
    use proptest::prelude::*;

    #[test]
    fn extensions_round_trip_in_order() {
        let extensions = vec![
            Extension::utf8(oid::PP_CLI_AUTH, "true"),
            Extension { oid: oid::KEY_USAGE, critical: true, value: vec![3, 2, 5, 0xa0] },
        ];
        let encoded = Extension::write_all(&extensions);
        assert_eq!(Extension::read_all(&encoded[2..]).unwrap(), extensions);
        assert_eq!(extensions[0].text().unwrap(), "true");
    }

    #[test]
    fn bare_text_of_puppet_3_is_read() {
        let old = Extension { oid: oid::PP_AUTH_ROLE, critical: false, value: b"web server".to_vec() };
        assert_eq!(old.text().unwrap(), "web server");
        assert_eq!(old.typed_value(), Extension::utf8(oid::PP_AUTH_ROLE, "web server").value);
        let typed = Extension::utf8(oid::PP_AUTH_ROLE, "web");
        assert_eq!(typed.typed_value(), typed.value);
        let binary = Extension { oid: oid::PP_AUTH_ROLE, critical: false, value: vec![0xff, 0xfe] };
        assert_eq!((binary.text(), binary.typed_value()), (None, binary.value.clone()));
    }

    #[test]
    fn repeated_extensions_are_refused() {
        let twice = [Extension::utf8(oid::PP_CLI_AUTH, "a"), Extension::utf8(oid::PP_CLI_AUTH, "b")];
        assert_eq!(
            Extension::read_all(&Extension::write_all(&twice)[2..]),
            Err(Malformed::RepeatedExtension)
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (Extension::read_all(&bytes), Attribute::read_all(&bytes));
        }
    }
}
