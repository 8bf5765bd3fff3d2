//! PEM: a body of a stranger, and every file of a CA directory.

use super::Target;
use pki::pem::{encode, parse_all};

pub(super) const TARGET: Target = Target {
    name: "pem",
    run,
    words: &[
        b"-----BEGIN X-----\n",
        b"-----END X-----\n",
        b"-----BEGIN CERTIFICATE REQUEST-----",
        b"-----END ",
        b"-----",
        b"Proc-Type: 4,ENCRYPTED\n",
        b"DEK-Info: AES-128-CBC,00\n",
        b"==",
        b"\r\n",
        b"AAEC",
    ],
};

fn run(input: &[u8]) {
    let Ok(blocks) = parse_all(input) else { return };
    // Decoding never makes more than it was given.
    assert!(blocks.iter().map(|block| block.label.len() + block.der.len()).sum::<usize>() <= input.len());
    let written: String = blocks.iter().map(|block| encode(&block.label, &block.der)).collect();
    assert_eq!(parse_all(written.as_bytes()).as_ref(), Ok(&blocks), "written and read again");
    // Text around blocks changes nothing.
    let framed = format!("noise\n{written}noise\n");
    assert_eq!(parse_all(framed.as_bytes()), Ok(blocks));
}
