//! Certificate serial numbers.

use std::fmt;

use crate::asn1::{Malformed, writer};

/// A serial number: unsigned, at most 20 octets (RFC 5280 section 4.1.2.2), ordered by value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Serial([u8; 20]);

/// Why text is not a serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SerialFault {
    /// There is no digit.
    #[error("the serial number is empty")]
    Empty,
    /// There is something that is not a hexadecimal digit.
    #[error("the serial number is not hexadecimal")]
    NotHexadecimal,
    /// It has more than 20 octets.
    #[error("the serial number has more than 20 octets")]
    TooLong,
}

impl Serial {
    /// The serial number of this value.
    pub fn from_u64(value: u64) -> Serial {
        let mut octets = [0; 20];
        octets[12..].copy_from_slice(&value.to_be_bytes());
        Serial(octets)
    }

    /// The value, if it is below 2^64.
    pub fn to_u64(&self) -> Option<u64> {
        let (high, low) = self.0.split_at(12);
        if high.iter().any(|&octet| octet != 0) {
            return None;
        }
        low.try_into().map(u64::from_be_bytes).ok()
    }

    /// Reads hexadecimal digits of either case, with or without leading zeros, `0x`, and white space around: all
    /// the forms Puppet's tools write into the `serial` file and the inventory.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_hex(text: &str) -> Result<Serial, SerialFault> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        if digits.is_empty() {
            return Err(SerialFault::Empty);
        }
        let mut octets = [0u8; 20];
        for (index, digit) in digits.bytes().rev().enumerate() {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                b'A'..=b'F' => digit - b'A' + 10,
                _ => return Err(SerialFault::NotHexadecimal),
            };
            if index >= 40 {
                if value != 0 {
                    return Err(SerialFault::TooLong);
                }
                continue;
            }
            octets[19 - index / 2] |= value << (4 * (index % 2));
        }
        Ok(Serial(octets))
    }

    /// The number after this one. The very last one has no successor and stays as it is; counting from one, that
    /// is 2^160 certificates away.
    #[must_use]
    pub fn next(&self) -> Serial {
        let mut octets = self.0;
        for octet in octets.iter_mut().rev() {
            let (sum, carried) = octet.overflowing_add(1);
            *octet = sum;
            if !carried {
                return Serial(octets);
            }
        }
        *self
    }

    /// The magnitude in big-endian order without leading zeros (empty for zero).
    pub fn as_octets(&self) -> &[u8] {
        let skip = self.0.iter().take_while(|&&octet| octet == 0).count();
        &self.0[skip..]
    }

    /// The serial number with this big-endian magnitude; `None` when it has more than 20 significant octets.
    pub fn from_octets(magnitude: &[u8]) -> Option<Serial> {
        let skip = magnitude.iter().take_while(|&&octet| octet == 0).count();
        let significant = &magnitude[skip..];
        let mut octets = [0; 20];
        octets.get_mut(20usize.checked_sub(significant.len())?..)?.copy_from_slice(significant);
        Some(Serial(octets))
    }

    /// Decimal digits, as in `infra_serials` and in JSON.
    pub fn to_decimal(&self) -> String {
        let mut octets = self.0;
        let mut digits = Vec::new();
        loop {
            let mut remainder = 0u32;
            for octet in &mut octets {
                let value = remainder << 8 | u32::from(*octet);
                *octet = (value / 10) as u8;
                remainder = value % 10;
            }
            digits.push(char::from(b'0' + remainder as u8));
            if octets.iter().all(|&octet| octet == 0) {
                return digits.into_iter().rev().collect();
            }
        }
    }

    /// Reads decimal digits with white space around.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_decimal(text: &str) -> Result<Serial, SerialFault> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SerialFault::Empty);
        }
        let mut octets = [0u8; 20];
        for digit in text.bytes() {
            if !digit.is_ascii_digit() {
                return Err(SerialFault::NotHexadecimal);
            }
            let mut carry = u32::from(digit - b'0');
            for octet in octets.iter_mut().rev() {
                let value = u32::from(*octet) * 10 + carry;
                *octet = value as u8;
                carry = value >> 8;
            }
            if carry != 0 {
                return Err(SerialFault::TooLong);
            }
        }
        Ok(Serial(octets))
    }

    /// From the content of an INTEGER. Old tools forgot the zero octet in front of a set top bit, so the content
    /// is taken as unsigned.
    pub(crate) fn from_der_content(content: &[u8]) -> Result<Serial, Malformed> {
        if content.is_empty() {
            return Err(Malformed::Number);
        }
        Serial::from_octets(content).ok_or(Malformed::Number)
    }

    /// Appends the number as an INTEGER.
    pub(crate) fn push_der(&self, out: &mut Vec<u8>) {
        writer::push_unsigned(out, &self.0);
    }
}

