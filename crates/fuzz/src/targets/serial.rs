//! The `serial` file and `infra_serials`.

use super::Target;
use pki::Serial;

pub(super) const TARGET: Target = Target {
    name: "serial",
    run,
    words: &[b"0x", b"0X", b"002\n", b"FFFFFFFFFFFFFFFFFFFF", b"0000000000000000000000", b" ", b"\t"],
};

fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for serial in [Serial::parse_hex(text), Serial::parse_decimal(text)].into_iter().flatten() {
        assert_eq!(Serial::parse_hex(&serial.to_string()), Ok(serial));
        assert_eq!(Serial::parse_decimal(&serial.to_decimal()), Ok(serial));
        assert_eq!(Serial::from_octets(serial.as_octets()), Some(serial));
        // The file shows the next number: it must never be one that has been given.
        let next = serial.next();
        assert!(next > serial || next == serial && serial.as_octets() == [0xff; 20], "{serial} then {next}");
        assert_eq!(serial.to_u64().map(Serial::from_u64).unwrap_or(serial), serial);
    }
}
