//! `inventory.txt`, line by line: what a revocation by name goes by.

use super::Target;
use ca::inventory::Row;

pub(super) const TARGET: Target = Target {
    name: "inventory",
    run,
    words: &[
        b"0x000A 2026-11-21T09:59:09UTC 2031-11-21T09:59:09UTC /CN=a.example.com\n",
        b"0x",
        b" /CN=",
        b"/O=x/CN=y",
        b"2015-03-01T12:00:00+00:00",
        b"+14:00",
        b"-0130",
        b"9999-12-31T23:59:59UTC",
        b"0001-01-01T00:00:00UTC",
        b"\r\n",
    ],
};

fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for line in text.lines() {
        let Some(row) = Row::parse(line) else { continue };
        let written = row.to_line();
        assert!(written.ends_with('\n') && written.matches('\n').count() == 1, "{written:?}");
        assert_eq!(Row::parse(&written).as_ref(), Some(&row), "{line:?} became {written:?}");
        assert_eq!(Row::parse(written.trim_end()).map(|again| again.to_line()), Some(written));
    }
}
