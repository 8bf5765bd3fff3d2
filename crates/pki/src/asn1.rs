//! The part of ASN.1's encodings (ITU-T X.690) that X.509 needs.
//!
//! Writing is DER. Reading accepts a little more than DER - lengths that are longer than need be - because
//! some old tools wrote them; indefinite lengths and multi-octet tags appear in no certificate and are refused.

pub(crate) mod reader;
pub(crate) mod time;
pub(crate) mod writer;

pub(crate) use reader::Reader;

/// Octets that are not the encoding they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The octets end inside an element.
    #[error("the encoding ends too early")]
    Truncated,
    /// A length is indefinite or does not fit this machine.
    #[error("an element has a length that is not supported")]
    Length,
    /// An element has another tag than the structure asks for.
    #[error("expected an element with tag {expected:#04x} and found {found:#04x}")]
    Tag {
        /// The identifier octet asked for.
        expected: u8,
        /// The identifier octet that is there.
        found: u8,
    },
    /// An element that must be there is missing.
    #[error("an element with tag {expected:#04x} is missing")]
    Missing {
        /// The identifier octet asked for.
        expected: u8,
    },
    /// Something follows the last element of a structure.
    #[error("unexpected data after the last element")]
    Trailing,
    /// A time is in none of the forms RFC 5280 section 4.1.2.5 knows, or is no time.
    #[error("a time is not valid")]
    Time,
    /// A number has more octets than its use allows.
    #[error("a number is too long")]
    Number,
    /// A bit string that must consist of whole octets does not.
    #[error("a bit string does not consist of whole octets")]
    BitString,
    /// An object identifier is not well formed.
    #[error("an object identifier is not valid")]
    ObjectIdentifier,
    /// A string has octets that its type does not allow.
    #[error("a string is not valid text")]
    Text,
    /// The structure's version is not one that is known.
    #[error("the structure has an unknown version")]
    Version,
    /// The same extension stands twice in one list (forbidden by RFC 5280 section 4.2).
    #[error("an extension stands in the list twice")]
    RepeatedExtension,
    /// The same algorithm must be named inside and outside of the signed part (RFC 5280 section 4.1.1.2).
    #[error("the signature algorithm inside differs from the one outside")]
    AlgorithmMismatch,
}

/// Identifier octets (X.690 section 8.1.2) that occur in X.509.
pub(crate) mod tag {
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OBJECT_IDENTIFIER: u8 = 0x06;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const NUMERIC_STRING: u8 = 0x12;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const TELETEX_STRING: u8 = 0x14;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const VISIBLE_STRING: u8 = 0x1a;
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;

    /// Primitive, context-specific tag `[number]`.
    pub const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// Constructed, context-specific tag `[number]`.
    pub const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}
