//! Snapshots of the state, local and from another member.

use super::Target;
use ca::state::State;

pub(super) const TARGET: Target = Target {
    name: "snapshot",
    run,
    words: &[b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x5b\x7f", b"\x9f", b"\xff", b"\xf6"],
};

fn run(input: &[u8]) {
    let Ok(state) = State::decode(input) else { return };
    let written = state.encode();
    let again = State::decode(&written).expect("a state that was written can be read");
    assert_eq!(again.encode(), written);
}
