//! Frames between CA members: only members may send them, but a member may be broken.

use super::Target;
use replica::Frame;

pub(super) const TARGET: Target = Target {
    name: "frame",
    run,
    words: &[b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x5b\x7f", b"\xbf", b"\xff", b"\xf6", b"\x82\x10"],
};

fn run(input: &[u8]) {
    let Ok(frame) = Frame::decode(input) else { return };
    let written = frame.encode();
    assert_eq!(Frame::decode(&written).as_ref(), Ok(&frame));
    // Encoding is the shortest form, so it is not longer than what was read: a small frame stays small in memory. (A
    // field that was left out is written, so a few octets are allowed.)
    assert!(written.len() <= input.len() + 64, "{} octets became {}", input.len(), written.len());
    let _ = frame.readable();
}
