//! Entries of the log: read at every start from a disk that may have lied.

use super::Target;
use ca::command::Envelope;

pub(super) const TARGET: Target = Target {
    name: "envelope",
    run,
    words: &[b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x5b\x7f", b"\x9f", b"\xff", b"\xf6", b"\x82\x06"],
};

fn run(input: &[u8]) {
    let Ok(envelope) = Envelope::decode(input) else { return };
    let written = envelope.encode();
    assert_eq!(Envelope::decode(&written).as_ref().ok(), Some(&envelope));
    assert!(written.len() <= input.len() + 256, "{} octets became {}", input.len(), written.len());
}
