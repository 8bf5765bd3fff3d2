//! PEM (RFC 7468): base64 blocks between BEGIN and END lines.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use std::sync::LazyLock;

/// Lists have megabytes: with the processor's vector instructions where the library knows them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Base64 = base64::engine::Simd;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Base64 = base64::engine::GeneralPurpose;

/// Reads with and without padding.
static BASE64: LazyLock<Base64> = LazyLock::new(|| {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    return Base64::standard(config);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return Base64::new(&base64::alphabet::STANDARD, config);
});

/// One decoded block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What stands between `BEGIN ` and the dashes, for instance `CERTIFICATE`.
    pub label: String,
    /// The decoded octets.
    pub der: Vec<u8>,
}

/// Why text is not a run of PEM blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemFault {
    /// A BEGIN line without its END line.
    #[error("the PEM block {label:?} has no END line")]
    Unterminated {
        /// The label of the block.
        label: String,
    },
    /// The END line names another label than the BEGIN line.
    #[error("the PEM block {label:?} ends as {found:?}")]
    LabelMismatch {
        /// The label of the BEGIN line.
        label: String,
        /// The label of the END line.
        found: String,
    },
    /// What stands between the lines is not base64.
    #[error("the PEM block {label:?} is not valid base64")]
    Base64 {
        /// The label of the block.
        label: String,
    },
    /// The block is encrypted in the old way of OpenSSL (`Proc-Type: 4,ENCRYPTED`, RFC 1421).
    #[error("the PEM block {label:?} is encrypted")]
    Encrypted {
        /// The label of the block.
        label: String,
    },
}

/// All blocks of a text, in order. Text outside of blocks is skipped (tools put readable dumps there), so a text
/// without any block is an empty list.
///
/// # Errors
/// Any block that is not well formed; nothing is skipped silently inside of a block.
pub fn parse_all(text: &[u8]) -> Result<Vec<Block>, PemFault> {
    let mut blocks = Vec::new();
    let mut lines = text.split(|octet| matches!(octet, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, b"-----BEGIN ") else { continue };
        let mut encoded = Vec::new();
        loop {
            let Some(line) = lines.next() else { return Err(PemFault::Unterminated { label }) };
            if let Some(found) = boundary(line, b"-----END ") {
                if found != label {
                    return Err(PemFault::LabelMismatch { label, found });
                }
                break;
            }
            if line.starts_with(b"-----BEGIN ") {
                return Err(PemFault::Unterminated { label });
            }
            if line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED") {
                return Err(PemFault::Encrypted { label });
            }
            // RFC 1421 headers; a colon is in no base64 alphabet.
            if encoded.is_empty() && line.contains(&b':') {
                continue;
            }
            encoded.extend(line.iter().filter(|octet| !octet.is_ascii_whitespace()));
        }
        match BASE64.decode(&encoded) {
            Ok(der) => blocks.push(Block { label, der }),
            Err(_) => return Err(PemFault::Base64 { label }),
        }
    }
    Ok(blocks)
}

/// One block as text: 64 columns, lines ended by `\n`, as OpenSSL and Puppet write it.
pub fn encode(label: &str, der: &[u8]) -> String {
    const OCTETS_PER_LINE: usize = 48;
    /// Encoded at once: line by line would be several times slower, which matters for a list of megabytes.
    const LINES: usize = 64;
    let lines = der.len().div_ceil(OCTETS_PER_LINE);
    let mut text = Vec::with_capacity(lines * 65 + 2 * label.len() + 34);
    text.extend_from_slice(b"-----BEGIN ");
    text.extend_from_slice(label.as_bytes());
    text.extend_from_slice(b"-----\n");
    let mut encoded = [0; 64 * LINES];
    for part in der.chunks(OCTETS_PER_LINE * LINES) {
        // Four characters for three octets: the array is as long as the longest part needs.
        let length = BASE64.encode_slice(part, &mut encoded).unwrap_or(0);
        for line in encoded[..length].chunks(64) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
    text.extend_from_slice(b"-----END ");
    text.extend_from_slice(label.as_bytes());
    text.extend_from_slice(b"-----\n");
    String::from_utf8(text).unwrap_or_default()
}

fn boundary(line: &[u8], start: &[u8]) -> Option<String> {
    let label = line.strip_prefix(start)?.strip_suffix(b"-----")?;
    std::str::from_utf8(label).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_around_blocks_and_carriage_returns_do_not_matter() {
        let text = b"Certificate:\r\n  Data: x\r\n-----BEGIN X-----\r\nAAEC\r\n-----END X-----\r\n\
                     junk\n-----BEGIN Y-----\n-----END Y-----";
        let blocks = parse_all(text).unwrap();
        assert_eq!(blocks[0], Block { label: "X".into(), der: vec![0, 1, 2] });
        assert_eq!(blocks[1], Block { label: "Y".into(), der: vec![] });
        assert_eq!(parse_all(b"no block here").unwrap(), []);
    }

    #[test]
    fn broken_blocks_are_named() {
        for (text, fault) in [
            ("-----BEGIN X-----\nAAEC\n", PemFault::Unterminated { label: "X".into() }),
            (
                "-----BEGIN X-----\n-----BEGIN X-----\n-----END X-----",
                PemFault::Unterminated { label: "X".into() },
            ),
            (
                "-----BEGIN X-----\nAAEC\n-----END Y-----\n",
                PemFault::LabelMismatch { label: "X".into(), found: "Y".into() },
            ),
            ("-----BEGIN X-----\nA*EC\n-----END X-----\n", PemFault::Base64 { label: "X".into() }),
            (
                "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAEC\n-----END X-----\n",
                PemFault::Encrypted { label: "X".into() },
            ),
        ] {
            assert_eq!(parse_all(text.as_bytes()), Err(fault));
        }
    }

    proptest! {
        #[test]
        fn blocks_round_trip(der in proptest::collection::vec(any::<u8>(), 0..7000)) {
            let text = encode("SOME LABEL", &der);
            prop_assert!(text.lines().all(|line| line.len() <= 64));
            prop_assert_eq!(parse_all(text.as_bytes()).unwrap(), vec![Block { label: "SOME LABEL".into(), der }]);
        }

        #[test]
        fn parsing_never_panics(text in "(-----(BEGIN|END) [XY]-----\n|[ -~]{0,20}\n|\r\n){0,9}") {
            let _ = parse_all(text.as_bytes());
        }
    }
}
