//! `md5`, `sha1`, `sha256`, and `digest` (which is SHA-256 unless configured otherwise).

mod md5;
mod sha1;
mod sha256;

use super::Call;
use super::dispatch::{legacy, legacy_arity};
use crate::eval::Evaluator;
use crate::failure::Failure;
use crate::types::ruby_class;
use crate::value::Value;

pub(super) use md5::md5;

pub(super) fn digest(_: &mut Evaluator<'_>, call: Call) -> Result<Value, Failure> {
    legacy_arity(&call, 1, Some(1))?;
    let argument = legacy(&call.args[0]);
    let Value::String(text) = &argument else {
        let class = match &argument {
            Value::Bool(value) => value.to_string(),
            other => ruby_class(other),
        };
        return Err(Failure::raised(format!("no implicit conversion of {class} into String")));
    };
    let octets = match &*call.name {
        "md5" => md5(text.as_bytes()).to_vec(),
        "sha1" => sha1::sha1(text.as_bytes()).to_vec(),
        _ => sha256::sha256(text.as_bytes()).to_vec(),
    };
    Ok(hex(&octets).into())
}

/// Octets in lower-case hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The message followed by a one bit, zeros, and its length in bits, in whole blocks of 64 octets.
fn padded(message: &[u8], length: [u8; 8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend(length);
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        assert_eq!(hex(&md5(b"abc")), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(&sha1::sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            hex(&sha256::sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let long = vec![b'a'; 1000];
        assert_eq!(
            hex(&sha256::sha256(&long)),
            "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
        );
    }
}