impl fmt::Display for Serial {
    /// Upper-case hexadecimal, at least four digits: `000A`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.as_octets();
        for _ in octets.len()..2 {
            out.write_str("00")?;
        }
        for (index, octet) in octets.iter().enumerate() {
            // `%04X` pads to four digits and no further, so an odd number of digits stays odd.
            if index == 0 && octets.len() > 2 {
                write!(out, "{octet:X}")?
            } else {
                write!(out, "{octet:02X}")?
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Serial({self})")
    }
}

impl From<u64> for Serial {
    fn from(value: u64) -> Self {
        Serial::from_u64(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_puppets_tools_is_read() {
        for (text, value) in
            [("002\n", 2), ("0003", 3), ("15\n", 0x15), ("0x001F", 0x1f), ("ff", 255), (" FF ", 255)]
        {
            assert_eq!(Serial::parse_hex(text), Ok(Serial::from_u64(value)), "{text:?}");
        }
        assert_eq!(Serial::parse_hex(" \n"), Err(SerialFault::Empty));
        assert_eq!(Serial::parse_hex("0x"), Err(SerialFault::Empty));
        assert_eq!(Serial::parse_hex("12g"), Err(SerialFault::NotHexadecimal));
        assert_eq!(Serial::parse_hex(&"f".repeat(41)), Err(SerialFault::TooLong));
        assert!(Serial::parse_hex(&format!("00{}", "f".repeat(40))).is_ok());
    }

    #[test]
    fn display_is_four_digits_or_more() {
        for (value, text) in
            [(0, "0000"), (10, "000A"), (0x123, "0123"), (0x1_2345, "12345"), (0x12_3456, "123456")]
        {
            assert_eq!(Serial::from_u64(value).to_string(), text);
        }
    }

    #[test]
    fn counting_carries() {
        assert_eq!(Serial::from_u64(u64::MAX).next().to_string(), "10000000000000000");
        assert_eq!(Serial::from_u64(u64::MAX).next().to_u64(), None);
        assert_eq!(Serial([0xff; 20]).next(), Serial([0xff; 20]));
    }

    proptest! {
        #[test]
        fn hexadecimal_and_decimal_round_trip(octets: [u8; 20], zeros in 0usize..20) {
            let mut octets = octets;
            octets[..zeros].fill(0);
            let serial = Serial(octets);
            prop_assert_eq!(Serial::parse_hex(&serial.to_string()), Ok(serial));
            prop_assert_eq!(Serial::parse_decimal(&serial.to_decimal()), Ok(serial));
            prop_assert_eq!(Serial::from_octets(serial.as_octets()), Some(serial));
            let mut der = Vec::new();
            serial.push_der(&mut der);
            prop_assert_eq!(Serial::from_der_content(&der[2..]), Ok(serial));
        }

        #[test]
        fn small_values_agree_with_the_machine(value: u64) {
            let serial = Serial::from_u64(value);
            prop_assert_eq!(serial.to_u64(), Some(value));
            prop_assert_eq!(serial.to_string(), format!("{value:04X}"));
            prop_assert_eq!(serial.to_decimal(), value.to_string());
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,50}") {
            let _ = (Serial::parse_hex(&text), Serial::parse_decimal(&text));
        }
    }
}
